"""Photographs every panel and dialog of the app, light and dark, English and Romanian, as one contact sheet for each.

`python -m tools.looks [FOLDER]` needs no relay: the sessions are scripted. Real windows on a virtual screen with a
window manager, so that what is clipped or misplaced there is so in the picture. `--web` photographs the customer's
page, the site and the admin area instead (see `looks_web`).
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QListWidget, QTabBar, QWidget

from support_manager.errors import AppCode
from support_manager.events import Happening, Link, Picture
from support_manager.files.lines import FileLine, FileState
from support_manager.protocol.activities import ActivityState
from support_manager.protocol.requests import History, HistoryPage
from support_manager.protocol.roles import SessionState
from support_manager.protocol.views import (
    Connection,
    EndReason,
    Handover,
    HistoryEntry,
    Intake,
    Mark,
    MarkKind,
    Mode,
    SurveyAnswer,
    TransferTarget,
    TransferView,
)
from support_manager.settings import Reply
from tests.harness.centre_script import EVE, ION, TARGETS, assisted, be_agent, controlled, item, rep
from tests.harness.display import Display
from tests.harness.fake_recordings import recording_of
from tests.harness.session_script import REP, line, now_ms
from tests.harness.session_window import WindowUnderTest, drain
from tools import looks_web
from ui.dialogs.certificate import CertificateDialog
from ui.dialogs.close import CloseDialog, Closing
from ui.dialogs.crash import CrashDialog
from ui.dialogs.sign_in import SignInPage
from ui.icon_tray import IconTray
from ui.tray import Tray
from ui.widgets.kit import Desk, Kit

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "looks"
LOOKS = (("light", "en"), ("dark", "en"), ("light", "ro"), ("dark", "ro"))
WIDTH, HEIGHT = 1180, 760
SETTLE_S = 0.35

LINES = (
    line("Good morning! The red light has been blinking since yesterday.", at=now_ms() - 200_000),
    line("Good morning, Ana. Please show me the screen.", sender="rep", name="Maria Grigore", at=now_ms() - 150_000),
    line("Where do I click?", at=now_ms() - 90_000),
)


def _past(at: int, customer: str, **more: Any) -> HistoryEntry:  # noqa: ANN401 - fields of `HistoryEntry`
    given: dict[str, Any] = {"mode": Mode.MULTI, "started_at": at - 600_000, "end_reason": EndReason.ENDED_BY_REP}
    given["customers"] = (customer,)
    return HistoryEntry(session_id=f"p{at}", number="482119903", ended_at=at, **(given | more))


PAST = (
    _past(
        now_ms() - 86_400_000,
        "Ana Popescu",
        customers=("Ana Popescu", "Radu Enache"),
        mode=Mode.SINGLE,
        outcome="Solved",
        notes="New driver, tray 2.",
    ),
    _past(now_ms() - 90_000_000, "Ion Vasilescu", tracking_code="T-17", queue_name="Support", reps=("Dan Pop",)),
)

Scene = Callable[[WindowUnderTest], Awaitable[None]]
SCENES: dict[str, Scene] = {}


def scene(made: Scene) -> Scene:
    """Put a scene into the list, under its own name."""
    SCENES[made.__name__.replace("_", "-")] = made
    return made


async def settle(seconds: float = SETTLE_S) -> None:
    """Let fades and hover effects end: not a condition but the eye's."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        drain()
        await asyncio.sleep(0.01)


def joined(desk: WindowUnderTest, **view: Any) -> str:  # noqa: ANN401 - fields of `SessionView`
    """A running session with its customer, and a few lines."""
    made = desk.intents.open(**view)
    desk.intents.join(made.id)
    desk.intents.say(made.id, *LINES)
    return made.id


def _kit(desk: WindowUnderTest) -> Kit:
    return Kit(desk.intents, desk.translator, desk.theme, desk.work)


@scene
async def sign_in(desk: WindowUnderTest) -> None:
    """Sign in, with what is missing."""
    desk.intents.account = None
    desk.window.set_sign_in_page(SignInPage(_kit(desk), "https://support.example.com"))
    await settle(0.1)
    desk.find("sign_in_button").click()  # type: ignore[attr-defined]


