"""What the hub hands on crosses a bad line to an assistant's app: no long stop, and no falling behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.media.engine import AnswerReady, MediaEvent, PeerConnected, PeerKey
from tests.harness.netns import LongLine
from tests.harness.participant import Participant, ScreenTrack, require_network, until
from tests.harness.programs import Program

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
ANA, EVA = PeerKey("s", "ana"), PeerKey("s", "eva")


class Centre:
    """A hub whose customer shares, and an assistant's app at the other end of a long line."""

    def __init__(self, line: LongLine, assistant: Program) -> None:
        self.line, self.assistant = line, assistant
        self.engine = AiortcEngine()
        self.events: list[MediaEvent] = []
        self.engine.start(self.events.append)
        self.customer = Participant(ScreenTrack(fps=25))

    async def answer(self, peer: PeerKey, sdp: str) -> str:
        self.engine.take_offer(peer, 1, sdp, ())

        def found() -> list[str]:
            return [each.sdp for each in self.events if isinstance(each, AnswerReady) and each.peer == peer]

        await until(lambda: bool(found()), what="the answer")
        return found()[0]

    async def start(self) -> None:
        await self.customer.take_answer(await self.answer(ANA, await self.customer.offer()))
        offer = await self.assistant.ask("join", name="hub")
        await self.assistant.ask("answer", name="hub", sdp=await self.answer(EVA, offer["sdp"]))
        for peer in (ANA, EVA):
            await until(lambda: PeerConnected(peer, 1) in self.events, what=f"{peer}")  # noqa: B023
        self.engine.set_audience(ANA, {EVA})
        seen = await self.assistant.ask("watch", name="hub", seconds=3.0)
        assert seen["fps"] > 15, "before the line is bad"

    async def aclose(self) -> None:
        await self.customer.aclose()
        await self.engine.aclose()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def centre() -> AsyncIterator[Centre]:
    require_network()
    async with AsyncExitStack() as stack:
        line = await asyncio.to_thread(LongLine, 5)
        stack.push_async_callback(line.aclose)
        assistant = await stack.enter_async_context(Program("tests.harness.hub_process", prefix=line.prefix()))
        made = Centre(line, assistant)
        stack.push_async_callback(made.aclose)
        await made.start()
        yield made


@pytest.mark.parametrize(
    "line",
    [{"loss_percent": 5, "delay_ms": 40}, {"burst_ms": 300, "burst_every_s": 3.0, "delay_ms": 20}],
    ids=["loss", "bursts"],
)
async def test_a_bad_line_to_an_assistant(centre: Centre, line: dict[str, Any]):
    await asyncio.to_thread(lambda: centre.line.become(**line))
    bad = await centre.assistant.ask("watch", name="hub", seconds=12.0)
    await asyncio.to_thread(centre.line.become)
    back = await centre.assistant.ask("watch", name="hub", seconds=5.0)
    ages = [round(age) for _, _, age, _ in bad["told"]]
    print(
        f"\n{line}: {bad['fps']:.1f} fps, longest gap {bad['longest_gap_s']:.2f} s, ages {ages} ms; after it "
        f"{back['fps']:.1f} fps, longest gap {back['longest_gap_s']:.2f} s"
    )
    assert bad["longest_gap_s"] <= 1.0
    assert max(ages[-3:]) < max(ages[:3]) + 300
    assert back["longest_gap_s"] <= 1.0
    assert back["fps"] > 15
