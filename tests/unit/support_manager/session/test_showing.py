"""The own share of a session: begun by the relay's word, stopped here first, and told to the relay sooner or later."""

import asyncio
from typing import Any

import pytest

from support_manager.errors import AppCode, Refused, RelayUnavailable
from support_manager.events import AppEvent, Failed
from support_manager.media.engine import PeerKey, ShowEnded, ShowFigures
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState, Source
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import ActivityMade, ActivityOffer, ActivityStop, ActivityUpdate, Nothing
from support_manager.protocol.roles import SessionState
from support_manager.protocol.views import ActivityView, Mode, SessionView
from support_manager.session.showing import Showing
from tests.harness.painted import PaintedSource
from tests.harness.scripted_engine import ScriptedEngine

ME = PeerKey("s1", "me")


class Desk:
    """One session's share, a relay that a test scripts, and what was told."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.trouble: Exception | None = None
        self.engine = ScriptedEngine()
        self.engine.start(lambda event: None)
        self.told: list[AppEvent] = []
        self.changes = 0
        self.showing = Showing(ME, self.send, self.ready, lambda: "request-0001", self.changed, self.told.append)

    async def send(self, message: Any, _reply: type) -> Any:
        self.sent.append(message)
        if self.trouble is not None:
            raise self.trouble
        return ActivityMade(activity_id="a1") if isinstance(message, ActivityOffer) else Nothing()

    async def ready(self) -> ScriptedEngine:
        return self.engine

    def changed(self) -> None:
        self.changes += 1

    def of(self, kind: type) -> list[Any]:
        return [one for one in self.sent if isinstance(one, kind)]

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def desk():
    made = Desk()
    yield made
    await made.showing.aclose()


def view(*activities: ActivityView) -> SessionView:
    return SessionView(
        id="s1", number="123456789", mode=Mode.MULTI, state=SessionState.ACTIVE, seq=1, started_at=1, you="me",
        participants=(), activities=activities, link="link",
    )  # fmt: skip


def show(activity_id: str = "a1", subject: str = "me") -> ActivityView:
    return ActivityView(
        id=activity_id, kind=ActivityKind.SHOW, state=ActivityState.RUNNING, asked_by=subject, subject=subject
    )


@pytest.mark.rule("B-7.2")
async def test_nothing_is_looked_at_before_the_relay_says_yes(desk):
    desk.trouble = Refused(ErrorCode.ACTIVITY_BUSY)
    source = PaintedSource()
    with pytest.raises(Refused):
        await desk.showing.start(source)
    assert not desk.engine.shown
    assert desk.showing.state is None
    desk.trouble = None
    await desk.showing.start(source)
    assert desk.engine.shown == {ME: source}
    assert desk.showing.state.kind is Source.SCREEN


@pytest.mark.rule("B-6.4")
async def test_what_is_to_be_held_is_so_from_the_first_and_asked_at_the_last_moment(desk):
    asked: list[tuple[bool, bool]] = []

    def paused() -> bool:
        asked.append((bool(desk.of(ActivityOffer)), bool(desk.engine.shown)))
        return True

    await desk.showing.start(PaintedSource(), paused)
    assert asked == [(True, False)], "after the relay's answer, before the first look"
    assert desk.engine.begun == [(ME, True)], "not a moment open"
    assert desk.showing.state.paused
    assert [one.paused for one in desk.of(ActivityUpdate)] == [True]
    desk.showing.pause(False)
    await desk.showing.start(PaintedSource(title="two"), lambda: True)
    assert desk.engine.begun[1:] == [(ME, True)]
    await desk.showing.start(PaintedSource(title="three"), lambda: False)
    assert desk.engine.begun[2:] == [(ME, True)], "nobody has said that it is to go on"


async def test_another_source_takes_its_place_without_another_activity(desk):
    await desk.showing.start(PaintedSource())
    window = PaintedSource(kind=Source.WINDOW, title="Letter")
    await desk.showing.start(window)
    assert len(desk.of(ActivityOffer)) == 1
    assert desk.of(ActivityUpdate)[-1].source is Source.WINDOW
    assert desk.engine.shown == {ME: window}


@pytest.mark.rule("B-7.2")
async def test_stopping_works_here_first_with_the_network_down(desk):
    await desk.showing.start(PaintedSource())
    desk.showing.take_view(view(show()))
    desk.trouble = RelayUnavailable(AppCode.CONNECTION_LOST)
    await desk.showing.stop()
    assert not desk.engine.shown
    assert desk.showing.state is None
    desk.showing.take_view(view(show()), whole=True)  # the relay has not heard of it; that begins nothing anew
    assert desk.showing.state is None
    desk.trouble = None
    desk.sent.clear()
    desk.showing.went_online()
    await desk.settle()
    assert [(one.activity_id, one.reason) for one in desk.of(ActivityStop)] == [("a1", ActivityEnd.STOPPED)]
    desk.sent.clear()
    desk.showing.went_online()
    await desk.settle()
    assert not desk.sent, "told once"


async def test_holding_it_needs_no_relay_either(desk):
    await desk.showing.start(PaintedSource())
    desk.trouble = RelayUnavailable(AppCode.CONNECTION_LOST)
    desk.showing.pause(True)
    assert desk.engine.held[ME], "within the call"
    assert desk.showing.state.paused
    await desk.settle()
    desk.trouble = None
    desk.sent.clear()
    desk.showing.went_online()
    await desk.settle()
    assert [one.paused for one in desk.of(ActivityUpdate)] == [True]


@pytest.mark.rule("B-7.2")
async def test_what_others_stop_or_a_transfer_ends_is_shown_no_more(desk):
    await desk.showing.start(PaintedSource())
    desk.showing.take_view(view())
    assert desk.engine.shown, "the relay's answer may overtake its event"
    desk.showing.take_view(view(show()))
    desk.showing.take_view(view())
    assert not desk.engine.shown
    assert not desk.of(ActivityStop)


async def test_a_snapshot_without_it_ends_it_too(desk):
    await desk.showing.start(PaintedSource())
    desk.showing.take_view(view(), whole=True)
    assert not desk.engine.shown


async def test_what_was_shown_before_a_crash_is_said_to_be_over(desk):
    desk.showing.take_view(view(show("old"), show("other", subject="ana")), whole=True)
    await desk.settle()
    assert [(one.activity_id, one.reason) for one in desk.of(ActivityStop)] == [("old", ActivityEnd.PAGE_RELOADED)]


@pytest.mark.parametrize(
    ("code", "end"), [("source_gone", ActivityEnd.SOURCE_ENDED), ("screen_not_allowed", ActivityEnd.FAILED)]
)
async def test_a_source_that_is_gone_or_refused_ends_it_with_a_sentence(desk, code, end):
    await desk.showing.start(PaintedSource())
    desk.showing.take_media(ShowEnded(ME, code))
    await desk.settle()
    assert [one.reason for one in desk.of(ActivityStop)] == [end]
    assert [one.code for one in desk.told if isinstance(one, Failed)] == [AppCode(code)]
    assert desk.showing.state is None


async def test_a_minimised_window_and_the_size_are_told(desk):
    await desk.showing.start(PaintedSource(kind=Source.WINDOW, title="Letter"))
    desk.showing.take_media(ShowFigures(PeerKey("s1", "ana"), 30, 1, 9, 9, 1))
    assert desk.showing.state.width == 0
    desk.showing.take_media(ShowFigures(ME, 30, 100, 800, 600, 2, is_hidden=True))
    await desk.settle()
    assert desk.showing.state.hidden
    assert desk.showing.state.viewers == 2
    assert (desk.of(ActivityUpdate)[-1].width, desk.of(ActivityUpdate)[-1].height) == (800, 600)
    count = len(desk.sent)
    desk.showing.take_media(ShowFigures(ME, 30, 100, 800, 600, 2, is_hidden=True))
    await desk.settle()
    assert len(desk.sent) == count, "what has not changed is not told again"


async def test_the_engine_fails(desk):
    await desk.showing.start(PaintedSource())
    desk.showing.failed()
    await desk.settle()
    assert [one.reason for one in desk.of(ActivityStop)] == [ActivityEnd.FAILED]