@scene
async def certificate_changed(desk: WindowUnderTest) -> None:
    """Another certificate than the one that was accepted."""
    CertificateDialog(_kit(desk), "support.example.com", "ab12" * 16, changed=True, parent=desk.window).start()


@scene
async def certificate_not_trusted(desk: WindowUnderTest) -> None:
    """The way back to a certificate that was not accepted."""
    joined(desk)
    desk.intents.set_link(Link.RECONNECTING, 12)
    desk.window.link_bar.offer_certificate(True)


@scene
async def crash(desk: WindowUnderTest) -> None:
    """An error nobody expected."""
    CrashDialog(_kit(desk), "/reports/crash.txt", desk.window).start()


@scene
async def start(desk: WindowUnderTest) -> None:
    """Start."""
    desk.window.show()


@scene
async def start_of_an_agent(desk: WindowUnderTest) -> None:
    """Start of an agent."""
    be_agent(desk)


@scene
async def waiting_for_the_customer(desk: WindowUnderTest) -> None:
    """Waiting for the customer."""
    desk.intents.open()


@scene
async def invite_a_customer(desk: WindowUnderTest) -> None:
    """Invite a customer."""
    desk.intents.open()
    desk.actions.invite.trigger()


@scene
async def invite_not_delivered(desk: WindowUnderTest) -> None:
    """Invite not delivered."""
    desk.intents.open()
    desk.intents.settings = desk.intents.settings.__class__(own_mail_program=False)
    desk.actions.invite.trigger()
    await settle()
    desk.find("inviteRep").click()  # type: ignore[attr-defined]
    desk.find("inviteAddress").setText("not an address")  # type: ignore[attr-defined]
    desk.find("inviteOk").click()  # type: ignore[attr-defined]


@scene
async def customer_is_here(desk: WindowUnderTest) -> None:
    """Customer is here."""
    joined(desk)


WRITTEN = {
    "intake": Intake(queue_name="Support", email="ana@example.com", problem="The printer blinks since this morning."),
    "handover": Handover(by="Dan Pop", message="The driver is new; the light stays. Tray 2 was never opened."),
}


@scene
async def accepted_with_what_was_written(desk: WindowUnderTest) -> None:
    """Accepted with what was written."""
    be_agent(desk)
    joined(desk, **WRITTEN)


@scene
async def dashboard_with_what_was_written(desk: WindowUnderTest) -> None:
    """Dashboard with what was written."""
    made = controlled(desk)
    desk.intents.change(made.id, view=WRITTEN)


@scene
async def dashboard_with_somebody_waiting(desk: WindowUnderTest) -> None:
    """Dashboard with somebody waiting."""
    made = controlled(desk, ION, EVE, rep())
    desk.intents.say(made.id, *LINES)


@scene
async def assisting(desk: WindowUnderTest) -> None:
    """Assisting."""
    made = assisted(desk)
    marks = (Mark(seq=9, at=now_ms(), kind=MarkKind.CONTROL, name="Dan Pop", former="Maria Grigore"),)
    desk.intents.change(made.id, view={"marks": marks})
    desk.intents.say(made.id, *LINES)


@scene
async def controller_is_lost(desk: WindowUnderTest) -> None:
    """Controller is lost."""
    made = assisted(desk)
    people = tuple(
        one.__class__(**{**{f: getattr(one, f) for f in one.__struct_fields__}, "connection": Connection.LOST})
        if one.name == "Dan Pop"
        else one
        for one in desk.intents.sessions[made.id].view.participants
    )
    desk.intents.change(made.id, view={"participants": people})


@scene
async def passed_on_to_a_queue(desk: WindowUnderTest) -> None:
    """Passed on to a queue."""
    made = assisted(desk)
    transfer = TransferView(to=TransferTarget.QUEUE, since=now_ms(), queue_name="Support", former="Dan Pop")
    people = tuple(one for one in desk.intents.sessions[made.id].view.participants if one.name != "Dan Pop")
    desk.intents.change(made.id, view={"state": SessionState.QUEUED, "transfer": transfer, "participants": people})


@scene
async def customer_left(desk: WindowUnderTest) -> None:
    """Customer left, who had come by a queue's form."""
    be_agent(desk)
    made = joined(desk, **WRITTEN)
    desk.intents.change(made, view={"participants": (REP,)})
    desk.intents.notice(made, Happening.LEFT)


