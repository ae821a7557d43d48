"""Cameras of one session in the app: what the engine is told, what the relay is told, and when our own goes out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from support_manager.camera_use import CameraUse
from support_manager.errors import AppCode, LocalProblem, Refused, RelayUnavailable, SupportManagerError
from support_manager.events import CameraState, Happening
from support_manager.media.camera import CameraTrouble
from support_manager.media.engine import CameraFigures, Liveness, PeerKey
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import ActivityAsk, ActivityMade, ActivityOffer, ActivityStop, Nothing
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import ActivityView, Connection, Mode, ParticipantView, SessionView
from support_manager.session.cameras import news
from support_manager.session.video import Video
from tests.harness.file_camera import NumberCamera
from tests.harness.scripted_engine import ScriptedEngine


def person(name: str, role: Role) -> ParticipantView:
    return ParticipantView(id=name, role=role, name=name.title(), connection=Connection.ONLINE, joined_at=1)


def camera(subject: str, state: ActivityState = ActivityState.RUNNING, **changes: Any) -> ActivityView:
    base = ActivityView(id=f"c-{subject}", kind=ActivityKind.VIDEO, state=state, asked_by="rep", subject=subject)
    return msgspec.structs.replace(base, seen_by=tuple({"rep", "ion", "bob", "eva"} - {subject}), **changes)


VIEW = SessionView(
    id="s1",
    number="482119903",
    mode=Mode.SINGLE,
    state=SessionState.ACTIVE,
    seq=1,
    started_at=1,
    you="rep",
    participants=(
        person("rep", Role.CONTROLLER),
        person("ion", Role.PRIMARY),
        person("bob", Role.ASSISTANT),
        person("eva", Role.SECONDARY),
    ),
)


class Stage:
    """One session's cameras, with a scripted engine, a camera that shows numbers, and a relay that only writes down."""

    def __init__(self) -> None:
        self.engine = ScriptedEngine()
        self.camera = NumberCamera(lambda: 7)
        self.use = CameraUse(lambda: "")
        self.use.use(self.camera)
        self.sent: list[Any] = []
        self.stopped: list[ActivityView] = []
        self.failed: list[SupportManagerError] = []
        self.changes = 0
        self.refusal: SupportManagerError | None = None
        self.view = VIEW
        self.is_hub = True
        self.video = Video(
            "s1", self._send, self._engine, self.use, lambda: "r1", self._changed, self._stop, self.failed.append
        )
        self.follow()

    async def _send(self, message: Any, reply: Any, **_: Any) -> Any:
        self.sent.append(message)
        if self.refusal is not None:
            raise self.refusal
        if isinstance(message, ActivityOffer):
            self.show(camera("rep", asked_by="rep"))
        return ActivityMade(activity_id="c-rep") if reply is ActivityMade else Nothing()

    async def _stop(self, activity: ActivityView) -> None:
        self.stopped.append(activity)

    async def _engine(self) -> ScriptedEngine:
        return self.engine

    def _changed(self) -> None:
        self.changes += 1

    def show(self, *cameras: ActivityView) -> None:
        self.view = msgspec.structs.replace(self.view, activities=cameras)
        self.follow()

    def follow(self, **changes: Any) -> None:
        wanted = {"is_hub": self.is_hub, "visible": True, "is_over": False, **changes}
        self.video.follow(self.view, **wanted)

    @property
    def told(self) -> tuple[dict[str, frozenset[str]], str | None, bool]:
        return self.engine.cameras.get("s1", ({}, None, False))

    def figures(self, owner: str, fps: float = 20.0, *, paused: bool = False) -> None:
        self.video.take(CameraFigures(PeerKey("s1", owner), Liveness.LIVE, fps, 50.0, 640, 360, paused))

    def state(self, owner: str) -> CameraState | None:
        return next((each.state for each in self.video.views() if each.owner == owner), None)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    yield made
    await made.video.aclose()
    assert not made.camera.is_on


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.rule("B-7.6")
async def test_our_own_runs_once_there_are_pictures_and_the_relay_agrees(stage: Stage) -> None:
    await stage.video.start()
    assert stage.camera.is_on
    assert [type(each) for each in stage.sent] == [ActivityOffer]
    await settle()
    cameras, own, visible = stage.told
    assert (cameras, own, visible) == ({"rep": frozenset({"ion", "bob", "eva"})}, "rep", True)
    assert stage.state("rep") is CameraState.LIVE
    assert stage.video.mailbox("rep") is stage.engine.camera_mailbox(None)


@pytest.mark.rule("B-7.6")
async def test_our_stop_puts_it_out_at_once_whatever_the_relay_knows(stage: Stage) -> None:
    await stage.video.start()
    await stage.video.stop("rep")
    assert not stage.camera.is_on
    assert stage.state("rep") is None, "not shown any more, whatever the relay knows"
    assert [each.id for each in stage.stopped] == ["c-rep"], "as everything that is stopped here first"


@pytest.mark.rule("B-7.6")
async def test_our_camera_of_before_a_restart_is_said_to_be_off_until_the_relay_takes_that(stage: Stage) -> None:
    for refusal in (RelayUnavailable(AppCode.CONNECTION_LOST), Refused(ErrorCode.RELAY_BUSY), None):
        stage.sent.clear()
        stage.refusal = refusal
        stage.show(camera("rep"))
        stage.follow()
        await settle()
        assert [(each.activity_id, each.reason) for each in stage.sent] == [("c-rep", ActivityEnd.PAGE_RELOADED)]
        assert stage.state("rep") is None, "nothing of it is shown"
    stage.sent.clear()
    stage.follow()
    await settle()
    assert not stage.sent, "told once"
    assert not stage.failed


