"""After a session: outcome and notes that are never in the way, and the history with search and transcripts."""

from collections.abc import Callable

import msgspec
import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QListWidget, QPlainTextEdit

from support_manager.errors import AppCode, Refused, RelayUnavailable
from support_manager.events import SessionSnapshot
from support_manager.files.book import Done
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import History, HistoryPage, Noted
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Audience, EndReason, Handover, HistoryEntry, Intake, Mode, SurveyAnswer
from tests.harness.centre_script import assisted, controlled
from tests.harness.session_script import line, now_ms
from tests.harness.session_window import WindowUnderTest, drain, until
from tests.harness.widgets import unnamed
from ui.dialogs.outcome import OutcomeDialog
from ui.models.transcript import TranscriptModel
from ui.widgets.plain import isolated
from ui.widgets.transcript_view import TranscriptView


def past(at: int, customer: str, **more: object) -> HistoryEntry:
    given: dict[str, object] = {"mode": Mode.MULTI, "started_at": at - 600_000, "customers": (customer,)}
    return HistoryEntry(session_id=f"p{at}", number="482119903", ended_at=at, **(given | more))  # type: ignore[arg-type]


LOST = EndReason.CONTROLLER_LOST
ANA = past(2_000_000, "Ana Popescu", outcome="Solved", notes="new driver", end_reason=LOST)
THANKS = SurveyAnswer(name="Ana Popescu", rating=5, comment="<b>thanks</b>")
ION = past(1_000_000, "Ion\u202e <i>V.</i>", tracking_code="T-17", queue_name="Support", reps=("Dan Pop",))


@pytest_asyncio.fixture(params=["en", "ro"])
async def desk(qapp, request):
    made = WindowUnderTest(request.param, email_at_start=False)
    made.intents.past = History(entries=(ANA, ION))
    secret = msgspec.structs.replace(line("he is rude", name="Dan", at=3), audience=Audience.REPS)
    made.intents.pages = {
        ANA.session_id: HistoryPage(entry=ANA, chat=(line("it stays red", at=1), secret), survey=(THANKS,)),
        ION.session_id: HistoryPage(entry=ION, kept=False),
    }
    yield made
    await made.work.aclose()
    made.close()


def dialogs(desk: WindowUnderTest) -> list[OutcomeDialog]:
    return [one for one in desk.window.findChildren(OutcomeDialog) if one.isVisible()]


def asked(desk: WindowUnderTest, name: str) -> list[tuple[object, ...]]:
    return [one[1:] for one in desk.intents.asked if one[0] == name]


def press(desk: WindowUnderTest, name: str) -> None:
    QTest.mouseClick(desk.find(name), Qt.MouseButton.LeftButton)
    drain()


async def noting(desk: WindowUnderTest) -> tuple[SessionSnapshot, OutcomeDialog]:
    """A running session, and its dialog once that knows what is kept."""
    session = controlled(desk)
    desk.actions.notes.trigger()
    drain()
    (dialog,) = dialogs(desk)
    await until(lambda: not desk.work.running(f"session_notes {session.id}"))
    return session, dialog


def problem_of(desk: WindowUnderTest) -> QLabel:
    """Where the dialog says what went wrong."""
    found = desk.find("outcome_dialog_problem", QLabel)
    assert isinstance(found, QLabel)
    return found


# --- outcome and notes


@pytest.mark.rule("B-12.7")
async def test_at_the_end_the_controller_writes_outcome_and_notes_or_skips(desk):
    session = controlled(desk)
    desk.intents.end(session.id)
    drain()
    (dialog,) = dialogs(desk)
    assert not dialog.isModal(), "the rep may go on with somebody else"
    assert unnamed(dialog) == []
    assert "Ana Popescu" in dialog.windowTitle()
    dialog.outcome.setCurrentIndex(0)
    first = dialog.outcome.currentText()
    QTest.keyClicks(dialog.notes, "new driver")
    press(desk, "outcome_dialog_save")
    await until(lambda: asked(desk, "note_session") == [(session.id, first, "new driver")])
    await until(lambda: dialogs(desk) == [])
    press(desk, "stateNotes")
    (again,) = dialogs(desk)
    await until(lambda: (again.outcome.currentText(), again.notes.toPlainText()) == (first, "new driver"))
    press(desk, "outcome_dialog_skip")
    assert dialogs(desk) == []
    assert desk.actions.notes.isEnabled(), "the menu has what the tab has"
    desk.actions.notes.trigger()
    assert [one.session_id for one in dialogs(desk)] == [session.id]
    press(desk, "outcome_dialog_skip")
    assert len(asked(desk, "note_session")) == 1