@scene
async def message(desk: WindowUnderTest) -> None:
    """Message that is shown for a while, in a narrow window."""
    be_agent(desk)
    joined(desk)
    desk.window.resize(997, HEIGHT)
    desk.work.tell(desk.translator.t("app", "notify.offer_gone", name="Ion Vasilescu"))


@scene
async def asked_for_the_screen(desk: WindowUnderTest) -> None:
    """Asked for the screen, and for a recording."""
    made = joined(desk)
    desk.intents.picture(made, Picture.ASKED)
    desk.intents.records(made, ActivityState.ASKED)


@scene
async def connection_lost(desk: WindowUnderTest) -> None:
    """Connection to the customer lost, and to the relay."""
    made = joined(desk)
    desk.intents.customer(made, connection=Connection.LOST)
    desk.intents.set_link(Link.RECONNECTING, 12)


@scene
async def files(desk: WindowUnderTest) -> None:
    """Files: offered, moving, arrived, failed."""
    made = joined(desk)
    moving: dict[str, Any] = {"done": 500_000, "rate": 100_000.0}
    states: tuple[tuple[str, FileState, dict[str, Any]], ...] = (
        ("Photo of the printer.jpg", FileState.OFFERED, {}),
        ("A very long name of a report about the printer in the hall.pdf", FileState.RUNNING, moving),
        ("Driver.zip", FileState.DONE, {"digest": "0123456789abcdef" * 4, "incoming": False}),
        ("Log.txt", FileState.FAILED, {"code": AppCode.FILE_NO_ROOM}),
    )
    given: dict[str, Any] = {"session_id": made, "incoming": True, "other": "Ana Popescu", "size": 2_000_000}
    lines = (
        FileLine(id=f"f{at}", name=name, state=state, **(given | more)) for at, (name, state, more) in enumerate(states)
    )
    desk.intents.set_files(made, *lines)
    desk.window._panels[made].beside.bring("files")


@scene
async def session_menu(desk: WindowUnderTest) -> None:
    """Session menu of an agent in charge."""
    be_agent(desk)
    controlled(desk, rep())
    desk.find("topSession").click()  # type: ignore[attr-defined]


@scene
async def tab_in_a_window_of_its_own(desk: WindowUnderTest) -> None:
    """A tab that was taken out of the window."""
    session_id = joined(desk)
    desk.window.tabs.detach_wanted.emit(session_id)


@scene
async def session_is_over(desk: WindowUnderTest) -> None:
    """Session is over."""
    desk.intents.end(joined(desk))


@scene
async def outcome_and_notes(desk: WindowUnderTest) -> None:
    """Outcome and notes."""
    made = controlled(desk)
    desk.intents.end(made.id)


@scene
async def inbox(desk: WindowUnderTest) -> None:
    """Inbox."""
    be_agent(
        desk,
        item("w", "Ana Popescu", age_s=190, problem="The printer blinks since this morning.", email="ana@example.com"),
        item("o", "Ion Vasilescu", age_s=20, offered_s=24, former="Dan Pop", message="Driver is new; the light stays."),
    )
    joined(desk)


@scene
async def inbox_without_names(desk: WindowUnderTest) -> None:
    """Inbox while the rep's screen is shown."""
    await inbox(desk)
    desk.window.seat.inbox.set_unseen(True)


@scene
async def inbox_empty(desk: WindowUnderTest) -> None:
    """Inbox empty."""
    be_agent(desk)
    joined(desk)


@scene
async def private_chat(desk: WindowUnderTest) -> None:
    """Private chat."""
    made = controlled(desk, rep(), mode=Mode.MULTI)
    desk.intents.say(made.id, *LINES)
    desk.actions.focus_private.trigger()


@scene
async def assist_session(desk: WindowUnderTest) -> None:
    """Assist session."""
    desk.commands.assist("555 666 777")
    await settle()
    desk.find("assist_dialog_join").click()  # type: ignore[attr-defined]


@scene
async def transfer_control(desk: WindowUnderTest) -> None:
    """Transfer control."""
    controlled(desk, rep(), rep("Zoe Ilie"))
    desk.actions.transfer_control.trigger()


@scene
async def transfer_session_to_a_queue(desk: WindowUnderTest) -> None:
    """Transfer session to a queue."""
    be_agent(desk)
    desk.intents.targets = TARGETS
    controlled(desk)
    desk.actions.transfer_session.trigger()


