"""Messages on the data channel between a participant and the hub: JSON text, one object each, peer to peer.

They need no relay, so they work while it restarts. Both sides send a `Beat` every `limits.HEARTBEAT_S`; after
`limits.DEAD_PEER_S` without one the peer counts as lost, which tells a dead screen from one on which nothing moves.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from support_manager.protocol import limits
from support_manager.protocol.fields import Id, Pixels

CAMERA_LINES = 4
"""How many cameras a participant can see at once."""
CameraOwner = Annotated[str, msgspec.Meta(max_length=limits.ID_CHARS)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=2**53)]


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    pass


class Beat(_Message, frozen=True, kw_only=True, tag="beat"):
    """I am alive. Carries what a clock comparison needs (NTP's four stamps, RFC 5905 section 8)."""

    sent_ms: Milliseconds
    """The sender's monotonic-ish wall clock (page: performance.timeOrigin + performance.now())."""
    echo_ms: Milliseconds = 0
    """`sent_ms` of the last beat received from the other side, 0 if none."""
    held_ms: Milliseconds = 0
    """How long that beat lay here before this one left."""
    sharing: bool = False
    """Whether the sender's share track is live."""


class Rate(_Message, frozen=True, kw_only=True, tag="rate"):
    """Hub → participant: what the share is worth right now; a hidden tab asks for 2 fps and 300 kbit/s."""

    max_fps: Annotated[int, msgspec.Meta(ge=1, le=60)]
    max_kbps: Annotated[int, msgspec.Meta(ge=50, le=50_000)]


class ShareInfo(_Message, frozen=True, kw_only=True, tag="share"):
    """Participant → hub: size of what is captured, before any scaling."""

    width: Pixels
    height: Pixels


class FileSecret(_Message, frozen=True, kw_only=True, tag="files"):
    """Hub → participant: the secret of which the keys of files between these two are made, on every connection.

    32 random bytes in URL-safe base 64. It travels over DTLS from end to end, so the relay never has it.
    """

    secret: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}$(?!\n)", max_length=43)]


class Cameras(_Message, frozen=True, kw_only=True, tag="cameras"):
    """Hub → participant: whose pictures come on the lines `camera_down_1` … `camera_down_4`, in that order."""

    owners: Annotated[tuple[CameraOwner, ...], msgspec.Meta(max_length=CAMERA_LINES)]
    """Participants' ids; empty where nobody's come."""
    paused: bool = False
    """Whether none come for now, since this participant's line has just enough room for the shared screen."""


class CameraRate(_Message, frozen=True, kw_only=True, tag="camera_rate"):
    """Hub → participant: what his camera is worth right now."""

    max_fps: Annotated[int, msgspec.Meta(ge=1, le=30)]
    max_kbps: Annotated[int, msgspec.Meta(ge=20, le=2_000)]


class DrawTool(StrEnum):
    """What a stroke is."""

    PEN = "pen"
    ARROW = "arrow"
    BOX = "box"


Spot = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
"""A place on the shared picture, in 65535ths of its captured width or height, whatever the scale it is seen at."""
StrokeNumber = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
Colour = Annotated[int, msgspec.Meta(ge=0, lt=limits.DRAW_COLOURS)]


class DrawPointer(_Message, frozen=True, kw_only=True, tag="pointer"):
    """Where somebody points (B-7.3). Drawer → hub without `by`; the hub hands it on with it."""

    x: Spot = 0
    y: Spot = 0
    colour: Colour = 0
    gone: bool = False
    """He does not point any more."""
    by: Id | None = None
    """The drawer's participant id; only the hub says it."""


class DrawStroke(_Message, frozen=True, kw_only=True, tag="stroke"):
    """The next points of a stroke; an arrow or a box has two, and later messages about it replace them."""

    number: StrokeNumber
    """Counted by its drawer."""
    tool: DrawTool = DrawTool.PEN
    colour: Colour = 0
    points: Annotated[tuple[tuple[Spot, Spot], ...], msgspec.Meta(min_length=1, max_length=limits.DRAW_POINTS)]
    by: Id | None = None


class DrawClear(_Message, frozen=True, kw_only=True, tag="clear"):
    """A drawer's stroke goes, or all of his; from the hub without `by`: everything goes."""

    number: StrokeNumber | None = None
    by: Id | None = None


class StopRecording(_Message, frozen=True, kw_only=True, tag="stop_recording"):
    """Participant → hub: record no more (B-7.8). The relay is told too; this works also while it cannot be."""


DrawMessage = DrawPointer | DrawStroke | DrawClear
ChannelMessage = (
    Beat | Rate | ShareInfo | FileSecret | Cameras | CameraRate | DrawPointer | DrawStroke | DrawClear | StopRecording
)
