"""What the rep's windows know of every session: snapshot, unread count, attention, the last word on its view."""

import time
from dataclasses import dataclass, field
from enum import Enum

from PySide6.QtCore import QObject, Signal

from support_manager.events import (
    AppEvent,
    Attention,
    Failed,
    Happening,
    Link,
    LinkChanged,
    Picture,
    PictureStats,
    RecordingFigures,
    SessionChanged,
    SessionClosed,
    SessionLeft,
    SessionOpened,
    SessionSnapshot,
    SignedOut,
)
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import CUSTOMERS, Role, SessionState
from support_manager.protocol.views import Audience, Connection, EndReason, ParticipantView


class Stage(Enum):
    """What a session's tab shows in its middle; exactly one at any time."""

    WAITING = "waiting"
    """Nobody has joined yet."""
    JOINED = "joined"
    """The customer is here and nothing is shared."""
    ASKED = "asked"
    CONNECTING = "connecting"
    SHARING = "sharing"
    PAUSED = "paused"
    PICTURE_LOST = "picture_lost"
    """The last picture is old and must look old."""
    DENIED = "denied"
    STOPPED = "stopped"
    CUSTOMER_LOST = "customer_lost"
    CLOSED_PAGE = "closed_page"
    LEFT = "left"
    OFFERED = "offered"
    """Passed on to agents, of whom none has accepted yet: nobody is in charge."""
    QUEUED = "queued"
    """In a queue: nobody is in charge."""
    TAKEN = "taken"
    """Another app of this rep took the session up."""
    ENDED = "ended"


SHOWS_PICTURE = frozenset({Stage.CONNECTING, Stage.SHARING, Stage.PAUSED, Stage.PICTURE_LOST})
"""The stages in which the share view is in front."""

_ON_ITS_WAY = {SessionState.OFFERED: Stage.OFFERED, SessionState.QUEUED: Stage.QUEUED}
"""What the middle shows of a session without a controller, as an assistant sees it."""
MARKED = frozenset(
    {
        Happening.CONTROL_GIVEN,
        Happening.CONTROL_GONE,
        Happening.CONTROL_MOVED,
        Happening.PASSED_ON,
        Happening.CUSTOMER_SELECTED,
    }
)
"""Of these a line across the transcript tells already; a note beside it would say it twice."""
_OUTCOMES = {
    Happening.DENIED: Stage.DENIED,
    Happening.STOPPED: Stage.STOPPED,
    Happening.LEFT: Stage.LEFT,
}
_PICTURES = {
    Picture.ASKED: Stage.ASKED,
    Picture.CONNECTING: Stage.CONNECTING,
    Picture.LIVE: Stage.SHARING,
    Picture.STATIC: Stage.SHARING,
    Picture.PAUSED: Stage.PAUSED,
    Picture.LOST: Stage.PICTURE_LOST,
    Picture.TOO_LARGE: Stage.PICTURE_LOST,
}