@scene
async def transfer_session_to_agents(desk: WindowUnderTest) -> None:
    """Transfer session to agents."""
    await transfer_session_to_a_queue(desk)
    await settle()
    desk.find("transfer_dialog_tabs", QTabBar).setCurrentIndex(1)  # type: ignore[attr-defined]
    await settle(0.1)
    desk.find("transfer_dialog_message").setPlainText("a" * 360)  # type: ignore[attr-defined]


@scene
async def transfer_session_to_nobody(desk: WindowUnderTest) -> None:
    """Transfer session to nobody."""
    be_agent(desk)
    controlled(desk)
    desk.actions.transfer_session.trigger()


@scene
async def help_another_customer(desk: WindowUnderTest) -> None:
    """Help another customer while one shows his screen."""
    desk.intents.picture(controlled(desk, ION).id, Picture.LIVE)
    await settle()
    desk.find("person_help").click()  # type: ignore[attr-defined]


@scene
async def leave_or_pass_on(desk: WindowUnderTest) -> None:
    """Leave or pass on."""
    be_agent(desk)
    controlled(desk, rep())
    desk.actions.leave_session.trigger()


@scene
async def end_session(desk: WindowUnderTest) -> None:
    """End session."""
    controlled(desk)
    desk.actions.end_session.trigger()


@scene
async def close_the_window(desk: WindowUnderTest) -> None:
    """Close the window."""
    joined(desk)
    CloseDialog(_kit(desk), 2, closing=Closing.WINDOW, tray=True, actions=desk.actions, parent=desk.window).start()


@scene
async def sign_out_of_open_sessions(desk: WindowUnderTest) -> None:
    """Sign out while a session is open."""
    joined(desk)
    CloseDialog(_kit(desk), 1, closing=Closing.ACCOUNT, tray=True, actions=desk.actions, parent=desk.window).start()


@scene
async def preferences(desk: WindowUnderTest) -> None:
    """Preferences."""
    desk.actions.preferences.trigger()


@scene
async def about(desk: WindowUnderTest) -> None:
    """About."""
    desk.actions.about.trigger()


@scene
async def history(desk: WindowUnderTest) -> None:
    """History."""
    desk.intents.past = History(entries=PAST)
    written = WRITTEN["intake"]
    assert isinstance(written, Intake)
    long = Handover(by="Maria Grigore", message="It is the cable, not the driver; she moves the printer. " * 6)
    handovers = ((WRITTEN["handover"],), (WRITTEN["handover"], long, long))
    several = SurveyAnswer(name="Ana Popescu", rating=5, comment="Thanks!"), SurveyAnswer(name="Radu Enache", rating=2)
    rated = (several, ())
    desk.intents.pages = {
        one.session_id: HistoryPage(
            entry=one,
            chat=LINES,
            survey=survey,
            yours=("rep",),
            intake=written,
            handovers=notes,  # type: ignore[arg-type]
        )
        for one, survey, notes in zip(PAST, rated, handovers, strict=True)
    }
    desk.actions.history.trigger()


@scene
async def history_much_written(desk: WindowUnderTest) -> None:
    """History of a session that was passed on again and again."""
    await history(desk)
    await settle()
    desk.find("historyList", QListWidget).setCurrentRow(1)  # type: ignore[attr-defined]


@scene
async def history_empty(desk: WindowUnderTest) -> None:
    """History empty."""
    desk.actions.history.trigger()


@scene
async def replies(desk: WindowUnderTest) -> None:
    """Replies."""
    desk.actions.replies.trigger()


@scene
async def replies_written(desk: WindowUnderTest) -> None:
    """Replies that were written."""
    written = (Reply("Hello", "Good day {customer}, I am {rep} of {company}."), Reply("Bye", "Thank you, {customer}."))
    desk.intents.settings = desk.intents.settings.__class__(replies=written)
    desk.actions.replies.trigger()


@scene
async def recordings_kept(desk: WindowUnderTest) -> None:
    """Recordings that are kept, one of them chosen to be deleted."""
    desk.intents.kept = (recording_of("Ana Popescu"), recording_of("Ion Vasilescu", 1_764_200_000_000))
    desk.actions.recordings.trigger()
    await settle()
    desk.find("recordingsList", QListWidget).setCurrentRow(0)  # type: ignore[attr-defined]
    desk.find("recordingDelete").click()  # type: ignore[attr-defined]


