"""The composition root: makes every part of the app once, starts it, and ends it in order."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# PySide6 comes first: qasync takes the binding that is already imported.
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication
from typing_extensions import override

from support_manager.errors import AppCode, SupportManagerError
from support_manager.events import Attention, Failed, Happening, Link, LinkChanged, LinkPrefilled, SignedIn, SignedOut
from support_manager.intents import Intents
from support_manager.tasks import TaskOwner
from ui.actions import Actions
from ui.bridge import Bridge
from ui.commands import Commands
from ui.crash import CrashHook
from ui.dialogs.certificate import ask_certificate, open_question
from ui.dialogs.close import CloseDialog, Closing
from ui.dialogs.crash import CrashDialog
from ui.dialogs.sign_in import SignInPage
from ui.error_text import ErrorText
from ui.focus_ring import FocusRing
from ui.i18n import Translator
from ui.icon_tray import IconTray
from ui.notifications import Notifications
from ui.theme import Theme
from ui.tray import Tray
from ui.user_activity import UserActivity
from ui.widgets.kit import Desk, Kit
from ui.window import MainWindow
from ui.work import Work

_DISTRUST = frozenset({AppCode.CERTIFICATE_UNKNOWN, AppCode.CERTIFICATE_CHANGED})


class App(QObject):
    """The whole app as one graph of objects; `build` makes it.

    Args:
        controller: takes the intents and sends the events.
        qt: the Qt application.
        crash: the crash hook.
        relay_url: to be filled in at the sign-in instead of the one last used.

    Attributes:
        window: the multisession window. What is asked of it: `set_sign_in_page(page)`, `show_sessions(bool)` and
            `shows_sessions` (the sign-in page or the sessions are in front), `show_session(id)`, `current_session`
            (the id in the chosen tab, or None).
        tray: the tray icon.
        icon_tray: the small bar above all windows.
        actions: the commands.
        theme, translator: look and language.
        tasks: the owner of the app's own tasks.
    """

    def __init__(self, controller: Intents, qt: QApplication, crash: CrashHook, relay_url: str = "") -> None:
        super().__init__()
        self.controller = controller
        self.crash = crash
        self._qt = qt
        self._leaving = False
        self._assist_wanted: str | None = None
        self._distrusted: SupportManagerError | None = None
        """The relay's certificate while it is not trusted; it carries the fingerprint."""
        self._on_end: list[Callable[[], None]] = []
        settings = controller.settings
        self.tasks = TaskOwner("app", lambda name, error: crash.report(error, name))
        self.translator = Translator(settings.language, self)
        self.theme = Theme(settings.theme, self)
        self.theme.apply(qt)
        self.focus_ring = FocusRing(qt, self)
        self.work = Work(ErrorText(self.translator), self)
        self.bridge = Bridge(controller.subscribe, self)
        self.actions = Actions(self.theme, self.translator, self)
        self.kit = Kit(controller, self.translator, self.theme, self.work)
        self.window = MainWindow(self.kit, self.actions, self.bridge)
        self.sign_in = SignInPage(self.kit, relay_url)
        self.window.set_sign_in_page(self.sign_in)
        self.commands = Commands(self.kit, self.actions, self.window, self)
        self.tray = Tray(self.kit, self.actions, self.bridge, self)
        desk = Desk(controller, self.translator, self.theme, self.work, self.actions)
        self.icon_tray = IconTray(desk, self.window)
        self.notifications = Notifications(
            self.kit, self.bridge, self.tray, self.window, self._sees, self.window.inbox_in_sight, parent=self
        )
        self.notifications.is_private = lambda: self.window.showing.is_private
        self.user_activity = UserActivity(qt, controller.user_active, self)
        self._connect()
        self._show_page()

    def _connect(self) -> None:
        qt = self._qt
        qt.setWindowIcon(self.theme.app_icon())
        self.window.installEventFilter(self)
        self.window.looked_at.connect(self.tray.seen)
        self.commands.ending.connect(self.window.after_session.expect_end)
        self.window.showing.told.connect(self.tray.set_showing)
        self.window.link_bar.certificate_wanted.connect(self._ask_certificate)
        self.actions.show_window.triggered.connect(self.come_to_front)
        self.actions.quit.triggered.connect(self.ask_quit)
        self.actions.sign_out.triggered.connect(self.ask_sign_out)
        self.tray.opened.connect(self.come_to_front)
        self.tray.session_chosen.connect(self._choose)
        self.tray.available_changed.connect(self._on_tray)
        self.notifications.session_chosen.connect(self._choose)
        self.notifications.inbox_chosen.connect(self.window.show_inbox)
        self.commands.session_wanted.connect(self._choose)
        self.crash.crashed.connect(self._on_crash)
        bridge = self.bridge
        bridge.link_changed.connect(self._on_link)
        bridge.signed_in.connect(self._on_signed_in)
        bridge.signed_out.connect(self._on_signed_out)
        bridge.link_prefilled.connect(self._on_link_prefilled)
        bridge.failed.connect(self._on_failed)

    # --- windows

    def show(self) -> None:
        """Show the window and the tray icon."""
        self.window.show()
        if not self.window.shows_sessions:
            self.sign_in.take_cursor()
        self.tray.start()

    def come_to_front(self) -> None:
        """Show the window above the others."""
        self.window.come_to_front()

    def _choose(self, session_id: str) -> None:
        self.window.show_session(session_id)

    def _sees(self, event: Attention) -> bool:
        sight = self.window.sight
        return event.session_id == (sight.chat_read if event.what is Happening.CHAT else sight.read)

    def _on_tray(self, available: bool) -> None:
        if not available and not self.window.isVisible() and not self._leaving:
            self.come_to_front()  # B-13.1: what was hidden in a tray that is gone must not be lost

    def _on_crash(self, report: str) -> None:
        if not self._leaving:
            CrashDialog(self.kit, report, self.window).start()

    # --- signing in and out

    def start(self, *, resume: bool = True) -> None:
        """Begin to work: take up the kept sign-in, if any. Called once after the first paint.

        Args:
            resume: False where another sign-in than the kept one is wanted.
        """
        self.controller.tend_recordings()
        kept = self.controller.settings.stay_signed_in
        if kept and not resume:
            return
        if kept:
            self.sign_in.set_resuming(True)
        self.work.run(self.controller.start(), name="start", on_done=lambda _: self._started())

    def _started(self) -> None:
        if self.controller.link is not Link.CONNECTING:
            self.sign_in.set_resuming(False)

    def _show_page(self) -> None:
        signed_in = self.controller.account is not None
        if signed_in != self.window.shows_sessions:
            self.window.show_sessions(signed_in)
            if not signed_in:
                self.sign_in.take_cursor()

    def _on_link(self, event: LinkChanged) -> None:
        if event.link is not Link.RECONNECTING:
            self._trust_again()
        if self.controller.account is None:
            self.sign_in.set_resuming(event.link is Link.CONNECTING)
            if event.code is not None:
                self.sign_in.show_error(SupportManagerError(event.code))

    def _on_signed_in(self, event: SignedIn) -> None:
        self.sign_in.set_resuming(False)
        self._show_page()
        self._open_assist()
        if event.kept_problem is not None:
            why = ErrorText(self.translator).of(event.kept_problem)
            self.work.tell(self.translator.t("app", "sign_in.not_kept", why=why))

    def _on_signed_out(self, event: SignedOut) -> None:
        self.window.after_session.quiet = False
        self.sign_in.set_resuming(False)
        self.sign_in.show_error(SupportManagerError(event.code) if event.code is not None else None)
        self._show_page()

    def _on_link_prefilled(self, event: LinkPrefilled) -> None:
        """A link brings the window to the front with something filled in, and does nothing more (B-2.2)."""
        self.come_to_front()
        if event.action == "assist":
            self._assist_wanted = event.number
            self._open_assist()

    def _open_assist(self) -> None:
        """Fill in what a link asked for, once somebody is signed in."""
        number = self._assist_wanted
        if number is not None and self.controller.account is not None:
            self._assist_wanted = None
            self.commands.assist(number)

    def _on_failed(self, event: Failed) -> None:
        error = SupportManagerError(event.code)
        error.params = dict(event.params)
        if event.code in _DISTRUST and event.params.get("fingerprint"):
            self._distrust(error)
        else:
            self._tell(error)

    def _tell(self, error: SupportManagerError) -> None:
        if self.window.shows_sessions:
            self.work.tell_error(error)
        else:
            self.sign_in.show_error(error)

    # --- the relay's certificate

    def _distrust(self, problem: SupportManagerError) -> None:
        """The link cannot come back before the rep trusts what it sees: he is asked once, and later when he likes."""
        was_asked, self._distrusted = self._distrusted is not None, problem
        self.window.link_bar.offer_certificate(True)
        if not self.window.shows_sessions:
            self.sign_in.show_error(problem)
        if not was_asked:
            self._ask_certificate()

    def _ask_certificate(self) -> None:
        if self._distrusted is not None:
            ask_certificate(self.kit, self.window, self.controller.relay_url, self._distrusted, self._accept)

    def _accept(self, fingerprint: str) -> None:
        self._distrusted = None  # if it is yet another one, that is a question of its own
        self.window.link_bar.offer_certificate(False)
        self.sign_in.show_error(None)
        accepting = self.controller.accept_certificate(self.controller.relay_url, fingerprint)
        self.work.run(accepting, name="accept_certificate", on_error=self._tell)

    def _trust_again(self) -> None:
        """Connected, or given up: there is nothing to ask about any more."""
        self._distrusted = None
        self.window.link_bar.offer_certificate(False)
        asked = open_question(self.window)
        if asked is not None:
            asked.reject()

    # --- closing

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.window and event.type() == QEvent.Type.Close and not self._leaving:
            event.ignore()
            self.ask_close()
            return True
        return super().eventFilter(watched, event)

    def ask_close(self) -> None:
        """The window is to close: ask while sessions are open (B-12.3)."""
        if self.controller.sessions:
            self._ask(Closing.WINDOW, keep=self._keep, then=self.quit)
        elif self.tray.available and self.controller.account is not None:
            self._keep()
        else:
            self.quit()

    def ask_quit(self) -> None:
        """The app is to quit: ask while sessions are open."""
        if self.controller.sessions:
            self.come_to_front()
            self._ask(Closing.APP, keep=self.quit, then=self.quit)
        else:
            self.quit()

    def ask_sign_out(self) -> None:
        """The rep signs out: ask while sessions are open, for nobody would be there for them any more (B-12.2)."""
        if self.controller.sessions:
            self.come_to_front()
            self._ask(Closing.ACCOUNT, keep=self.sign_out, then=self.sign_out)
        else:
            self.sign_out()

    def _ask(self, closing: Closing, *, keep: Callable[[], None], then: Callable[[], None]) -> None:
        """Ask what is to become of the sessions; `keep` leaves them open, `then` follows once all are ended."""
        open_one = self.window.findChild(CloseDialog)
        if open_one is not None and open_one.isVisible():
            open_one.raise_()
            return
        count = len(self.controller.sessions)
        dialog = CloseDialog(
            self.kit,
            count,
            closing=closing,
            tray=self.tray.available,
            actions=self.actions,
            parent=self.window,
        )
        dialog.keep_chosen.connect(keep)
        dialog.end_chosen.connect(lambda: self._end_all_and(then))
        dialog.start()

    def _keep(self) -> None:
        if not self.tray.available:
            self.window.showMinimized()
            return
        self.window.hide()
        t = self.translator.t
        self.tray.show_message(t("app", "app.name"), t("app", "tray.kept"))

    def _end_all_and(self, then: Callable[[], None]) -> None:
        self.window.after_session.quiet = True
        self.work.run(self._end_all(), name="end_all", on_done=lambda _: then(), on_error=self._stay)

    def _stay(self, error: SupportManagerError) -> None:
        """Some session is open still: the app stays, so that nobody believes that it is over (B-12.3)."""
        self.window.after_session.quiet = False
        self.work.tell_error(error)

    async def _end_all(self) -> None:
        """End, or leave, every session; one that cannot be ended keeps none of the others open.

        Raises:
            SupportManagerError: the first that could not be ended, once all have been tried.
        """
        failure: SupportManagerError | None = None
        for session_id in list(self.controller.sessions):
            snapshot = self.controller.sessions.get(session_id)
            if snapshot is None:
                continue
            try:
                if snapshot.has_control:
                    await self.controller.end_session(session_id)
                else:  # an assistant may leave but not end (B-12.1)
                    await self.controller.leave_session(session_id)
            except SupportManagerError as error:
                if session_id in self.controller.sessions:
                    failure = failure or error
        if failure is not None:
            raise failure

    def sign_out(self) -> None:
        """Sign out now; sessions that are open stay on the relay."""
        self.work.run(self.controller.sign_out(), name="sign_out", on_error=self._stay)

    def quit(self) -> None:
        """End the app now; sessions that are open stay on the relay."""
        if not self._leaving:
            self._leaving = True
            _ = self.tasks.spawn(self._shut_down(), name="shut_down")

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when everything is shut down."""
        self._on_end.append(callback)

    async def _shut_down(self) -> None:
        """What is seen first, then what it stands on; every step is bounded in time."""
        self.tray.close()
        self.icon_tray.hide()
        self.window.detached.close_all()
        self.window.showing.frame.end()
        self.window.hide()
        await self.work.aclose()
        await self.controller.aclose()
        self.bridge.close()
        for callback in self._on_end:
            callback()

    def dispose(self) -> None:
        """Delete the windows; for the end of a test or of the process."""
        self._leaving = True
        self.tray.close()
        self.bridge.close()
        self.window.removeEventFilter(self)
        self.icon_tray.deleteLater()
        self.window.showing.dispose()
        self.window.detached.close_all()
        self.window.close()
        self.window.deleteLater()
        self.deleteLater()


def build(controller: Intents, qt: QApplication, crash: CrashHook, *, relay_url: str = "") -> App:
    """The whole app around `controller`, ready to be shown; nothing runs yet.

    Args:
        controller: mostly `Controller.for_profile(folder)`.
        qt: the Qt application.
        crash: the crash hook, installed or not.
        relay_url: the relay to suggest at the sign-in.
    """
    return App(controller, qt, crash, relay_url)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(prog="support-manager", description="The rep's desktop app of Support Manager.")
    parser.add_argument("--relay", default="", metavar="URL", help="the relay to sign in to")
    parser.add_argument("--profile", type=Path, metavar="DIR", help="where settings and logs are kept")
    parser.add_argument("--self-test", action="store_true", help="check this installation and exit")
    parser.add_argument("--register-links", action="store_true", help="open support-manager: links with this program")
    parser.add_argument("--verbose", action="store_true", help="write the log to the terminal too")
    parser.add_argument("--sign-in-from-stdin", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("link", nargs="?", default="", help="a support-manager: link")
    return parser.parse_args(words)


def main(argv: Sequence[str] | None = None, *, ready: Callable[[App], object] | None = None) -> int:
    """Run the app; returns the exit code.

    Args:
        argv: the words after the program's name; those of the process by default.
        ready: called on the running loop once the window is shown; for automation.
    """
    options = arguments(sys.argv[1:] if argv is None else argv)
    if options.self_test:
        from ui.selftest import run

        return run()
    if options.register_links:
        from ui.links import register_for_user

        return register_for_user()
    from ui.startup import run_app

    return run_app(options, ready)