def takes_keyboard(desk: WindowUnderTest, session: SessionSnapshot) -> bool:
    """Whether the window manager is asked to activate the question; that it does is its own affair, and not seen
    here: this platform activates every window."""
    (dialog,) = [one for one in dialogs(desk) if one.session_id == session.id]
    return not dialog.testAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)


async def end_himself(desk: WindowUnderTest, session: SessionSnapshot, then: Callable[[], object]) -> None:
    """The rep's own command, confirmed; what he does then; and the session's end, which the relay answers with."""
    desk.actions.end_session.trigger()
    press(desk, "end_dialog_confirm")
    then()
    drain()
    assert session.id in desk.intents.sessions
    await until(lambda: asked(desk, "end_session") == [(session.id,)])
    await until(lambda: session.id not in desk.intents.sessions)


@pytest.mark.rule("B-12.7")
async def test_who_has_just_ended_a_session_goes_on_with_outcome_and_notes(desk):
    session = controlled(desk)
    await end_himself(desk, session, lambda: None)
    assert takes_keyboard(desk, session)


@pytest.mark.rule("B-12.7")
async def test_an_end_that_the_rep_did_not_bring_about_takes_no_key_of_his(desk):
    session = controlled(desk)
    desk.intents.end(session.id)  # in another app of his, or before the connection was back
    drain()
    assert not takes_keyboard(desk, session)


@pytest.mark.rule("B-12.7")
@pytest.mark.parametrize("went_on", ["by a click", "by a key", "another tab came"])
async def test_who_has_gone_on_to_something_else_keeps_the_keyboard_there(desk, went_on):
    acts = {
        "by a click": lambda: QTest.mouseClick(desk.find("besideFiles"), Qt.MouseButton.LeftButton),
        "by a key": lambda: QTest.keyClick(desk.find("chatInput"), Qt.Key.Key_X),
        "another tab came": lambda: desk.intents.open("111222333"),
    }
    session = controlled(desk)
    await end_himself(desk, session, acts[went_on])
    assert not takes_keyboard(desk, session)


@pytest.mark.rule("B-12.7")
async def test_notes_that_are_open_already_take_no_key_at_an_end_of_another_kind(desk, monkeypatch):
    session, dialog = await noting(desk)
    activated: list[str] = []
    monkeypatch.setattr(dialog, "activateWindow", lambda: activated.append("dialog"))
    desk.intents.end(session.id, EndReason.EXPIRED)
    drain()
    assert dialogs(desk) == [dialog]
    assert activated == []
    desk.actions.notes.trigger()
    assert activated == ["dialog"], "asked for, it comes to the front"


async def test_a_return_too_many_on_end_does_not_answer_the_question(desk):
    session, dialog = await noting(desk)
    QTest.keyClick(dialog.outcome, Qt.Key.Key_Return)
    drain()
    assert dialogs(desk) == [dialog]
    assert asked(desk, "note_session") == []
    QTest.keyClicks(dialog.outcome, "Mended")
    QTest.keyClick(dialog.outcome, Qt.Key.Key_Return)
    await until(lambda: asked(desk, "note_session") == [(session.id, "Mended", "")])


