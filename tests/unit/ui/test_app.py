"""The whole app around a controller without relay: sign-in, dialogs, closing, notifications, languages, names."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QDialog, QLabel, QLineEdit, QPushButton, QWidget

from support_manager.errors import AppCode, CertificateProblem, LocalProblem, Refused, RelayUnavailable
from support_manager.events import Attention, Failed, Happening, Link, SignedIn, SignedOut
from support_manager.protocol.codes import ErrorCode
from tests.harness.fake_intents import ACCOUNT, FakeIntents
from tests.harness.widgets import settle, top_levels, unnamed
from ui.app import App, build
from ui.crash import CrashHook
from ui.dialogs.certificate import grouped

FINGERPRINT = "ab12" * 16


class Stage:
    """An app and a person in front of it."""

    def __init__(self, qapp: QApplication, folder: Path, *, signed_in: bool) -> None:
        self.intents = FakeIntents(signed_in=signed_in)
        self.app: App = build(self.intents, qapp, CrashHook(folder))
        self.ended = False
        self.app.on_end(lambda: setattr(self, "ended", True))
        self.notices: list[str] = []
        self.app.work.notice.connect(lambda notice: self.notices.append(notice.text))
        self.app.show()

    async def until(self, condition: Callable[[], Any], within_s: float = 10.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, "not seen in time"
            QApplication.processEvents()
            await asyncio.sleep(0.005)

    def find(self, kind: type, name: str) -> Any:
        found = self.app.window.findChild(kind, name)
        assert found is not None, name
        return found

    def text(self, name: str) -> str:
        return str(self.find(QLabel, name).text())

    def click(self, name: str) -> None:
        QTest.mouseClick(self.find(QPushButton, name), Qt.MouseButton.LeftButton)

    def dialog(self, name: str) -> QDialog | None:
        found = [each for each in self.app.window.findChildren(QDialog, name) if each.isVisible()]
        return found[0] if found else None

    def sign_in(self, relay: str = "relay.example", name: str = "maria", password: str = "secret") -> None:
        for field, words in (("relay", relay), ("name", name), ("password", password)):
            edit = self.find(QLineEdit, f"sign_in_{field}")
            edit.clear()
            QTest.keyClicks(edit, words)
        self.click("sign_in_button")


@pytest.fixture
async def signed_out(qapp, tmp_path: Path) -> AsyncIterator[Stage]:
    async for stage in _stage(qapp, tmp_path, signed_in=False):
        yield stage


@pytest.fixture
async def desk(qapp, tmp_path: Path) -> AsyncIterator[Stage]:
    async for stage in _stage(qapp, tmp_path, signed_in=True):
        yield stage


async def _stage(qapp, folder: Path, *, signed_in: bool) -> AsyncIterator[Stage]:
    before = top_levels()
    stage = Stage(qapp, folder, signed_in=signed_in)
    yield stage
    await stage.app.work.aclose()
    stage.app.dispose()
    settle()
    left = [(type(one).__name__, one.objectName()) for one in top_levels() - before]
    assert not left, f"windows were left behind: {left}"


# --- sign-in


async def test_sign_in_opens_the_sessions_and_forgets_the_password(signed_out: Stage):
    assert not signed_out.app.window.shows_sessions
    signed_out.sign_in()
    assert signed_out.find(QPushButton, "sign_in_button").text() == "Signing in…"
    await signed_out.until(lambda: signed_out.app.window.shows_sessions)
    assert signed_out.intents.asked[-1] == ("sign_in", "relay.example", "maria", "secret", False)
    assert signed_out.find(QLineEdit, "sign_in_password").text() == ""


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (Refused(ErrorCode.WRONG_CREDENTIALS), "password"),
        (RelayUnavailable(AppCode.RELAY_UNREACHABLE, host="relay.example"), "relay"),
        (RelayUnavailable(AppCode.NOT_A_RELAY, host="relay.example"), "relay"),
        (LocalProblem(AppCode.BAD_ADDRESS), "relay"),
        (LocalProblem(AppCode.NO_TLS, host="relay.example"), "relay"),
        (Refused(ErrorCode.TOO_MANY_TRIES), None),
        (Refused(ErrorCode.ACCOUNT_DISABLED), None),
    ],
)
async def test_what_goes_wrong_is_said_on_the_page(signed_out: Stage, error, field: str | None):
    signed_out.intents.failing["sign_in"] = error
    signed_out.sign_in()
    await signed_out.until(lambda: signed_out.text("sign_in_error"))
    assert signed_out.text("sign_in_error") == signed_out.app.work.sentence(error)
    assert not signed_out.notices
    for name in ("relay", "name", "password"):
        edit = signed_out.find(QLineEdit, f"sign_in_{name}")
        assert edit.isEnabled()
        assert edit.property("wrong") == ("true" if name == field else "false")
    signed_out.app.translator.set_language("ro")
    assert signed_out.text("sign_in_error") == signed_out.app.work.sentence(error)
    QTest.keyClicks(signed_out.find(QLineEdit, "sign_in_password"), "x")
    assert not signed_out.find(QWidget, "sign_in_trouble").isVisible()


@pytest.mark.parametrize("missing", ["relay", "name", "password"])
async def test_what_is_missing_is_asked_for_before_anything_is_sent(signed_out: Stage, missing: str):
    signed_out.sign_in(**{missing: " "})
    assert signed_out.text("sign_in_error") == signed_out.app.translator.t("app", f"sign_in.missing_{missing}")
    assert not signed_out.intents.asked


async def test_a_bug_is_told_with_the_number_of_its_log_entry(signed_out: Stage):
    signed_out.intents.failing["sign_in"] = RuntimeError("a bug")  # type: ignore[assignment]
    signed_out.sign_in()
    await signed_out.until(lambda: signed_out.notices)
    assert "Log entry" in signed_out.notices[0]
    assert "a bug" not in signed_out.notices[0]
    assert signed_out.find(QPushButton, "sign_in_button").isEnabled()


async def test_an_unknown_certificate_is_accepted_once_after_comparing(signed_out: Stage):
    signed_out.intents.failing["sign_in"] = CertificateProblem(
        AppCode.CERTIFICATE_UNKNOWN, fingerprint=FINGERPRINT, host="relay.example"
    )
    signed_out.sign_in()
    await signed_out.until(lambda: signed_out.dialog("certificate_dialog"))
    assert signed_out.text("certificate_dialog_fingerprint") == grouped(FINGERPRINT)
    accept = signed_out.find(QPushButton, "certificate_dialog_accept")
    assert not accept.isEnabled()
    signed_out.find(QCheckBox, "certificate_dialog_compared").click()
    accept.click()
    await signed_out.until(lambda: signed_out.app.window.shows_sessions)
    assert ("accept_certificate", "relay.example", FINGERPRINT) in signed_out.intents.asked


async def test_a_certificate_that_is_declined_changes_nothing(signed_out: Stage):
    signed_out.intents.failing["sign_in"] = CertificateProblem(AppCode.CERTIFICATE_CHANGED, fingerprint=FINGERPRINT)
    signed_out.sign_in()
    await signed_out.until(lambda: signed_out.dialog("certificate_dialog"))
    signed_out.click("certificate_dialog_cancel")
    assert not any(name == "accept_certificate" for name, *_ in signed_out.intents.asked)
    assert signed_out.text("sign_in_error")


def renewed(fingerprint: str = FINGERPRINT) -> Failed:
    return Failed(AppCode.CERTIFICATE_CHANGED, {"fingerprint": fingerprint, "host": "relay.example"})


@pytest.mark.rule("B-12.1")
async def test_a_certificate_renewed_while_he_is_signed_in_is_asked_about_and_accepted(desk: Stage):
    desk.intents._settings = msgspec.structs.replace(desk.intents.settings, relay_url="https://relay.example")
    desk.intents.set_link(Link.RECONNECTING, AppCode.CERTIFICATE_CHANGED)
    assert not desk.find(QPushButton, "linkCertificate").isVisible()
    desk.intents.emit(renewed())
    assert desk.dialog("certificate_dialog") is not None
    assert desk.text("certificate_dialog_fingerprint") == grouped(FINGERPRINT)
    assert "not the one you accepted" in desk.text("certificate_dialog_text")
    assert not desk.notices, "said once"
    desk.find(QCheckBox, "certificate_dialog_compared").click()
    desk.click("certificate_dialog_accept")
    await desk.until(lambda: ("accept_certificate", "https://relay.example", FINGERPRINT) in desk.intents.asked)
    settle()
    desk.intents.emit(renewed("cd34" * 16))
    assert desk.text("certificate_dialog_fingerprint") == grouped("cd34" * 16), "yet another one is another question"
    desk.intents.set_link(Link.ONLINE)
    assert desk.dialog("certificate_dialog") is None, "answered by itself"
    assert not desk.find(QPushButton, "linkCertificate").isVisible()


@pytest.mark.rule("B-12.1")
async def test_who_did_not_accept_it_is_left_alone_and_finds_back_to_it(desk: Stage):
    desk.intents.set_link(Link.RECONNECTING, AppCode.CERTIFICATE_CHANGED)
    desk.intents.emit(renewed())
    desk.intents.emit(renewed("cd34" * 16))
    assert len(desk.app.window.findChildren(QDialog, "certificate_dialog")) == 1
    desk.click("certificate_dialog_cancel")
    settle()
    desk.intents.emit(renewed("ef56" * 16))
    assert desk.dialog("certificate_dialog") is None
    height = desk.app.window.link_bar.height()
    desk.click("linkCertificate")
    assert desk.text("certificate_dialog_fingerprint") == grouped("ef56" * 16), "the one that is seen now"
    assert not any(name == "accept_certificate" for name, *_ in desk.intents.asked)
    desk.intents.set_link(Link.ONLINE)
    assert desk.app.window.link_bar.height() == height, "nothing jumps"
    settle()
    desk.intents.set_link(Link.RECONNECTING)
    desk.intents.emit(renewed())
    assert desk.dialog("certificate_dialog") is not None, "another time is another question"


async def test_a_certificate_renewed_before_the_start_is_asked_about_on_the_sign_in_page(signed_out: Stage):
    signed_out.intents._settings = msgspec.structs.replace(
        signed_out.intents.settings, relay_url="https://relay.example", stay_signed_in=True
    )
    signed_out.app.start()
    signed_out.intents.set_link(Link.CONNECTING)
    signed_out.intents.emit(renewed())
    signed_out.intents.set_link(Link.RECONNECTING, AppCode.CERTIFICATE_CHANGED)
    assert signed_out.dialog("certificate_dialog") is not None
    assert signed_out.text("sign_in_error")
    signed_out.find(QCheckBox, "certificate_dialog_compared").click()
    signed_out.click("certificate_dialog_accept")
    await signed_out.until(lambda: signed_out.intents.asked[-1][0] == "accept_certificate")
    assert not signed_out.text("sign_in_error")


async def test_sign_in_and_link_do_not_both_ask_about_a_certificate(signed_out: Stage):
    signed_out.intents.failing["sign_in"] = CertificateProblem(AppCode.CERTIFICATE_CHANGED, fingerprint=FINGERPRINT)
    signed_out.sign_in()
    await signed_out.until(lambda: signed_out.dialog("certificate_dialog"))
    signed_out.intents.emit(renewed())
    assert len(signed_out.app.window.findChildren(QDialog, "certificate_dialog")) == 1


async def test_signed_out_by_the_relay_says_why(desk: Stage):
    assert desk.app.window.shows_sessions
    desk.intents._account = None
    desk.intents.emit(SignedOut(ErrorCode.ACCOUNT_DISABLED))
    assert not desk.app.window.shows_sessions
    assert "switched off" in desk.text("sign_in_error")


async def test_a_keyring_that_does_not_play_along_is_told(desk: Stage):
    desk.intents.emit(SignedIn(ACCOUNT, "https://r", kept=False, kept_problem=AppCode.KEYRING_UNAVAILABLE))
    assert desk.notices[0].startswith("You are signed in for this run only.")


async def test_unreadable_settings_are_told_where_the_rep_looks(signed_out: Stage):
    signed_out.intents.emit(Failed(AppCode.SETTINGS_UNREADABLE, {"file": "/x/settings.json"}))
    assert "/x/settings.json" in signed_out.text("sign_in_error")


# --- closing


@pytest.mark.rule("B-12.3", "B-13.1")
async def test_without_sessions_and_without_a_tray_closing_quits(desk: Stage):
    assert not desk.app.tray.available, "no tray on the offscreen platform"
    desk.app.window.close()
    await desk.until(lambda: desk.ended)
    assert desk.intents.asked[-1] == ("aclose",)


@pytest.mark.rule("B-12.3")
async def test_closing_with_sessions_asks_and_staying_changes_nothing(desk: Stage):
    await desk.intents.start_session()
    desk.app.window.close()
    assert desk.dialog("close_dialog")
    assert desk.app.window.isVisible()
    desk.app.window.close()
    assert len([each for each in desk.app.window.findChildren(QDialog) if each.isVisible()]) == 1, "asked once"
    desk.click("close_dialog_stay")
    assert desk.app.window.isVisible()
    assert len(desk.intents.sessions) == 1
    assert not desk.ended


@pytest.mark.rule("B-12.3", "B-13.1")
async def test_keeping_without_a_tray_only_minimises(desk: Stage):
    await desk.intents.start_session()
    desk.app.window.close()
    assert desk.find(QPushButton, "close_dialog_keep").text() == "Minimise the window"
    desk.click("close_dialog_keep")
    assert desk.app.window.isMinimized()
    assert desk.app.window.isVisible(), "never hidden for good"
    assert len(desk.intents.sessions) == 1


@pytest.mark.rule("B-12.3")
async def test_ending_ends_every_session_and_quits(desk: Stage):
    await desk.intents.start_session()
    await desk.intents.start_session()
    desk.app.window.close()
    desk.click("close_dialog_end")
    await desk.until(lambda: desk.ended)
    assert not desk.intents.sessions


async def test_when_ending_fails_the_app_stays_and_says_so(desk: Stage):
    await desk.intents.start_session()
    desk.intents.failing["end_session"] = RelayUnavailable(AppCode.CONNECTION_LOST)
    desk.app.window.close()
    desk.click("close_dialog_end")
    await desk.until(lambda: desk.notices)
    assert not desk.ended
    assert len(desk.intents.sessions) == 1


@pytest.mark.rule("B-12.3")
async def test_one_session_that_cannot_be_ended_keeps_none_of_the_others_open(desk: Stage):
    sessions = [await desk.intents.start_session() for _ in range(3)]
    stubborn, end = sessions[0].id, desk.intents.end_session

    async def all_but_one(session_id: str) -> None:
        if session_id == stubborn:
            raise RelayUnavailable(AppCode.CONNECTION_LOST)
        await end(session_id)

    desk.intents.end_session = all_but_one
    desk.app.window.close()
    desk.click("close_dialog_end")
    await desk.until(lambda: desk.notices)
    assert list(desk.intents.sessions) == [stubborn]
    assert desk.notices == [desk.app.work.sentence(RelayUnavailable(AppCode.CONNECTION_LOST))]
    assert not desk.ended
    assert not desk.app.window.after_session.quiet, "what ends from now on is asked about again"


@pytest.mark.rule("B-12.5")
async def test_quitting_can_leave_the_sessions_open(desk: Stage):
    await desk.intents.start_session()
    desk.app.actions.quit.trigger()
    assert "ends" in desk.text("close_dialog_keep_note"), "what becomes of it if nobody comes back"
    desk.click("close_dialog_keep")
    await desk.until(lambda: desk.ended)
    assert len(desk.intents.sessions) == 1


@pytest.mark.rule("B-12.2", "B-12.3")
@pytest.mark.parametrize(
    ("choice", "asked"), [("end", ["end_session", "end_session", "sign_out"]), ("keep", ["sign_out"])]
)
async def test_signing_out_with_sessions_asks_what_is_to_become_of_them(desk: Stage, choice: str, asked: list[str]):
    for name in ("Ana", "Ion"):
        desk.intents.joins((await desk.intents.start_session()).id, name)
    desk.app.actions.sign_out.trigger()
    assert "sign out" in desk.text("close_dialog_text")
    assert "sign out" in desk.find(QPushButton, f"close_dialog_{choice}").text()
    desk.click("close_dialog_stay")
    assert len(desk.intents.sessions) == 2
    assert desk.app.window.shows_sessions
    desk.intents.asked.clear()
    desk.app.actions.sign_out.trigger()
    desk.click(f"close_dialog_{choice}")
    await desk.until(lambda: not desk.app.window.shows_sessions)
    assert [name for name, *_ in desk.intents.asked if name in asked] == asked
    assert not desk.dialog("outcome_dialog"), "nobody is there any more who could write it"
    assert not desk.app.window.after_session.quiet, "whoever signs in next is asked again"


@pytest.mark.rule("B-12.3")
async def test_who_cannot_end_a_session_stays_signed_in(desk: Stage):
    await desk.intents.start_session()
    desk.intents.failing["end_session"] = RelayUnavailable(AppCode.CONNECTION_LOST)
    desk.app.actions.sign_out.trigger()
    desk.click("close_dialog_end")
    await desk.until(lambda: desk.notices)
    assert desk.app.window.shows_sessions
    assert len(desk.intents.sessions) == 1


async def test_without_sessions_signing_out_asks_nothing(desk: Stage):
    desk.app.actions.sign_out.trigger()
    assert not desk.dialog("close_dialog")
    await desk.until(lambda: not desk.app.window.shows_sessions)


# --- commands and dialogs


@pytest.mark.rule("B-12.1")
async def test_ending_a_session_with_a_customer_is_asked_once_more(desk: Stage):
    session = await desk.intents.start_session()
    desk.app.actions.end_session.trigger()
    await desk.until(lambda: not desk.intents.sessions)
    session = await desk.intents.start_session()
    desk.intents.joins(session.id, "<b>Ana</b>")
    desk.app.window.show_session(session.id)
    desk.app.actions.end_session.trigger()
    assert "<b>Ana</b>" in desk.text("end_dialog_text")
    assert desk.find(QLabel, "end_dialog_text").textFormat() == Qt.TextFormat.PlainText
    desk.click("end_dialog_cancel")
    assert desk.intents.sessions
    settle()
    desk.app.actions.end_session.trigger()
    desk.click("end_dialog_confirm")
    await desk.until(lambda: not desk.intents.sessions)
    question = desk.dialog("outcome_dialog")
    assert question is not None
    assert not question.testAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating), "he goes on with it at once"


async def test_copying(desk: Stage):
    session = await desk.intents.start_session()
    desk.app.actions.copy_number.trigger()
    assert QGuiApplication.clipboard().text().replace(" ", "") == session.view.number
    desk.app.actions.copy_link.trigger()
    assert QGuiApplication.clipboard().text() == session.view.link


async def test_preferences_take_effect_at_once_and_are_kept(desk: Stage):
    desk.app.actions.preferences.trigger()
    language = desk.find(QComboBox, "preferences_dialog_language")
    language.setCurrentIndex(language.findData("ro"))
    language.activated.emit(language.currentIndex())
    await desk.until(lambda: desk.app.translator.language == "ro")
    assert desk.dialog("preferences_dialog").windowTitle() == "Preferințe"
    assert desk.app.actions.end_session.iconText() == "Încheiați sesiunea"
    theme = desk.find(QComboBox, "preferences_dialog_theme")
    theme.setCurrentIndex(theme.findData("dark"))
    theme.activated.emit(theme.currentIndex())
    await desk.until(lambda: desk.app.theme.dark)
    desk.find(QCheckBox, "preferences_dialog_notifications").click()
    await desk.until(lambda: not desk.intents.settings.notifications)
    assert (desk.intents.settings.language, desk.intents.settings.theme) == ("ro", "dark")
    desk.app.actions.preferences.trigger()
    assert len(desk.app.window.findChildren(QDialog, "preferences_dialog")) == 1
    desk.dialog("preferences_dialog").setStyleSheet("QCheckBox { font-size: 17px }")  # as wide as elsewhere
    language.setCurrentIndex(language.findData("en"))
    language.activated.emit(language.currentIndex())
    await desk.until(lambda: desk.app.translator.language == "en")
    boxes = desk.dialog("preferences_dialog").findChildren(QCheckBox)
    await desk.until(lambda: all(box.width() >= box.sizeHint().width() for box in boxes))


async def test_settings_that_cannot_be_saved_are_told(desk: Stage):
    desk.intents.failing["change_settings"] = LocalProblem(AppCode.SETTINGS_NOT_SAVED, reason="disk full")
    desk.app.actions.preferences.trigger()
    desk.find(QCheckBox, "preferences_dialog_notifications").click()
    await desk.until(lambda: desk.notices)


async def test_about_names_licences(desk: Stage):
    desk.app.actions.about.trigger()
    dialog = desk.dialog("about_dialog")
    assert dialog is not None
    words = desk.find(QWidget, "about_dialog_parts").toPlainText()
    assert "ISC" in words
    assert "LGPL-3.0" in words


async def test_a_crash_is_told_calmly_and_leaves_the_work_alone(desk: Stage):
    desk.app.crash.report(ValueError("boom"), "test")
    dialog = desk.dialog("crash_dialog")
    assert dialog is not None
    assert not dialog.isModal()
    assert "crash-" in desk.text("crash_dialog_where")


# --- notifications and tray


@pytest.mark.rule("B-13.1")
async def test_notification_without_a_tray_is_told_in_the_window(desk: Stage):
    session = await desk.intents.start_session()
    desk.app.window.showMinimized()
    desk.intents.joins(session.id, "Ana & <i>Co</i>")
    assert any("Ana & <i>Co</i>" in notice and "joined" in notice for notice in desk.notices)


async def test_no_notification_when_switched_off(desk: Stage):
    session = await desk.intents.start_session()
    await desk.intents.change_settings(notifications=False)
    desk.app.window.showMinimized()
    desk.intents.joins(session.id)
    assert not desk.notices


@pytest.mark.rule("B-6.2", "B-13.1")
async def test_a_line_in_a_chat_behind_the_files_is_told_and_one_in_sight_is_not(desk: Stage):
    session = await desk.intents.start_session()
    desk.intents.joins(session.id)
    window = desk.app.window
    assert window.sight.read == session.id
    desk.notices.clear()
    desk.intents.says(session.id, "in sight")
    assert not desk.notices
    window._panels[session.id].beside.bring("files")
    desk.intents.says(session.id, "help me")
    assert any("help me" in notice for notice in desk.notices)


ABOUT_NOBODY = {Happening.MY_VOICE_STOPPED, Happening.VOICE_OVER_CONTROL, Happening.VOICE_OVER_TRANSFER}


@pytest.mark.parametrize("what", list(Happening))
async def test_every_happening_has_words(desk: Stage, what: Happening):
    title, _ = desk.app.notifications.words(Attention("s", what, "Ana"))
    assert title != f"notify.{what.value}"
    assert ("Ana" in title) is (what not in ABOUT_NOBODY)


@pytest.mark.rule("B-13.1", "B-13.4")
async def test_tray_menu_has_the_same_commands_and_a_line_for_each_session(desk: Stage):
    first = await desk.intents.start_session()
    second = await desk.intents.start_session()
    desk.intents.joins(second.id, "R&D\tdept")
    actions = desk.app.tray.menu.actions()
    for name in ("show_window", "start_session", "invite", "preferences", "quit"):
        assert desk.app.actions[name] in actions
    lines = {action.objectName(): action for action in actions}
    assert lines[f"action_tray_session_{first.view.number}"].text().startswith("Waiting")
    line = lines[f"action_tray_session_{second.view.number}"]
    assert line.text().startswith("R&&D dept")
    line.trigger()
    assert desk.app.window.current_session == second.id
    assert "1 session needs you" not in desk.app.tray._icon.toolTip() or not desk.app.window.in_front()


async def test_a_link_from_outside_comes_to_the_front_and_does_nothing_else(desk: Stage):
    desk.app.window.showMinimized()
    before = list(desk.intents.asked)
    desk.intents.open_link("support-manager:start")
    assert not desk.app.window.isMinimized()
    assert [asked for asked in desk.intents.asked[len(before) :] if asked[0] != "set_visible"] == []


@pytest.mark.rule("B-2.2")
@pytest.mark.parametrize("number", ["482119903", ""])
async def test_a_link_to_assist_fills_the_number_in_and_waits_for_a_click(desk: Stage, number: str):
    before = list(desk.intents.asked)
    desk.intents.open_link(f"support-manager:assist?number={number}" if number else "support-manager:assist")
    assert desk.dialog("assist_dialog") is not None
    typed = desk.find(QLineEdit, "assist_dialog_number")
    assert typed.text().replace(" ", "") == number
    assert desk.find(QPushButton, "assist_dialog_join").isEnabled() == bool(number)
    desk.intents.open_link("support-manager:assist?number=111222333")
    assert desk.dialog("assist_dialog") is not None
    assert typed.text() == "111 222 333", "a second link fills in the open one"
    assert [asked for asked in desk.intents.asked[len(before) :] if asked[0] != "set_visible"] == []


async def test_a_link_to_assist_waits_for_the_sign_in(signed_out: Stage):
    signed_out.intents.open_link("support-manager:assist?number=482119903")
    assert signed_out.dialog("assist_dialog") is None
    signed_out.sign_in()
    await signed_out.until(lambda: signed_out.dialog("assist_dialog"))
    assert signed_out.find(QLineEdit, "assist_dialog_number").text() == "482 119 903"


# --- everything has a name


@pytest.mark.parametrize("language", ["en", "ro"])
async def test_every_actionable_widget_has_its_names(desk: Stage, language: str):
    desk.app.translator.set_language(language)
    session = await desk.intents.start_session()
    desk.intents.joins(session.id)
    desk.app.commands.show_preferences()
    desk.app.commands.show_about()
    desk.app.commands.end_session()
    desk.app.window.close()
    settle()
    assert unnamed(desk.app.window) == []


async def test_link_states_are_told_by_the_tray(desk: Stage):
    desk.intents.set_link(Link.RECONNECTING)
    assert "Reconnecting" in desk.app.tray._icon.toolTip()