@dataclass
class SessionEntry:
    """One session as the windows show it."""

    snapshot: SessionSnapshot
    title: str = ""
    """The name the rep gave the tab; empty while it bears the customer's."""
    unread: int = 0
    unread_private: int = 0
    """How many of those only representatives read."""
    attention: Happening | None = None
    """What happened last that the rep has not looked at."""
    outcome: Happening | None = None
    """How the last view or visit ended, while nothing newer is going on."""
    last_customer: str = ""
    """The name of whoever was here last, for «… left»."""
    figures: PictureStats | None = None
    recorded: RecordingFigures | None = None
    """How long and how large the running recording is, if this app makes it."""
    ended: EndReason | None = None
    taken: bool = False
    """Another app took the session up; what is shown here stands still."""
    lost_at: float | None = None
    """When the controller was seen to lose his connection, by `time.monotonic`; None while he has one."""
    history: list[tuple[Happening, str]] = field(default_factory=list)
    """What happened, in order; the transcript shows it between the lines."""

    @property
    def id(self) -> str:
        """The session's id."""
        return self.snapshot.id

    @property
    def customer(self) -> ParticipantView | None:
        """The customer being helped, if one is here."""
        return self.snapshot.customer

    @property
    def assists(self) -> bool:
        """Whether this rep is here without control."""
        return self.snapshot.role is Role.ASSISTANT

    def take_over_in_s(self, now: float) -> float | None:
        """How long until an assistant may take over (B-12.6), 0 when he may; None while the controller is here.

        Args:
            now: `time.monotonic()`.
        """
        return None if self.lost_at is None else max(0.0, self.lost_at + limits.CONTROLLER_LOST_S - now)

    @property
    def stage(self) -> Stage:
        """What the middle of the tab shows."""
        if self.ended is not None:
            return Stage.ENDED
        if self.taken:
            return Stage.TAKEN
        passed_on = _ON_ITS_WAY.get(self.snapshot.view.state)
        if passed_on is not None:
            return passed_on
        customer = self.customer
        if customer is None:
            return Stage.LEFT if self.outcome is Happening.LEFT else Stage.WAITING
        if customer.connection is Connection.CLOSED_PAGE:
            return Stage.CLOSED_PAGE
        pictured = _PICTURES.get(self.snapshot.picture)
        if pictured is not None:
            return pictured
        if customer.connection is Connection.LOST:
            return Stage.CUSTOMER_LOST
        if self.outcome is not None:
            return _OUTCOMES.get(self.outcome, Stage.JOINED)
        return Stage.JOINED


