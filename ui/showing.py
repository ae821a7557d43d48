"""The rep shows his screen (B-7.2): picker, strip, frame and the privacy that goes with it (B-6.4)."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from support_manager.errors import AppCode, RelayUnavailable, SupportManagerError
from support_manager.events import Link, Picture, SessionSnapshot
from support_manager.media.screens import Shareable
from support_manager.protocol.activities import Source
from support_manager.protocol.roles import MEMBERS
from ui.bridge import Bridge
from ui.devices.screens import Screens
from ui.dialogs.show_screen import ShowScreenDialog
from ui.widgets.drawing_window import DrawingWindow
from ui.widgets.kit import Desk
from ui.widgets.plain import isolated
from ui.widgets.show_frame import ShowFrame
from ui.widgets.show_strip import ShowStrip, words

_MOST_NAMES = 3


class Showing(QObject):
    """Carries out the commands `show_screen`, `pause_show` and `stop_show`, and keeps all that tells of it true.

    Args:
        kit: what every widget is handed, and the commands.
        bridge: the controller's events.
        strip: says it in the window.
        window: the parent of the picker.
        parent: the owner.
        screens: what can be shown; this desktop's by default.

    Signals:
        told: what is said about it now, plain text; empty while nothing is shown.
        exposed: whether others see, or are about to, what comes onto the screen; True before the first such picture.
    """

    told = Signal(str)
    exposed = Signal(bool)

    def __init__(
        self,
        kit: Desk,
        bridge: Bridge,
        strip: ShowStrip,
        window: QWidget,
        parent: QObject | None = None,
        screens: Screens | None = None,
    ) -> None:
        super().__init__(parent)
        self._kit, self._strip, self._window = kit, strip, window
        self.screens = screens or Screens()
        self.frame = ShowFrame(kit.theme, self)
        self.drawing = DrawingWindow(kit.theme, self)
        self._sources: dict[str, Shareable] = {}
        self._stays = ""
        """The session whose picker was opened, until another tab or the Inbox comes onto the screen."""
        self._notice = ""
        self._said = ""
        self._beginning = self._exposed = False
        actions = kit.actions
        actions.show_screen.triggered.connect(self.choose)
        actions.pause_show.triggered.connect(self.pause)
        actions.stop_show.triggered.connect(self.stop)
        strip.erase.clicked.connect(self._end_drawing)
        for signal in (
            bridge.session_opened,
            bridge.session_changed,
            bridge.session_closed,
            bridge.session_left,
            bridge.signed_out,
        ):
            signal.connect(self._follow)
        bridge.drawing_changed.connect(self._show_drawing)
        kit.on_words(self._follow)

    @property
    def session(self) -> SessionSnapshot | None:
        """The session in which something is shown."""
        return next((one for one in self._kit.intents.sessions.values() if one.show is not None), None)

    @property
    def is_private(self) -> bool:
        """Whether a whole screen is shown, so that whatever comes onto it may be seen by others (B-6.4)."""
        session = self.session
        return session is not None and session.show is not None and session.show.kind is Source.SCREEN

    def dispose(self) -> None:
        """Delete the windows that belong to no other."""
        self.frame.dispose()
        self.drawing.dispose()

    # --- commands

    def choose(self) -> None:
        """Ask which screen or window is to be shown in the current session."""
        current = self._kit.actions.current
        open_one = self._window.findChild(ShowScreenDialog)
        if current is None or (open_one is not None and open_one.isVisible()):
            return
        customer = current.customer
        ends = isolated(customer.name) if customer is not None and current.picture is not Picture.NONE else ""
        dialog = ShowScreenDialog(self._kit, self.screens, self._names(current), ends, self._window)
        self._stays = current.id
        dialog.chosen.connect(lambda source: self.show(current.id, source))
        dialog.start()

    def show(self, session_id: str, source: Shareable) -> None:
        """Show this in that session; what is shown elsewhere, or by the customer, ends."""
        self._sources[session_id] = source
        self._notice = ""
        self._kit.work.run(self._show(session_id, source), name=f"show_screen {session_id}")

    async def _show(self, session_id: str, source: Shareable) -> None:
        self._beginning = source.kind is Source.SCREEN
        self._follow()
        try:
            await self._show_there(session_id, source)
        finally:
            self._beginning = False
            self._follow()

    async def _show_there(self, session_id: str, source: Shareable) -> None:
        intents = self._kit.intents
        for other in list(intents.sessions.values()):
            if other.show is not None and other.id != session_id:
                await intents.stop_show(other.id)
        here = intents.sessions.get(session_id)
        if here is not None and here.share is not None:
            if intents.link is not Link.ONLINE:  # one picture must not end before the other one can begin
                raise RelayUnavailable(AppCode.CONNECTION_LOST)
            await intents.stop_view(session_id)
        await intents.show_screen(session_id, source, paused=lambda: self._is_left(session_id, source))
        session = self.session
        held = session is not None and session.show is not None and session.show.paused
        if held and not self._notice and self._is_left(session_id, source):
            self._tell_private()

    def pause(self, paused: bool) -> None:
        """Hold what is shown, or go on."""
        session = self.session
        if session is not None:
            self._notice = ""
            if self.is_private and not paused:
                self._expose(True)
            self._kit.intents.pause_show(session.id, paused)
        self._follow()

    def stop(self) -> None:
        """Show nothing more."""
        session = self.session
        if session is not None:
            self._kit.work.run(
                self._kit.intents.stop_show(session.id), name=f"stop_show {session.id}", on_error=self._refused
            )

    def _refused(self, error: SupportManagerError) -> None:
        self._kit.work.tell_error(error)

    # --- privacy

    def _is_left(self, session_id: str, source: Shareable) -> bool:
        """Whether the rep has gone elsewhere since the picker, and what he chose would show what is there (B-6.4)."""
        return source.kind is Source.SCREEN and self._stays != session_id

    def looks_at(self, session_id: str) -> None:
        """Another tab is about to come onto the screen: what is on it is nobody's business here (B-6.4).

        Args:
            session_id: of the tab; empty for the Start page and the Inbox.
        """
        if session_id != self._stays:
            self._stays = ""
        session = self.session
        if session is None or session.show is None or not self.is_private or session.show.paused:
            return
        if session_id != session.id:
            self._kit.intents.pause_show(session.id, True)  # at once: before anything of it is painted
            self._tell_private()

    def _tell_private(self) -> None:
        self._notice = "strip.private"
        self._follow()
        self._kit.work.tell(self._kit.translator.t("show", "paused.private"))

    def _expose(self, exposed: bool) -> None:
        if exposed != self._exposed:
            self._exposed = exposed
            self.exposed.emit(exposed)

    # --- what tells of it

    def _follow(self, _event: object = None) -> None:
        session = self.session
        show = session.show if session is not None else None
        if show is None or not show.paused:
            self._notice = ""
        self._expose(self._beginning or (self.is_private and show is not None and not show.paused))
        self._kit.actions.set_showing(show)
        said = words(self._kit, show, self._names(session), self._notice) if show and session else ""
        self._strip.tell(said, paused=show is not None and show.paused)
        source = self._sources.get(session.id) if session is not None else None
        if show is not None and source is not None:
            outside = show.kind is not Source.SCREEN
            self.frame.surround(lambda: self.screens.place(source), outside=outside, paused=show.paused)
        else:
            self.frame.end()
        self._show_drawing()
        self._strip.erase.setText(self._kit.translator.t("draw", "end_others"))
        self._strip.erase.setVisible(session is not None and bool(session.drawers))
        if said != self._said:
            self._said = said
            self.told.emit(said)

    def _end_drawing(self) -> None:
        session = self.session
        if session is None:
            return
        for person in session.drawers:
            act = self._kit.intents.end_drawing(session.id, person.id)
            self._kit.work.run(act, name=f"end_drawing {session.id}", on_error=self._refused)

    def _show_drawing(self, _event: object = None) -> None:
        """What the customer draws stands on what is shown itself (B-7.3)."""
        session = self.session
        source = self._sources.get(session.id) if session is not None else None
        board = self._kit.intents.board(session.id) if session is not None else None
        if session is None or source is None or board is None:
            self.drawing.end()
            return
        names = {person.id: person.name for person in session.view.participants}
        self.drawing.show_board(board, names, lambda: self.screens.place(source))

    def _names(self, session: SessionSnapshot) -> str:
        """Who sees it, the customers first; fit to stand in a sentence."""
        people = [one for one in session.view.participants if one.role in MEMBERS and one.id != session.view.you]
        people.sort(key=lambda one: one not in session.customers)
        t = self._kit.translator.t
        names = [isolated(one.name) for one in people[:_MOST_NAMES]]
        more = len(people) - len(names)
        if more:
            return t("show", "names.more", names=", ".join(names), count=more)
        if len(names) < 2:
            return "".join(names)
        return t("show", "names.and", names=", ".join(names[:-1]), last=names[-1])