async def test_closing_the_tab_is_a_not_now_but_loses_nothing_that_was_begun(desk):
    first, second = controlled(desk), desk.intents.open("111222333")
    desk.intents.join(second.id)
    for session in (first, second):
        desk.intents.end(session.id)
    drain()
    kept = next(one for one in dialogs(desk) if one.session_id == second.id)
    kept.notes.setPlainText("half a sentence")
    for session in (first, second):
        desk.window._close_tab(session.id)
    drain()
    assert dialogs(desk) == [kept]


async def test_it_is_not_asked_where_there_is_nothing_to_tell(desk):
    alone = desk.intents.open("111222333")
    desk.intents.end(alone.id)
    session = assisted(desk)
    desk.intents.end(session.id, EndReason.ENDED_BY_REP)
    drain()
    assert dialogs(desk) == []
    assert not desk.shown("stateNotes")
    assert not desk.actions.notes.isEnabled()
    desk.window.after_session.quiet = True
    last = controlled(desk)
    desk.intents.end(last.id)
    drain()
    assert dialogs(desk) == [], "the app is closing"


@pytest.mark.rule("B-12.7")
async def test_a_refusal_is_said_and_nothing_written_is_lost(desk):
    session = controlled(desk)
    desk.actions.notes.trigger()
    drain()
    (dialog,) = dialogs(desk)
    desk.actions.notes.trigger()
    drain()
    assert dialogs(desk) == [dialog], "one for a session"
    dialog.notes.setPlainText("x" * (limits.NOTES_CHARS + 1))
    assert not desk.find("outcome_dialog_save").isEnabled()
    assert dialog.notes.property("wrong")
    dialog.notes.setPlainText("ș" * limits.NOTES_CHARS)
    desk.intents.error = Refused(ErrorCode.NOT_SUPPORTED)
    press(desk, "outcome_dialog_save")
    problem = problem_of(desk)
    await until(lambda: problem.text() == desk.work.sentence(Refused(ErrorCode.NOT_SUPPORTED)))
    assert dialogs(desk) == [dialog]
    desk.intents.error = None
    await until(lambda: desk.find("outcome_dialog_save").isEnabled())
    press(desk, "outcome_dialog_save")
    await until(lambda: dialogs(desk) == [])
    assert asked(desk, "note_session")[-1] == (session.id, "", "ș" * limits.NOTES_CHARS)


@pytest.mark.rule("B-12.7")
async def test_what_a_colleague_wrote_is_there_before_one_writes(desk):
    session = controlled(desk)
    desk.intents.noted = {session.id: Noted(outcome="Partly", notes="serial number 12")}
    desk.intents.end(session.id)
    drain()
    (dialog,) = dialogs(desk)
    await until(lambda: dialog.notes.toPlainText() == "serial number 12")
    assert dialog.outcome.currentText() == "Partly"
    assert not dialog.begun
    dialog.outcome.setEditText("Solved")
    press(desk, "outcome_dialog_save")
    await until(lambda: dialogs(desk) == [])
    assert desk.intents.noted[session.id] == Noted(outcome="Solved", notes="serial number 12")


@pytest.mark.rule("B-12.7")
async def test_what_was_saved_meanwhile_is_kept_beside_what_is_typed(desk):
    session, dialog = await noting(desk)
    dialog.outcome.setEditText("Solved")
    dialog.notes.setPlainText("new driver")
    desk.intents.noted = {session.id: Noted(outcome="Partly", notes="serial number 12")}
    press(desk, "outcome_dialog_save")
    problem = problem_of(desk)
    await until(lambda: problem.text() == desk.work.sentence(Refused(ErrorCode.NOTES_CHANGED)))
    both = Noted(outcome="Solved", notes="Partly\n\nserial number 12\n\nnew driver")
    assert (dialog.outcome.currentText(), dialog.notes.toPlainText()) == (both.outcome, both.notes)
    assert dialog.begun, "closing the tab must not close this"
    press(desk, "outcome_dialog_save")
    await until(lambda: dialogs(desk) == [])
    assert desk.intents.noted[session.id] == both


