"""What a rep stops of what others show: over here at once, with the relay away too, which is told when it is back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support_manager.camera_use import CameraUse
from support_manager.errors import AppCode, Refused, RelayUnavailable
from support_manager.events import AppEvent, Attention, Happening, Picture
from support_manager.media.camera import CameraPort
from support_manager.media.engine import CameraFigures, Liveness, PeerKey, RecordingPlan, ShareFigures
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import ActivityChanged, SessionEvent
from support_manager.protocol.requests import ActivityMade, ActivityOffer, ActivityStop, Nothing, Resumed, SessionResume
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    ActivityView,
    Connection,
    IceServers,
    Mode,
    ParticipantView,
    SessionView,
)
from support_manager.session.runtime import SessionRuntime
from tests.harness.file_camera import NumberCamera
from tests.harness.scripted_engine import ScriptedEngine

ANA, BOB = PeerKey("s1", "ana"), PeerKey("s1", "bob")
AWAY = RelayUnavailable(AppCode.CONNECTION_LOST)


def person(name: str, role: Role) -> ParticipantView:
    return ParticipantView(id=name, role=role, name=name, connection=Connection.ONLINE, joined_at=1)


def activity(kind: ActivityKind, subject: str, state: ActivityState = ActivityState.RUNNING) -> ActivityView:
    return ActivityView(id=kind.value, kind=kind, state=state, asked_by="rep", subject=subject, seen_by=("rep", "bob"))


VIEW, CAMERA = activity(ActivityKind.VIEW, "ana"), activity(ActivityKind.VIDEO, "ana")
DRAWING, RECORDING = activity(ActivityKind.DRAW, "rep"), activity(ActivityKind.RECORDING, "ana")
SESSION = SessionView(
    id="s1", number="123456789", mode=Mode.SINGLE, state=SessionState.ACTIVE, seq=1, started_at=1, you="rep",
    participants=(person("rep", Role.CONTROLLER), person("ana", Role.PRIMARY), person("bob", Role.ASSISTANT)),
)  # fmt: skip


class Recorder:
    """Where recordings go; here, nowhere."""

    def plan(self, view: SessionView) -> RecordingPlan:
        return RecordingPlan(Path("a.webm"), "Ana", 0)

    def chapter(self, key: str, **_: str) -> str:
        return key


class Case:
    """A session of a controller, on a scripted engine, with a relay that a test plays."""

    def __init__(self, *activities: ActivityView, camera: CameraPort | None = None) -> None:
        self.engine = ScriptedEngine()
        self.events: list[AppEvent] = []
        self.stops: list[ActivityStop] = []
        self.trouble: Exception | None = None
        self.view = msgspec.structs.replace(SESSION, activities=activities)
        use = CameraUse(lambda: "")
        if camera is not None:
            use.use(camera)
        self.runtime = SessionRuntime(
            self.view,
            self._send,
            self._engine,
            self.events.append,
            lambda: "r1",
            Recorder(),
            use,
            lambda: None,
        )
        self.engine.start(self.runtime.take_media)

    async def _send(self, message: Any, _reply: type, **_: Any) -> Any:
        if isinstance(message, ActivityStop):
            self.stops.append(message)
        if self.trouble is not None:
            raise self.trouble
        if isinstance(message, SessionResume):
            return Resumed(session=self.view, ice=IceServers())
        return ActivityMade(activity_id="video") if isinstance(message, ActivityOffer) else Nothing()

    def _engine(self) -> "asyncio.Future[ScriptedEngine]":
        made: asyncio.Future[ScriptedEngine] = asyncio.get_running_loop().create_future()
        made.set_result(self.engine)
        return made

    async def begin(self) -> None:
        """Everything runs, and is seen."""
        self.runtime.begin()
        self.runtime.tell(recovered=False)
        self.runtime.set_visible(True)
        self.runtime.went_online()
        await self.runtime._peers.ready()
        self.runtime.take_view(self.view)
        await settle()
        self.engine.tell(ShareFigures(ANA, Liveness.LIVE, 30.0, 40.0, 120.0, 800, 600, 0.0, 0.0))
        self.engine.tell(CameraFigures(ANA, Liveness.LIVE, 20.0, 50.0, 640, 360))
        await settle()

    def relay_says(self, changed: ActivityView) -> None:
        left = tuple(each for each in self.view.activities if each.id != changed.id)
        kept = left if changed.state is ActivityState.ENDED else (*left, changed)
        self.view = msgspec.structs.replace(self.view, seq=self.view.seq + 1, activities=kept)
        self.runtime.take_event(
            SessionEvent(session_id="s1", seq=self.view.seq, at=1, fact=ActivityChanged(activity=changed))
        )

    async def back(self) -> None:
        """The relay is there again."""
        self.trouble = None
        self.stops.clear()
        assert await self.runtime.resume()
        await settle()

    def told(self) -> list[tuple[str, ActivityEnd]]:
        return [(each.activity_id, each.reason) for each in self.stops]

    def news(self) -> list[Happening]:
        return [each.what for each in self.events if isinstance(each, Attention)]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
async def case() -> AsyncIterator[Case]:
    made = Case(VIEW, CAMERA, DRAWING, RECORDING)
    await made.begin()
    yield made
    await made.runtime.aclose(close_media=True)


@pytest.mark.rule("B-7.1")
async def test_looking_stops_here_with_the_network_down_and_the_relay_learns_of_it(case: Case) -> None:
    assert case.runtime.snapshot.picture is Picture.LIVE
    assert case.engine.audiences[ANA] == {BOB}
    assert case.engine.recorded["s1"] == ANA
    case.runtime.went_offline()
    case.trouble = AWAY
    await case.runtime.stop_view()
    seen = case.runtime.snapshot
    assert (seen.picture, seen.share, seen.draws) == (Picture.NONE, None, False)
    assert case.runtime.mailbox() is None
    assert not case.engine.visible[ANA]
    assert case.engine.audiences[ANA] == frozenset(), "nobody else sees it either"
    assert case.engine.recorded["s1"] is None, "nor is it recorded on"
    assert case.engine.drawing["s1"][0] == frozenset()
    case.engine.tell(ShareFigures(ANA, Liveness.LIVE, 30.0, 40.0, 120.0, 800, 600, 0.0, 0.0))
    case.relay_says(msgspec.structs.replace(VIEW, paused=True))
    await settle()
    assert case.runtime.snapshot.picture is Picture.NONE, "whatever comes of it"
    await case.back()
    assert case.told() == [("view", ActivityEnd.STOPPED)]
    assert case.runtime.snapshot.share is None
    case.relay_says(msgspec.structs.replace(VIEW, state=ActivityState.ENDED, ended_by="rep", end=ActivityEnd.STOPPED))
    case.relay_says(msgspec.structs.replace(VIEW, id="next"))
    assert case.runtime.snapshot.picture is Picture.CONNECTING, "the next one is another one"
    await case.back()
    assert not case.stops, "told once"


@pytest.mark.rule("B-7.6")
async def test_the_customers_camera_stops_here_with_the_network_down_too(case: Case) -> None:
    assert [each.owner for each in case.runtime.snapshot.cameras] == ["ana"]
    assert case.engine.cameras["s1"][0] == {"ana": {"bob"}}
    case.trouble = AWAY
    await case.runtime.video.stop("ana")
    assert case.runtime.snapshot.cameras == ()
    assert case.engine.cameras["s1"][0] == {}
    assert case.runtime.snapshot.picture is Picture.LIVE, "his screen is another thing"
    await case.back()
    assert case.told() == [("video", ActivityEnd.STOPPED)]


@pytest.mark.rule("B-7.6")
async def test_our_own_camera_stops_with_the_network_down_and_that_is_no_error() -> None:
    camera = NumberCamera(lambda: 7)
    case = Case(camera=camera)
    await case.begin()
    await case.runtime.video.start()
    case.relay_says(activity(ActivityKind.VIDEO, "rep"))
    assert [each.mine for each in case.runtime.snapshot.cameras] == [True]
    case.runtime.went_offline()
    case.trouble = AWAY
    await case.runtime.video.stop("rep")
    assert not camera.is_on
    assert case.runtime.snapshot.cameras == ()
    await case.back()
    assert case.told() == [("video", ActivityEnd.STOPPED)], "by the rep, and told once"
    await case.runtime.aclose(close_media=True)


@pytest.mark.rule("B-7.1")
async def test_a_question_that_was_taken_back_stays_so_though_he_says_yes_meanwhile() -> None:
    case = Case(msgspec.structs.replace(VIEW, state=ActivityState.ASKED))
    await case.begin()
    case.trouble = AWAY
    await case.runtime.stop_view()
    assert case.told()[0] == ("view", ActivityEnd.CANCELLED)
    case.view = msgspec.structs.replace(case.view, seq=9, activities=(VIEW,))
    await case.back()
    assert case.told() == [("view", ActivityEnd.STOPPED)]
    assert case.runtime.snapshot.picture is Picture.NONE
    assert not case.news()
    await case.runtime.aclose(close_media=True)


async def test_of_what_ended_meanwhile_there_is_nothing_to_tell(case: Case) -> None:
    case.trouble = AWAY
    await case.runtime.stop_view()
    case.runtime.went_offline()
    case.view = msgspec.structs.replace(case.view, seq=9, activities=())
    await case.back()
    assert not case.runtime._machine.stopped
    assert not case.news(), "that it is over is no news to who stopped it"


@pytest.mark.parametrize("code", [ErrorCode.RELAY_BUSY, ErrorCode.ACTIVITY_UNKNOWN])
async def test_a_relay_that_is_busy_is_told_again_and_one_that_knows_is_not(case: Case, code: ErrorCode) -> None:
    case.trouble = Refused(code)
    await case.runtime.stop_view()
    await settle()
    case.trouble = None
    case.stops.clear()
    await asyncio.sleep(0.6)
    assert len(case.stops) == (code is ErrorCode.RELAY_BUSY)
    assert case.runtime.snapshot.picture is Picture.NONE