@scene
async def recordings(desk: WindowUnderTest) -> None:
    """Recordings."""
    desk.actions.recordings.trigger()


@scene
async def tray_menu(desk: WindowUnderTest) -> None:
    """Tray menu."""
    be_agent(desk)
    controlled(desk, rep())
    desk.intents.open("111222333")
    tray = Tray(_kit(desk), desk.actions, desk.bridge, desk.window)
    tray._refresh()
    tray.menu.popup(desk.window.mapToGlobal(desk.window.rect().center() * 0.4))


@scene
async def icon_tray(desk: WindowUnderTest) -> None:
    """Icon tray."""
    controlled(desk, rep())
    kit = Desk(desk.intents, desk.translator, desk.theme, desk.work, desk.actions)
    bar = IconTray(kit, desk.window)
    desk.window._refresh()
    desk.actions.icon_tray.trigger()
    bar.move(desk.window.mapToGlobal(desk.window.rect().center() - bar.rect().center()))


async def photograph(name: str, look: Scene, out: Path) -> None:
    """One scene in all four looks, and its contact sheet."""
    shots: list[QImage] = []
    for theme, language in LOOKS:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        desk = WindowUnderTest(language, email_at_start=False)
        desk.theme.choose(theme)
        desk.window.setGeometry(20, 40, WIDTH, HEIGHT)
        await settle()
        desk.window.activateWindow()
        try:
            await look(desk)
            await settle()
            shots.append(app.primaryScreen().grabWindow(0).toImage().copy(QRect(0, 0, WIDTH + 40, HEIGHT + 60)))
        except Exception as failure:  # noqa: BLE001 - the other scenes are worth having
            print(f"  {name} {theme} {language}: {type(failure).__name__}: {failure}", flush=True)
            shots.append(QImage())
        await desk.work.aclose()
        for one in QApplication.topLevelWidgets():
            if one is not desk.window and isinstance(one, QWidget):
                one.close()
        desk.close()
    sheet(shots).save(str(out / f"{name}.png"))
    print(f"  {name}.png", flush=True)


def sheet(shots: list[QImage], scale: float = 0.8) -> QImage:
    """Four pictures on one."""
    width, height = round((WIDTH + 40) * scale), round((HEIGHT + 60) * scale)
    made = QImage(width * 2, height * 2, QImage.Format.Format_RGB32)
    made.fill(Qt.GlobalColor.black)
    painter = QPainter(made)
    for at, shot in enumerate(shots):
        if not shot.isNull():
            small = shot.scaled(
                width, height, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            painter.drawImage((at % 2) * width, (at // 2) * height, small)
    painter.end()
    return made


async def here(out: Path, wanted: list[str]) -> None:
    """Photograph on the display of this process."""
    for name, look in SCENES.items():
        if not wanted or name in wanted:
            await photograph(name, look, out)


async def on_a_display(out: Path, wanted: list[str]) -> int:
    """The same on a virtual one."""
    async with Display(WIDTH + 100, HEIGHT + 140, window_manager=True) as display:
        environment = {**display.environment(), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-m", "tools.looks", "--here", str(out), *wanted]
        process = await asyncio.create_subprocess_exec(*words, cwd=ROOT, env=environment)
        return await process.wait()


def main() -> int:
    """Make the sheets."""
    parser = argparse.ArgumentParser(prog="python -m tools.looks", description=__doc__)
    parser.add_argument("--here", action="store_true", help="on the display of this process")
    parser.add_argument("out", nargs="?", type=Path, default=OUT, help="the folder for the sheets")
    parser.add_argument("wanted", nargs="*", help="only these scenes")
    parser.add_argument("--web", action="store_true", help="the customer's page, the site and the admin area instead")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.web:
        return asyncio.run(looks_web.photograph(given.out, given.wanted))
    if given.here:
        app = QApplication([])
        app.setQuitOnLastWindowClosed(False)
        asyncio.run(here(given.out, given.wanted))
        return 0
    return asyncio.run(on_a_display(given.out, given.wanted))


if __name__ == "__main__":
    sys.exit(main())