@pytest.mark.rule("B-12.7")
async def test_own_notes_whose_answer_was_lost_are_no_others(desk):
    session, dialog = await noting(desk)
    dialog.notes.setPlainText("new driver")
    desk.intents.error = lost = RelayUnavailable(AppCode.CONNECTION_LOST)
    press(desk, "outcome_dialog_save")
    problem = problem_of(desk)
    await until(lambda: problem.text() == desk.work.sentence(lost))
    desk.intents.error = None
    desk.intents.noted = {session.id: Noted(notes="new driver")}
    dialog.notes.setPlainText("new driver, tray 2")
    press(desk, "outcome_dialog_save")
    await until(lambda: dialogs(desk) == [])
    assert desk.intents.noted[session.id] == Noted(notes="new driver, tray 2")


@pytest.mark.rule("B-12.7")
async def test_what_is_typed_while_the_rest_is_being_saved_is_not_lost(desk):
    session, dialog = await noting(desk)
    dialog.notes.setPlainText("new driver")
    press(desk, "outcome_dialog_save")
    dialog.notes.setPlainText("new driver, tray 2")
    assert not desk.find("outcome_dialog_save").isEnabled(), "one after the other"
    await until(lambda: desk.find("outcome_dialog_save").isEnabled())
    assert dialogs(desk) == [dialog]
    press(desk, "outcome_dialog_save")
    await until(lambda: dialogs(desk) == [])
    assert desk.intents.noted[session.id] == Noted(notes="new driver, tray 2")


@pytest.mark.rule("B-12.7")
async def test_what_is_typed_before_the_answer_stays_and_is_saved_beside_what_was_kept(desk):
    session = controlled(desk)
    desk.intents.noted = {session.id: Noted(notes="n" * (limits.NOTES_CHARS - 8))}
    desk.actions.notes.trigger()
    (dialog,) = dialogs(desk)
    dialog.notes.setPlainText("new driver")
    await until(lambda: not desk.work.running(f"session_notes {session.id}"))
    assert dialog.notes.toPlainText() == "new driver"
    press(desk, "outcome_dialog_save")
    problem = problem_of(desk)
    await until(lambda: dialog.notes.toPlainText().endswith("nnn\n\nnew driver"))
    assert problem.text() == desk.window._kit.say("chat.too_long", count=4), "the rep shortens it, not the app"
    assert not desk.find("outcome_dialog_save").isEnabled()
    dialog.notes.setPlainText(dialog.notes.toPlainText()[5:])
    press(desk, "outcome_dialog_save")
    await until(lambda: dialogs(desk) == [])
    assert desk.intents.noted[session.id].notes.endswith("nnn\n\nnew driver")


async def test_it_follows_the_language_and_keeps_what_is_typed(desk):
    controlled(desk)
    desk.actions.notes.trigger()
    (dialog,) = dialogs(desk)
    dialog.outcome.setEditText("my own")
    title = dialog.windowTitle()
    desk.translator.set_language({"en": "ro", "ro": "en"}[desk.translator.language])
    assert dialog.windowTitle() != title
    box = desk.find("outcome_dialog_outcome", QComboBox)
    assert isinstance(box, QComboBox)
    assert box.currentText() == "my own"


# --- the history


