"""Hanging up: here at once, whatever the network does, and told as soon as there is one."""

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from support_manager.errors import AppCode, RelayUnavailable
from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.requests import (
    ActivityMade,
    ActivityOffer,
    ActivityStop,
    ActivityUpdate,
    Nothing,
    Request,
)
from support_manager.protocol.roles import SessionState
from support_manager.protocol.views import ActivityView, Mode, SessionView
from support_manager.session.voice import SessionVoice
from support_manager.tasks import TaskOwner
from tests.harness.scripted_engine import ScriptedEngine

MINE = ActivityView(
    id="a1", kind=ActivityKind.VOICE, state=ActivityState.RUNNING, subject="rep", asked_by="rep", changed_at=1
)


class Bench:
    """The voice of a session whose rep is in a call, and a relay that may be away."""

    def __init__(self) -> None:
        self.is_away = False
        self.is_slow = False
        self.answers = asyncio.Event()
        self.sent: list[Request] = []
        self.view = SessionView(
            id="s",
            number="123456789",
            mode=Mode.MULTI,
            state=SessionState.ACTIVE,
            seq=1,
            started_at=0,
            you="rep",
            activities=(MINE,),
        )
        self.engine = ScriptedEngine()
        shut = functools.partial(self.engine.set_muted, True)
        self.voice = SessionVoice("s", self._send, lambda: self.view, self._engine, lambda: "r", shut)

    async def _engine(self) -> ScriptedEngine:
        return self.engine

    async def _send(self, message: Request, reply: type[Any], *, timeout_s: float = 1.0) -> Any:
        if self.is_away:
            raise RelayUnavailable(AppCode.TIMED_OUT)
        self.sent.append(message)
        if self.is_slow:
            await self.answers.wait()
        return ActivityMade(activity_id="a2") if isinstance(message, ActivityOffer) else Nothing()

    @property
    def muted(self) -> list[bool]:
        return [each.paused for each in self.sent if isinstance(each, ActivityUpdate)]

    @property
    def stopped(self) -> list[str]:
        return [each.activity_id for each in self.sent if isinstance(each, ActivityStop)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the condition is about another object
            await asyncio.sleep(0)


@pytest.mark.rule("B-7.7")
async def test_what_was_hung_up_without_the_relay_is_told_when_it_is_back() -> None:
    bench = Bench()
    bench.voice.follow(is_hub=True, hub_id=None)
    await until(lambda: bench.engine.calls.get("s") == (frozenset(), True))
    bench.is_away = True
    await bench.voice.leave()
    await until(lambda: bench.engine.calls.get("s") == (frozenset(), False))
    assert bench.stopped == []
    bench.is_away = False
    bench.voice.went_online()
    await until(lambda: bench.stopped == ["a1"])
    await bench.voice.aclose()


@pytest.mark.rule("B-7.7")
async def test_who_was_muted_without_the_relay_is_muted_for_all_when_it_is_back() -> None:
    bench = Bench()
    bench.is_away = True
    with pytest.raises(RelayUnavailable):
        await bench.voice.tell_muted(True)
    bench.is_away = False
    bench.voice.went_online()
    await until(lambda: any(isinstance(each, ActivityUpdate) for each in bench.sent))
    assert [(each.activity_id, each.paused) for each in bench.sent if isinstance(each, ActivityUpdate)] == [
        ("a1", True)
    ]
    await bench.voice.aclose()


@pytest.mark.rule("B-12.5")
async def test_who_was_muted_comes_back_to_the_call_muted_until_he_wants_to_be_heard() -> None:
    bench = Bench()
    heard: list[bool] = []
    set_call = bench.engine.set_call
    bench.engine.set_call = lambda *call, here: (heard.append(not bench.engine.muted), set_call(*call, here=here))
    bench.view = msgspec.structs.replace(bench.view, activities=(msgspec.structs.replace(MINE, paused=True),))
    bench.voice.follow(is_hub=True, hub_id=None)
    await until(lambda: bench.engine.calls.get("s") == (frozenset(), True))
    assert heard == [False], "not from the first packet on"
    bench.engine.set_muted(False)
    await bench.voice.tell_muted(False)
    bench.voice.follow(is_hub=True, hub_id=None)  # and the relay has not said yet that he is muted no longer
    assert not bench.engine.muted
    await bench.voice.aclose()


@pytest.mark.rule("B-7.7")
@pytest.mark.parametrize("words", [(True, False), (True, False, True), (True, False, True, False)])
async def test_the_last_word_on_being_muted_is_what_the_others_see(words: tuple[bool, ...]) -> None:
    """Push to talk is quicker than the relay, and its news of what we told comes later still."""
    bench = Bench()
    bench.is_slow = True
    tasks = TaskOwner("keys")
    presses = [tasks.spawn(bench.voice.tell_muted(word), name="press") for word in words]
    await until(lambda: bench.muted == [True])
    for _ in range(20):
        await asyncio.sleep(0)
    assert bench.muted == [True], "one at a time, or they may come in another order"
    bench.answers.set()
    await asyncio.gather(*presses)
    assert bench.muted[-1] is words[-1]
    await bench.voice.tell_muted(not words[-1])
    assert bench.muted[-1] is not words[-1], "whatever the relay has told of the first ones until now"
    await bench.voice.aclose()
    await tasks.aclose()


@pytest.mark.rule("B-7.7")
async def test_who_comes_back_goes_by_what_the_relay_says_then() -> None:
    """Another app of the same rep may have held the session meanwhile, and opened the microphone."""
    bench = Bench()
    await bench.voice.tell_muted(True)
    bench.voice.went_online()
    await until(lambda: bench.muted == [True, True])
    await bench.voice.aclose()


def both(view: SessionView, *others: str) -> SessionView:
    running = [msgspec.structs.replace(MINE, id=f"a-{each}", subject=each) for each in others]
    return msgspec.structs.replace(view, activities=(MINE, *running))


@pytest.mark.rule("B-9.5")
async def test_sound_goes_on_the_old_ways_while_control_is_on_its_way_and_after() -> None:
    giver, taker = Bench(), Bench()
    giver.view = both(giver.view, "ion", "dan")
    giver.voice.follow(is_hub=True, hub_id=None)
    await until(lambda: giver.engine.calls.get("s") == ({"ion", "dan"}, True))
    giver.voice.follow(is_hub=False, hub_id=None)  # nobody is in charge for a moment
    await asyncio.sleep(0)
    giver.voice.follow(is_hub=False, hub_id="dan")
    await asyncio.sleep(0)
    assert giver.engine.calls["s"] == ({"ion", "dan"}, True), "the customer is heard until he is connected to the other"
    giver.view = both(giver.view, "dan")
    giver.voice.follow(is_hub=False, hub_id="dan")
    # … and not a moment longer than he is in the call.
    await until(lambda: giver.engine.calls.get("s") == ({"dan"}, True))

    taker.view = both(taker.view, "ion", "ana")
    taker.voice.follow(is_hub=False, hub_id="ana")
    await until(lambda: taker.engine.calls.get("s") == ({"ana"}, True))
    taker.voice.follow(is_hub=False, hub_id=None)
    await asyncio.sleep(0)
    assert taker.engine.calls["s"] == ({"ana"}, True)
    taker.voice.follow(is_hub=True, hub_id=None)
    await until(lambda: taker.engine.calls.get("s") == ({"ana", "ion"}, True))
    for bench in (giver, taker):
        await bench.voice.aclose()


@pytest.mark.rule("B-7.7")
async def test_who_hung_up_without_the_relay_and_joins_again_is_in_the_call() -> None:
    bench = Bench()
    bench.is_away = True
    await bench.voice.leave()
    bench.is_away = False
    await bench.voice.join()
    assert bench.stopped == ["a1"]
    assert isinstance(bench.sent[-1], ActivityOffer)
    bench.view = msgspec.structs.replace(bench.view, activities=(msgspec.structs.replace(MINE, id="a2"),))
    bench.voice.follow(is_hub=True, hub_id=None)
    await until(lambda: bench.engine.calls.get("s") == (frozenset(), True))
    await bench.voice.aclose()