class SessionModel(QObject):
    """Keeps the entries true to the controller's events and tells the windows what changed."""

    added = Signal(str)
    changed = Signal(str)
    """The entry's snapshot, stage, unread count, attention or title changed."""
    figures = Signal(str)
    happened = Signal(str, object, str)
    """Session id, Happening, name: something for the transcript and the notifications."""
    removed = Signal(str)

    left = Signal(object)
    """A session goes on without this rep, and its tab is gone; the argument is the `SessionLeft`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: dict[str, SessionEntry] = {}
        self._looked_at: str | None = None
        self._chat_read: str | None = None
        self._put_away: set[str] = set()  # taken up elsewhere, and their tabs closed here

    def entry(self, session_id: str) -> SessionEntry | None:
        """The entry of that session, None when its tab is closed."""
        return self._entries.get(session_id)

    def ids(self) -> list[str]:
        """The sessions in the order in which they were opened, ended ones included until closed."""
        return list(self._entries)

    def take(self, event: AppEvent) -> None:
        """Bring the entries up to date with one event of the controller."""
        match event:
            case SessionOpened(session=snapshot):
                self._open(snapshot)
            case SessionChanged(session=snapshot):
                self._change(snapshot)
            case SessionClosed(session=snapshot, reason=reason):
                self._end(snapshot, reason)
            case SessionLeft(session=snapshot):
                if snapshot.id in self._entries:
                    self.close(snapshot.id)
                    self.left.emit(event)
            case Attention():
                self._notice(event)
            case PictureStats(session_id=session_id):
                entry = self._entries.get(session_id)
                if entry is not None:
                    entry.figures = event
                    self.figures.emit(session_id)
            case RecordingFigures(session_id=session_id):
                entry = self._entries.get(session_id)
                if entry is not None and entry.snapshot.recording is not None:
                    entry.recorded = event
                    self.figures.emit(session_id)
            case Failed(code=ErrorCode.RESUME_REFUSED, session_id=str(session_id)):
                self._taken(session_id)
            case LinkChanged(link=Link.ONLINE):
                self._here_again()
            case SignedOut():
                for session_id in self.ids():
                    self.close(session_id)
            case _:
                pass

    def look_at(self, session_id: str | None, *, chat: bool = True) -> None:
        """Say which session the rep has before his eyes; its marks go away. None: the window is not in front.

        Args:
            session_id: of that session.
            chat: whether its chat is among what he sees; if not, its lines are unread for as long as that is so.
        """
        self._looked_at = session_id
        self._chat_read = session_id if chat else None
        entry = self._entries.get(session_id) if session_id is not None else None
        if entry is not None and ((chat and entry.unread) or entry.attention is not None):
            if chat:
                entry.unread = entry.unread_private = 0
            entry.attention = None
            self.changed.emit(entry.id)

    def rename(self, session_id: str, title: str) -> None:
        """Give a tab a name of its own; empty gives it the customer's again."""
        entry = self._entries.get(session_id)
        if entry is not None:
            entry.title = " ".join(title.split())
            self.changed.emit(session_id)

    def close(self, session_id: str) -> None:
        """Forget a session's tab."""
        closed = self._entries.pop(session_id, None)
        if closed is not None:
            if closed.stage is Stage.TAKEN:
                self._put_away.add(session_id)
            self.removed.emit(session_id)

    def _open(self, snapshot: SessionSnapshot) -> None:
        if snapshot.id in self._entries:
            self._change(snapshot)
            return
        entry = SessionEntry(snapshot)
        self._watch_controller(entry, found_so=True)
        self._remember_customer(entry)
        self._entries[snapshot.id] = entry
        self.added.emit(snapshot.id)

    def _change(self, snapshot: SessionSnapshot) -> None:
        entry = self._entries.get(snapshot.id)
        if entry is None:
            if snapshot.id not in self._put_away:
                self._open(snapshot)
            return
        if snapshot.picture is not Picture.NONE or (entry.customer is None and snapshot.customer is not None):
            entry.outcome = None
        if snapshot.picture is Picture.NONE:
            entry.figures = None
        if snapshot.recording is None:
            entry.recorded = None
        entry.snapshot = snapshot
        self._watch_controller(entry)
        self._remember_customer(entry)
        self.changed.emit(snapshot.id)

    def _taken(self, session_id: str) -> None:
        entry = self._entries.get(session_id)
        if entry is not None:
            entry.taken = True
            self.changed.emit(session_id)

    def _here_again(self) -> None:
        """The app resumes all its sessions on a new connection, and so takes back what was taken."""
        self._put_away.clear()
        for entry in list(self._entries.values()):
            if entry.taken:
                entry.taken = False
                self.changed.emit(entry.id)

    def _end(self, snapshot: SessionSnapshot, reason: EndReason) -> None:
        entry = self._entries.get(snapshot.id)
        if entry is None:
            return
        entry.snapshot = snapshot
        entry.ended = reason
        if self._looked_at != snapshot.id:
            entry.attention = entry.attention or Happening.LEFT
        self.changed.emit(snapshot.id)

    def _notice(self, event: Attention) -> None:
        entry = self._entries.get(event.session_id)
        if entry is None:
            return
        if event.what in _OUTCOMES:
            entry.outcome = event.what
        elif event.what in {Happening.JOINED, Happening.SHARING}:
            entry.outcome = None
        if self._looked_at != event.session_id:
            entry.attention = event.what
        if event.what is Happening.CHAT and self._chat_read != event.session_id:
            entry.unread += 1
            private = event.line is not None and event.line.audience is Audience.REPS
            entry.unread_private += private
        if event.what is not Happening.CHAT:
            entry.history.append((event.what, event.name))
        self.happened.emit(event.session_id, event.what, event.name)
        self.changed.emit(event.session_id)

    @staticmethod
    def _watch_controller(entry: SessionEntry, *, found_so: bool = False) -> None:
        """Note since when the controller is lost; of a session found so it may be long ago, and the relay knows."""
        controller = entry.snapshot.controller
        if controller is None or controller.connection is Connection.ONLINE or controller.id == entry.snapshot.view.you:
            entry.lost_at = None
        elif entry.lost_at is None:
            entry.lost_at = time.monotonic() - (limits.CONTROLLER_LOST_S if found_so else 0)

    @staticmethod
    def _remember_customer(entry: SessionEntry) -> None:
        for person in entry.snapshot.view.participants:
            if person.role in CUSTOMERS:
                entry.last_customer = person.name
                return