@pytest.mark.rule("B-12.7")
async def test_the_history_lists_and_reads_what_is_over(desk):
    desk.actions.history.trigger()
    await until(lambda: desk.shown("transcript"))
    assert unnamed(desk.window.sheet) == []
    found = desk.find("historyList", QListWidget)
    assert isinstance(found, QListWidget)
    assert [found.item(at).text().splitlines()[0] for at in range(2)] == ["Ana Popescu", "Ion <i>V.</i>"]
    facts = desk.find("historyFacts", QLabel).text()  # type: ignore[attr-defined]
    assert found.item(0).toolTip() in facts.splitlines(), "both times, each by its name"
    assert found.item(0).text().splitlines()[1].split(" · ")[0] in found.item(0).toolTip()
    assert desk.find("historyOutcome", QLabel).text() == "Solved"  # type: ignore[attr-defined]
    assert desk.find("historyNotes", QLabel).text() == "new driver"  # type: ignore[attr-defined]
    rated = desk.window._kit.say("history.rating", count=5)
    assert desk.find("historySurvey", QLabel).text() == f"{rated}\n<b>thanks</b>"  # type: ignore[attr-defined]
    shown = desk.find("transcript", TranscriptView)
    assert isinstance(shown, TranscriptView)
    over = desk.window._kit.say("mark.ended.controller_lost")
    assert [shown.model().index(at, 0).data() for at in range(shown.model().rowCount())] == ["it stays red", over]
    press(desk, "historySwitch")
    shown = desk.find("transcript", TranscriptView)
    assert isinstance(shown, TranscriptView)
    assert [shown.model().index(at, 0).data() for at in range(shown.model().rowCount())] == ["he is rude"]
    found.setCurrentRow(1)
    await until(lambda: desk.find("historyNothing", QLabel).text() == desk.window._kit.say("history.not_kept"))  # type: ignore[attr-defined]
    assert "T-17" in desk.find("historyFacts", QLabel).text()  # type: ignore[attr-defined]
    assert not desk.shown("historySwitch")


@pytest.mark.rule("B-12.7")
async def test_the_history_calls_the_reader_you_and_has_what_the_form_said(desk):
    form = Intake(queue_name="Support", problem="<b>My printer</b> says offline")
    note = Handover(by="Dan Pop", message="<i>New</i> driver")
    said = (line("it stays red", at=1), line("so it does", sender="rep", name="Maria Grigore", at=2))
    page = HistoryPage(entry=ANA, chat=said, yours=("rep",), intake=form, handovers=(note,))
    desk.intents.pages[ANA.session_id] = page
    desk.actions.history.trigger()
    await until(lambda: desk.shown("transcript"))
    shown = desk.find("transcript", TranscriptView)
    assert isinstance(shown, TranscriptView)
    model = shown.model()
    assert isinstance(model, TranscriptModel)
    heads = [model.heading(model.row(at)) for at in range(model.rowCount())]
    assert "Ana Popescu" in heads[0]
    assert heads[1].startswith(desk.window._kit.say("chat.you"))
    assert desk.find("intakeTitle", QLabel).text() == desk.window._kit.say("side.intake", queue=isolated("Support"))  # type: ignore[attr-defined]
    assert desk.find("intakeText", QLabel).text() == form.problem  # type: ignore[attr-defined]
    assert "transparent" in shown.verticalScrollBar().styleSheet(), "nothing to scroll, so no handle is there"
    title = desk.window._kit.say("side.handover", name=isolated("Dan Pop"))
    assert desk.find("handoverTitle", QLabel).text() == title  # type: ignore[attr-defined]
    assert desk.find("handoverText", QLabel).text() == note.message  # type: ignore[attr-defined]
    desk.find("historyList", QListWidget).setCurrentRow(1)  # type: ignore[attr-defined]
    await until(lambda: not desk.shown("intakeText"))
    assert not desk.shown("handoverText")


@pytest.mark.rule("B-12.7")
async def test_the_history_shows_what_each_of_several_customers_answered(desk):
    both = msgspec.structs.replace(ANA, customers=("Ana Popescu", "Ion\u202e\nV."))
    survey = (THANKS, SurveyAnswer(name="Ion\u202e\nV.", rating=2, comment="still\nred"), SurveyAnswer(rating=3))
    desk.intents.past = History(entries=(both,))
    desk.intents.pages[ANA.session_id] = HistoryPage(entry=both, survey=survey)
    desk.actions.history.trigger()
    await until(lambda: desk.shown("historySurvey"))
    say = desk.window._kit.say
    ana, ion = (
        say("history.rating_by", name=isolated(name), count=rating)
        for name, rating in (("Ana Popescu", 5), ("Ion V.", 2))
    )
    shown = desk.find("historySurvey", QLabel).text()  # type: ignore[attr-defined]
    assert shown.splitlines() == [ana, "<b>thanks</b>", ion, "still", "red", say("history.rating", count=3)]