@pytest.mark.rule("B-7.6")
async def test_stopped_by_somebody_else_or_with_control_it_is_out(stage: Stage) -> None:
    for _ in range(2):
        await stage.video.start()
        stage.show()
        assert not stage.camera.is_on
        assert stage.told == ({}, None, True)
    await stage.video.start()
    stage.follow(is_over=True)
    assert not stage.camera.is_on


@pytest.mark.rule("B-7.6")
async def test_what_the_relay_refuses_leaves_the_camera_off(stage: Stage) -> None:
    stage.refusal = Refused(ErrorCode.NOT_ALLOWED)
    with pytest.raises(Refused):
        await stage.video.start()
    assert not stage.camera.is_on
    assert stage.told[1] is None


async def test_no_camera_is_a_sentence_and_the_relay_hears_nothing(stage: Stage) -> None:
    stage.camera.trouble = CameraTrouble.NONE_FOUND
    with pytest.raises(LocalProblem) as caught:
        await stage.video.start()
    assert caught.value.code is AppCode.CAMERA_NONE
    assert not stage.sent


async def test_unplugged_in_the_middle_is_told_to_the_rep_and_to_the_relay(stage: Stage) -> None:
    await stage.video.start()
    stage.camera.unplug()
    await settle()
    assert [error.code for error in stage.failed] == [AppCode.CAMERA_GONE]
    assert [(each.activity_id, each.reason) for each in stage.sent if isinstance(each, ActivityStop)] == [
        ("c-rep", ActivityEnd.SOURCE_ENDED)
    ]


@pytest.mark.rule("B-7.6")
async def test_the_customer_is_asked_and_the_question_taken_back(stage: Stage) -> None:
    await stage.video.ask("ion")
    assert isinstance(stage.sent[-1], ActivityAsk)
    stage.show(camera("ion", ActivityState.ASKED))
    assert stage.state("ion") is CameraState.ASKED
    assert stage.video.mailbox("ion") is None
    await settle()
    assert stage.told == ({}, None, False), "nothing is taken before his yes"
    await stage.video.stop("ion")
    assert [each.id for each in stage.stopped] == ["c-ion"]


@pytest.mark.rule("B-7.6")
async def test_the_hub_hands_it_on_to_who_may_and_an_assistant_only_looks(stage: Stage) -> None:
    stage.show(camera("ion"))
    await settle()
    assert stage.told == ({"ion": frozenset({"bob", "eva"})}, None, True)
    stage.is_hub = False
    stage.follow(visible=False)
    assert stage.told == ({"ion": frozenset()}, None, False)
    stage.show(msgspec.structs.replace(camera("ion"), seen_by=("eva",)))
    assert stage.told[0] == {}, "the relay did not name us"


async def test_states_follow_the_figures(stage: Stage) -> None:
    stage.show(camera("ion"))
    await settle()
    assert stage.state("ion") is CameraState.CONNECTING
    stage.figures("ion", fps=0.0)
    assert stage.state("ion") is CameraState.CONNECTING
    stage.figures("ion")
    assert stage.state("ion") is CameraState.LIVE
    stage.figures("ion", fps=0.0)
    assert stage.state("ion") is CameraState.LOST
    stage.figures("ion", paused=True)
    assert stage.state("ion") is CameraState.PAUSED
    stage.show(camera("ion", paused=True))
    assert stage.state("ion") is CameraState.PAUSED
    stage.figures("eva")
    assert stage.state("eva") is None, "of whom the relay says nothing there is nothing"


async def test_a_new_engine_is_told_all_of_it(stage: Stage) -> None:
    await stage.video.start()
    await settle()
    stage.engine = ScriptedEngine()
    stage.video.engine_failed()
    await settle()
    assert stage.told[1] == "rep"
    assert await asyncio.to_thread(stage.engine.camera_slot().take) is not None, "pictures go to the new one"


def test_what_is_worth_a_notice() -> None:
    asked, runs = camera("ion", ActivityState.ASKED), camera("ion")

    def ended(end: ActivityEnd, by: str = "ion") -> ActivityView:
        return camera("ion", ActivityState.ENDED, end=end, ended_by=by)

    assert news(None, asked, "rep") is None
    assert news(asked, runs, "rep") is Happening.CAMERA
    assert news(runs, camera("ion", paused=True), "rep") is None
    assert news(asked, ended(ActivityEnd.DENIED), "rep") is Happening.CAMERA_DENIED
    assert news(runs, ended(ActivityEnd.STOPPED), "rep") is Happening.CAMERA_STOPPED
    assert news(runs, ended(ActivityEnd.STOPPED, by="rep"), "rep") is None
    for end in (ActivityEnd.PAGE_RELOADED, ActivityEnd.SOURCE_ENDED, ActivityEnd.STOPPED):
        assert news(asked, ended(end), "rep") is None, "it was asked for and never ran"
    assert news(runs, ended(ActivityEnd.CONTROL_TRANSFERRED), "rep") is None
    assert news(None, camera("rep"), "rep") is None


@pytest.mark.rule("B-7.6")
def test_who_stopped_our_camera_is_told_and_our_own_stop_is_not() -> None:
    ran = camera("rep")
    ended = msgspec.structs.replace(ran, state=ActivityState.ENDED, end=ActivityEnd.STOPPED, ended_by="ion")
    assert news(ran, ended, "rep") is Happening.MY_CAMERA_STOPPED
    assert news(ran, msgspec.structs.replace(ended, ended_by="rep"), "rep") is None
    moved = msgspec.structs.replace(ended, end=ActivityEnd.CONTROL_TRANSFERRED)
    assert news(ran, moved, "rep") is None, "that is told for itself"
