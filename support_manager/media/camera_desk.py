"""Whose cameras run in a session and on which line each goes to the others: the hub's part of video (B-7.6)."""

from collections.abc import Callable, Mapping
from typing import Protocol

from support_manager.media.camera_lines import CameraLines, GuestCameras, HubCameras
from support_manager.media.down_line import ShareDownLine
from support_manager.media.engine import CameraFigures, PeerKey
from support_manager.media.feed import Feed, Publisher
from support_manager.media.frame_box import FrameBox
from support_manager.protocol.channel import CAMERA_LINES

Shown = Mapping[str, tuple[FrameBox, frozenset[str]]]
"""Participant → where his camera is shown here, and to whom it is handed on."""


class _Connection(Protocol):
    @property
    def cameras(self) -> CameraLines:
        """Its camera lines."""


class CameraDesk:
    """The cameras of one session.

    A camera has one of four seats for as long as it runs, and seat n goes to everybody on the line `camera_down_n`. A
    fifth camera finds no seat: it is shown to the hub's own rep alone.

    Args:
        session_id: of the session.
        make_feed: makes what hands one seat's pictures on.
    """

    def __init__(self, session_id: str, make_feed: Callable[[], Feed]) -> None:
        self._session_id = session_id
        self._feeds = [make_feed() for _ in range(CAMERA_LINES)]
        self._seats: list[str | None] = [None] * CAMERA_LINES
        self._shown: Shown = {}
        self._own: str | None = None
        self._visible = False
        self._taken_in: dict[str, HubCameras] = {}
        self.own_feed: Feed | None = None
        """To which this app's own camera goes in this session, while anybody there sees it."""

    def set(self, shown: Shown, own: str | None, *, visible: bool) -> None:
        """Which cameras run, and who may see each; see `MediaEngine.set_cameras`."""
        self._shown, self._own, self._visible = shown, own, visible
        self._seats = [seat if seat in shown else None for seat in self._seats]
        for owner in shown:
            if owner not in self._seats and None in self._seats:
                self._seats[self._seats.index(None)] = owner

    def route(self, connections: Mapping[str, _Connection], own: Publisher) -> None:
        """Bring who sends and who gets it into line with what is connected.

        Args:
            connections: those that are up, by participant.
            own: this app's own camera.
        """
        ours: dict[str, HubCameras] = {}
        for who, connection in connections.items():
            cameras = connection.cameras
            if isinstance(cameras, HubCameras):
                ours[who] = cameras
            elif isinstance(cameras, GuestCameras):
                cameras.show({owner: box for owner, (box, _) in self._shown.items()})
        feeds: dict[str, Feed] = {}
        for number, (seat, feed) in enumerate(zip(self._seats, self._feeds, strict=True)):
            lines = self._lines(seat, number, ours)
            publisher = own if seat == self._own else ours[seat].up if seat in ours else None
            feed.connect(publisher if lines else None, lines)
            if seat is not None and lines:
                feeds[seat] = feed
        self.own_feed = feeds.get(self._own) if self._own is not None else None
        self._take_in(ours, feeds)
        for who, cameras in ours.items():
            cameras.name_owners([seat if seat is not None and self._may(who, seat) else "" for seat in self._seats])

    def _take_in(self, ours: Mapping[str, HubCameras], feeds: Mapping[str, Feed]) -> None:
        for who, cameras in list(self._taken_in.items()):
            if ours.get(who) is not cameras or who not in self._shown:
                del self._taken_in[who]
                cameras.take_in(None, None)
        for owner, (box, _) in self._shown.items():
            if owner in ours and owner != self._own:
                self._taken_in[owner] = ours[owner]
                ours[owner].set_visible(self._visible)
                ours[owner].take_in(box, feeds.get(owner))

    def _may(self, who: str, owner: str) -> bool:
        return who != owner and who in self._shown[owner][1]

    def _lines(self, seat: str | None, number: int, ours: Mapping[str, HubCameras]) -> list[ShareDownLine]:
        """The lines to those who see that seat's camera: who may, takes it, and has room for it beside the share."""
        if seat is None:
            return []
        lines = [
            cameras.downs[number] for who, cameras in ours.items() if self._may(who, seat) and not cameras.room.paused
        ]
        return [line for line in lines if line.can_send]

    def figures(self, who: str, connection: _Connection, now: float) -> list[CameraFigures]:
        """How the cameras arrive that come on that participant's connection; `now` is `time.monotonic()`."""
        cameras = connection.cameras
        if isinstance(cameras, GuestCameras):
            return cameras.figures(self._session_id, now)
        if isinstance(cameras, HubCameras) and cameras.up.is_shown:
            return [cameras.up.figures(PeerKey(self._session_id, who), now)]
        return []