@pytest.mark.rule("B-7.5", "B-12.7")
async def test_the_history_tells_which_files_arrived_also_where_no_line_was_kept(desk):
    desk.intents.arrived[ION.session_id] = (
        Done(session_id=ION.session_id, transfer="t", incoming=False, name="fix.exe", size=5, digest="ab" * 32, at=1),
    )
    desk.actions.history.trigger()
    await until(lambda: desk.shown("transcript"))
    desk.find("historyList", QListWidget).setCurrentRow(1)  # type: ignore[attr-defined]
    await until(lambda: desk.shown("transcript") and "fix.exe" in _first_words(desk))
    assert "ab" * 32 in _first_words(desk)


def _first_words(desk: WindowUnderTest) -> str:
    shown = desk.find("transcript", TranscriptView)
    assert isinstance(shown, TranscriptView)
    return str(shown.model().index(0, 0).data()).replace("\u200b", "")


@pytest.mark.rule("B-12.7")
async def test_the_history_is_searched_and_goes_back_page_by_page(desk):
    desk.intents.past = History(entries=(ANA,), more=True)
    desk.actions.history.trigger()
    await until(lambda: desk.shown("historyMore"))
    desk.intents.past = History(entries=(ION,))
    press(desk, "historyMore")
    await until(lambda: desk.find("historyList", QListWidget).count() == 2)  # type: ignore[attr-defined]
    assert asked(desk, "history") == [("", None), ("", ANA.ended_at)]
    assert not desk.shown("historyMore")
    desk.intents.past = History()
    typed = desk.find("historySearch", QLineEdit)
    QTest.keyClicks(typed, "printer")
    await until(lambda: asked(desk, "history")[-1] == ("printer", None))
    await until(lambda: desk.find("historyState", QLabel).text() == desk.window._kit.say("history.none"))  # type: ignore[attr-defined]
    assert not desk.shown("historyName"), "nothing is chosen"


@pytest.mark.rule("B-12.7")
async def test_notes_are_edited_from_the_history(desk):
    desk.intents.noted = {ANA.session_id: Noted(outcome=ANA.outcome, notes=ANA.notes)}
    desk.actions.history.trigger()
    await until(lambda: desk.shown("historyEdit"))
    press(desk, "historyEdit")
    (dialog,) = dialogs(desk)
    assert (dialog.outcome.currentText(), dialog.notes.toPlainText()) == ("Solved", "new driver")
    desk.find("outcome_dialog_notes", QPlainTextEdit).setPlainText("came back")  # type: ignore[attr-defined]
    press(desk, "outcome_dialog_save")
    await until(lambda: asked(desk, "note_session") == [(ANA.session_id, "Solved", "came back")])
    await until(lambda: desk.find("historyNotes", QLabel).text() == "came back")  # type: ignore[attr-defined]


async def test_what_the_relay_cannot_do_is_said_with_a_way_to_try_again(desk):
    desk.intents.error = Refused(ErrorCode.NOT_SUPPORTED)
    desk.actions.history.trigger()
    await until(lambda: desk.shown("historyAgain"))
    assert desk.find("historyState", QLabel).text() == desk.work.sentence(Refused(ErrorCode.NOT_SUPPORTED))  # type: ignore[attr-defined]
    desk.intents.error = None
    press(desk, "historyAgain")
    await until(lambda: desk.shown("transcript"))


async def test_an_answer_that_comes_too_late_shows_nothing(desk):
    desk.actions.history.trigger()
    await until(lambda: desk.shown("transcript"))
    panel = desk.window.sheet.content
    panel._found(0, History(entries=(past(now_ms(), "Late"),)), more=False)  # type: ignore[union-attr]
    assert desk.find("historyList", QListWidget).count() == 2  # type: ignore[attr-defined]


async def test_who_assists_writes_no_notes(desk):
    assisted(desk)
    assert not desk.actions.notes.isEnabled()
    assert desk.actions.current is not None
    assert desk.actions.current.role is Role.ASSISTANT
