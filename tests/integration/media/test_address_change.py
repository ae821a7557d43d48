"""The rep's computer changes networks: the connection from the address that is gone is dead at once, not 10 s later."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator

import pytest

from tests.harness.netns import SecondHost
from tests.harness.participant import Participant, ScreenTrack, require_network
from tests.harness.programs import Program


@pytest.fixture
async def far() -> AsyncIterator[SecondHost]:
    require_network()
    host = await asyncio.to_thread(SecondHost, 7)
    yield host
    await host.aclose()


def ip(*words: str, prefix: list[str] | None = None) -> None:
    subprocess.run([*(prefix or []), "ip", *words], check=True, capture_output=True)


async def test_an_address_that_goes_ends_the_connection_and_the_next_one_uses_another(far: SecondHost) -> None:
    async with Program("tests.harness.hub_process", prefix=far.prefix()) as hub:

        async def join() -> Participant:
            made = Participant(ScreenTrack())
            answer = await hub.ask("offer", name="ana", sdp=await made.offer())
            await made.take_answer(answer["sdp"])
            await hub.ask("connected", names=["ana"])
            return made

        first = await join()
        await hub.ask("watch", name="ana", seconds=1.2)  # the addresses are known by now
        ip("address", "add", "198.19.7.1/30", "dev", far.device)
        ip("address", "add", "198.19.7.2/30", "dev", "sm0", prefix=far.prefix())
        seen = await hub.ask("watch", name="ana", seconds=1.0)
        assert seen["came"], "one more address changes nothing"
        began = time.monotonic()
        ip("address", "del", "198.18.7.2/30", "dev", "sm0", prefix=far.prefix())
        await hub.ask("lost", name="ana")
        assert time.monotonic() - began < 4.0
        second = await join()
        seen = await hub.ask("watch", name="ana", seconds=3.0)
        assert seen["came"]
        for each in (first, second):
            await each.aclose()
