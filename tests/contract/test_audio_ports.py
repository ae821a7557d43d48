"""What every port to microphone and speaker must do; the tests' own passes it too, and Qt's on a sound server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from tests.harness.again import most_of, one_of
from tests.harness.audio_process import SIGNAL_SEED
from tests.harness.programs import Program
from tests.harness.pulse import PulseServer
from tests.harness.sound import RATE, Heard, chirps, compare, rms

pytestmark = pytest.mark.asyncio(loop_scope="module")
OFFSCREEN = {"QT_QPA_PLATFORM": "offscreen"}


class Desk:
    """A program with the devices, and the sound server under them where there is one."""

    def __init__(self, program: Program, pulse: PulseServer | None) -> None:
        self.program = program
        self.pulse = pulse
        self.total: dict[str, Any] = {"heard": 0, "asked": 0, "troubles": []}

    async def until(self, done: Callable[[dict[str, Any]], bool], within_s: float = 10) -> dict[str, Any]:
        """Read until what came in all is enough."""
        deadline = time.monotonic() + within_s
        while not done(self.total):
            assert time.monotonic() < deadline, self.total
            now = await self.program.ask("read")
            self.total["heard"] += now["heard"]
            self.total["asked"] += now["asked"]
            self.total["troubles"] += now["troubles"]
            self.total["loud"] = now["loud"]
            await asyncio.sleep(0.02)
        found, self.total = self.total, {"heard": 0, "asked": 0, "troubles": []}
        return found

    async def opened(self) -> None:
        """Both in use."""
        await self.program.ask("microphone")
        await self.program.ask("speaker")
        await self.until(lambda total: total["heard"] > 4_800 and total["asked"] > 4_800)

    async def closed(self) -> None:
        """Both let go, and all that was under way is read."""
        await self.program.ask("close")
        await self.program.ask("read")  # what came before it
        late = 0
        while True:  # a thread of its own lets them go
            await asyncio.sleep(0.1)
            now = await self.program.ask("read")
            if not now["heard"] and not now["asked"]:
                break
            late += now["heard"] + now["asked"]
            assert late < 4 * RATE, "it is still heard or asked"
        self.total = {"heard": 0, "asked": 0, "troubles": []}


@pytest_asyncio.fixture(params=["array", "qt"], scope="module", loop_scope="module")
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        if request.param == "array":
            program = Program("tests.harness.audio_process", "--array", environment=OFFSCREEN)
            yield Desk(await stack.enter_async_context(program), None)
            return
        pulse = stack.enter_context(PulseServer(("speaker", "headset"), ("microphone", "webcam")))
        program = Program("tests.harness.audio_process", environment={**OFFSCREEN, **pulse.environment()})
        yield Desk(await stack.enter_async_context(program), pulse)


async def test_devices_have_ids_and_names(desk: Desk) -> None:
    microphones, speakers = (await desk.program.ask("devices"))["found"]
    assert len(microphones) == len({each for each, _ in microphones}) == 2
    assert len(speakers) >= 2
    assert all(name for _, name in microphones + speakers)


async def test_it_hears_and_asks_in_time_and_nothing_more_once_closed(desk: Desk) -> None:
    await desk.opened()

    async def two_seconds() -> list[float]:
        """How far what was heard, and what was asked for, is from what it should be, in seconds."""
        total = {"heard": 0, "asked": 0}
        began = at = (await desk.program.ask("read"))["at"]
        while at < began + 2:
            await asyncio.sleep(0.05)
            now = await desk.program.ask("read")
            total = {key: total[key] + now[key] for key in total}
            at = now["at"]
        return [abs(count / RATE - (at - began)) for count in total.values()]

    await one_of(two_seconds, lambda found: max(found) < 0.25)
    await desk.closed()
    await asyncio.sleep(0.3)
    now = await desk.program.ask("read")
    assert (now["heard"], now["asked"], now["troubles"]) == (0, 0, [])
    await desk.opened()
    await desk.closed()


async def test_a_device_that_is_gone_is_the_systems_choice(desk: Desk) -> None:
    await desk.program.ask("microphone", id="sold long ago")
    await desk.program.ask("speaker", id="sold long ago")
    total = await desk.until(lambda total: total["heard"] > 4_800 and total["asked"] > 4_800)
    assert total["troubles"] == []
    await desk.closed()


@pytest.mark.parametrize("desk", ["qt"], indirect=True)  # arrays are no speaker that could be listened to
async def test_what_is_played_comes_out_whole_though_the_main_thread_is_busy_and_what_is_said_comes_in(
    desk: Desk,
) -> None:
    pulse = desk.pulse
    assert pulse is not None

    async def comes() -> Heard:
        ear = pulse.record_speaker("speaker")
        pulse.play("microphone", chirps(5, 3))
        await desk.opened()
        await desk.program.ask("keep_busy", busy_ms=40, of_ms=100)
        deadline = time.monotonic() + 15
        while ear.seconds < 4.5:
            assert time.monotonic() < deadline, "the server records nothing"
            await asyncio.sleep(0.05)
        heard = await desk.program.ask("read")
        await desk.program.ask("rest")
        assert heard["loud"] > 0.1
        await desk.closed()
        return compare(chirps(20, SIGNAL_SEED)[RATE : 3 * RATE], ear.since(0))

    def is_whole(came: Heard) -> bool:
        return came.likeness > 0.95 and came.longest_gap_ms == 0 and abs(came.gain_db) < 0.5

    await most_of(comes, is_whole)


async def test_one_that_is_pulled_out_is_told_and_another_one_taken(desk: Desk) -> None:
    await desk.opened()
    if desk.pulse is None:
        await desk.program.ask("pull_out")
        total = await desk.until(lambda total: bool(total["troubles"]))
        assert total["troubles"] == ["microphone_lost"]
        await desk.closed()
        return
    desk.pulse.unplug_microphone("microphone")
    desk.pulse.unplug_speaker("speaker")
    total = await desk.until(lambda total: len(total["troubles"]) >= 4)
    assert sorted(total["troubles"]) == ["microphone_back", "microphone_lost", "speaker_back", "speaker_lost"]
    total = await desk.until(lambda total: total["heard"] > 24_000 and total["asked"] > 24_000)
    assert total["troubles"] == [], "each is told once"
    microphones, speakers = (await desk.program.ask("devices"))["found"]
    assert [name for _, name in microphones] == ["webcam"]
    assert "speaker" not in [name for _, name in speakers]
    desk.pulse.plug_speaker("speaker")
    desk.pulse.plug_microphone("microphone")
    await desk.closed()


@pytest.mark.rule("B-7.7")
@pytest.mark.parametrize("desk", ["qt"], indirect=True)  # arrays are not plugged in again
async def test_the_chosen_one_that_is_plugged_in_again_is_heard_again_though_another_one_was_taken(desk: Desk) -> None:
    assert desk.pulse is not None
    await desk.program.ask("microphone", id="microphone")
    await desk.until(lambda total: total["heard"] > 4_800)
    desk.pulse.unplug_microphone("microphone")
    total = await desk.until(lambda total: len(total["troubles"]) >= 2)
    assert total["troubles"] == ["microphone_lost", "microphone_back"]
    desk.pulse.plug_microphone("microphone")
    desk.pulse.play("microphone", chirps(8, 3))
    total = await desk.until(lambda total: total.get("loud", 0) > 0.1, within_s=6)
    assert total["troubles"] == []
    await desk.closed()


async def is_still(desk: Desk, what: str, seconds: float = 0.5) -> None:
    """Nothing more is heard, or asked for, for so long."""
    await desk.program.ask("read")
    await asyncio.sleep(seconds)
    assert (await desk.program.ask("read"))[what] == 0


@pytest.mark.rule("B-7.7")
async def test_the_last_ones_that_are_pulled_out_are_told_and_plugged_in_again_they_carry_on() -> None:
    """The server moves what ran there: to a speaker's monitor, and to the speaker that it makes up. Neither is used."""
    async with AsyncExitStack() as stack:
        pulse = stack.enter_context(PulseServer())
        pulse.control("load-module", "module-always-sink")
        program = Program("tests.harness.audio_process", environment={**OFFSCREEN, **pulse.environment()})
        desk = Desk(await stack.enter_async_context(program), pulse)
        await desk.opened()

        pulse.unplug_microphone("microphone")
        total = await desk.until(lambda total: bool(total["troubles"]), within_s=2)
        assert total["troubles"] == ["microphone_lost"]
        await is_still(desk, "heard")
        await desk.until(lambda total: total["asked"] > 24_000)  # he hears on
        assert (await desk.program.ask("devices"))["found"][0] == []

        pulse.plug_microphone("microphone")
        pulse.play("microphone", chirps(5, 3))
        total = await desk.until(lambda total: total["heard"] > 24_000 and total["loud"] > 0.1)
        assert total["troubles"] == ["microphone_back"]

        pulse.unplug_microphone("microphone")
        pulse.unplug_speaker("microphone_mouth")  # it would be a speaker, too
        await desk.until(lambda total: bool(total["troubles"]))
        pulse.unplug_speaker("speaker")
        total = await desk.until(lambda total: bool(total["troubles"]), within_s=2)
        assert total["troubles"] == ["speaker_lost"]
        await is_still(desk, "asked")
        assert "auto_null" in pulse.control("list", "short", "sinks")
        assert (await desk.program.ask("devices"))["found"] == [[], []]

        pulse.plug_speaker("speaker")
        ear = pulse.record_speaker("speaker")
        total = await desk.until(lambda total: total["asked"] > 48_000 and ear.seconds > 1)
        assert total["troubles"] == ["speaker_back"]
        assert rms(ear.since(0)[-RATE // 2 :]) > 0.05


@pytest.mark.slow
async def test_a_sound_server_that_ends_is_told_and_one_that_is_back_carries_on() -> None:
    async with AsyncExitStack() as stack:
        pulse = stack.enter_context(PulseServer())
        program = Program("tests.harness.audio_process", environment={**OFFSCREEN, **pulse.environment()})
        desk = Desk(await stack.enter_async_context(program), pulse)
        await desk.opened()
        pulse.stop()
        # Which is known first, that the devices are gone or why, is the system's; what is told last stands.
        unserved = {"microphone_unserved", "speaker_unserved"}
        total = await desk.until(lambda total: unserved <= set(total["troubles"]))
        assert len(total["troubles"]) <= 4
        last = {trouble.split("_")[0]: trouble for trouble in total["troubles"]}
        assert set(last.values()) == unserved, total["troubles"]
        await desk.program.ask("microphone")  # a call that begins now
        total = await desk.until(lambda total: bool(total["troubles"]))
        assert total["troubles"] == ["microphone_unserved"]
        pulse.start()
        total = await desk.until(lambda total: total["heard"] > 24_000 and total["asked"] > 24_000, within_s=20)
        assert sorted(total["troubles"]) == ["microphone_back", "speaker_back"]


@pytest.mark.parametrize("kind", ["array", "qt"])
async def test_without_devices_it_says_so_once(kind: str) -> None:
    async with AsyncExitStack() as stack:
        environment = OFFSCREEN
        if kind == "qt":
            environment = {**OFFSCREEN, **stack.enter_context(PulseServer((), ())).environment()}
        words = ("--array", "--none") if kind == "array" else ()
        desk = Desk(
            await stack.enter_async_context(Program("tests.harness.audio_process", *words, environment=environment)),
            None,
        )
        await desk.program.ask("microphone")
        await desk.program.ask("speaker")
        total = await desk.until(lambda total: len(total["troubles"]) >= 2)
        assert sorted(total["troubles"]) == ["no_microphone", "no_speaker"]
