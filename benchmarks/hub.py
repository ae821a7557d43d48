"""What it costs to hand a share on to more viewers, and how much later they see it.

A real Chromium shares its screen once: what it sends is recorded, and so is its CPU with nobody but the hub and with
light viewers besides. Then the recording is replayed to the hub, without viewers and with `viewers` of them, which take
DTLS and SRTP apart and check what comes, in a process of their own, and decode nothing.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.probe import cpu_seconds, machine_seconds
from benchmarks.peers.recording import Recorder, Recording
from benchmarks.table import QUIET, Report, percentile
from support_manager.media.control import HIDDEN_RATE
from tests.harness import netns
from tests.harness.chromium import BareChromium
from tests.harness.display import Display
from tests.harness.programs import Program
from tests.harness.sharing_page import SharingSite

CPU_LIMIT = 170.0
PUBLISHER = "publisher"


@dataclass(slots=True)
class Plan:
    """How long each phase takes, in seconds, and how many viewers there are."""

    record_s: float = 10.0
    settle_s: float = 2.5
    cpu_s: float = 10.0
    viewers: int = 8
    rounds: int = 3


async def record(plan: Plan, folder: Path, *, with_hidden: bool = False) -> tuple[Recording, Path, Path]:
    """Let a real Chromium share and write down what it sends, in full and, if wanted, as a hidden tab's page does."""
    recorder: Recorder | None = None

    async def answer(sdp: str) -> str:
        nonlocal recorder
        recorder = Recorder(sdp)
        recorder.start()
        return await recorder.answered

    full_path, hidden_path = folder / "full.recording", folder / "hidden.recording"
    with Display(1920, 1080) as display:
        async with (
            SharingSite(answer) as site,
            BareChromium(display.environment(), width=1920, height=1080) as browser,
        ):
            await browser.goto(site.url)
            await browser.evaluate("share()")
            assert recorder is not None
            while not recorder.connected:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
            await asyncio.sleep(plan.settle_s)
            full = await recorder.take(plan.record_s)
            full.save(full_path)
            if with_hidden:
                recorder.ask_for_rate(HIDDEN_RATE)
                await asyncio.sleep(plan.settle_s)
                (await recorder.take(plan.record_s)).save(hidden_path)
            await recorder.aclose()
    return full, full_path, hidden_path if with_hidden else full_path


async def add(hub: Program, others: Program, name: str) -> None:
    """One more participant of the program `others` at the hub."""
    made = await others.ask("offer")
    answer = await hub.ask("offer", name=name, sdp=made["sdp"])
    await others.ask("answer", number=made["number"], sdp=answer["sdp"])
    await hub.ask("connected", names=[name])


async def cpu_of(pids: list[int], seconds: float) -> tuple[list[float], float]:
    """Percent of a core that each tree of processes takes, and the whole machine."""
    before, machine, began = [cpu_seconds(pid) for pid in pids], machine_seconds(), time.monotonic()
    await asyncio.sleep(seconds)
    passed = time.monotonic() - began
    mine = [(cpu_seconds(pid) - was) / passed * 100 for pid, was in zip(pids, before, strict=True)]
    return mine, (machine_seconds() - machine) / passed * 100


async def publisher_cpu(plan: Plan, totals: list[float]) -> tuple[float, float]:
    """CPU of a real Chromium that shares: without viewers behind the hub, and with them."""
    async with Program("tests.harness.hub_process") as hub, Program("benchmarks.peers.light_receiver") as lights:

        async def answer(sdp: str) -> str:
            return str((await hub.ask("offer", name=PUBLISHER, sdp=sdp))["sdp"])

        names = [f"viewer {number}" for number in range(plan.viewers)]
        for name in names:
            await add(hub, lights, name)
        with Display(1920, 1080) as display:
            async with (
                SharingSite(answer) as site,
                BareChromium(display.environment(), width=1920, height=1080) as browser,
            ):
                await browser.goto(site.url)
                await browser.evaluate("share()")
                await hub.ask("connected", names=[PUBLISHER])
                found: dict[bool, list[float]] = {True: [], False: []}
                for _ in range(plan.rounds):
                    for watched in (False, True):
                        await hub.ask("audience", publisher=PUBLISHER, viewers=names if watched else [])
                        await asyncio.sleep(plan.settle_s)
                        (cpu,), total = await cpu_of([browser.pid], plan.cpu_s / 2)
                        found[watched].append(cpu)
                        totals.append(total)
    return statistics.mean(found[False]), statistics.mean(found[True])


def delays(sent: list[tuple[int, float]], came: list[tuple[int, float]]) -> list[float]:
    """How long each frame was under way, in milliseconds: from its last packet's leaving to its last one's coming."""
    times: dict[int, list[float]] = {}
    for mark, at in sent:
        times.setdefault(mark, []).append(at)
    found = []
    for mark, at in came:
        left = times.get(mark, [])
        place = bisect_right(left, at)
        if place:
            found.append((at - left[place - 1]) * 1000)
    return found


async def fan_out(plan: Plan, recording: Path, report: Report, totals: list[float]) -> None:
    """The replayed share with and without viewers, A B A B."""
    alone: list[float] = []
    watched: list[float] = []
    late: list[float] = []
    whole = True
    async with (
        Program("tests.harness.hub_process") as hub,
        Program("benchmarks.peers.light_receiver") as lights,
        Program("benchmarks.peers.replayer", str(recording)) as customer,
    ):
        await add(hub, customer, PUBLISHER)
        names = [f"viewer {number}" for number in range(plan.viewers)]
        for name in names:
            await add(hub, lights, name)
        for _ in range(plan.rounds):
            for viewers, found in (([], alone), (names, watched)):
                await hub.ask("audience", publisher=PUBLISHER, viewers=viewers)
                await asyncio.sleep(plan.settle_s)
                for program in (lights, customer):
                    await program.ask("read")
                (cpu, *_), total = await cpu_of([hub.pid], plan.cpu_s)
                found.append(cpu)
                totals.append(total)
                came = (await lights.ask("read"))["viewers"]
                sent = [(mark, at) for mark, at in (await customer.ask("read"))["customers"][0]["sent"]]
                if not viewers:
                    continue
                for one in came:
                    late += delays(sent, [(mark, at) for mark, at in one["marks"]])
                    whole = whole and not (one["missing"] or one["bad"] or one["lost"])
                    whole = whole and abs(one["frames"] - len(sent)) <= 0.05 * len(sent)
    per_viewer = [(many - none) / plan.viewers for none, many in zip(alone, watched, strict=True)]
    report.add("hub_cpu_per_viewer", statistics.mean(per_viewer), "% of a core", at_most=5)
    report.add("hub_added_ms", percentile(late, 0.5), "ms", at_most=15)
    report.add("hub_added_ms_p95", percentile(late, 0.95), "ms")
    report.add("hub_cpu_alone", statistics.mean(alone), "% of a core")
    report.add("hub_cpu_watched", statistics.mean(watched), "% of a core")
    if not whole:
        report.mark_invalid("a viewer did not get the whole share")


async def run(plan: Plan, report: Report) -> None:
    """The whole measurement, into the report."""
    totals: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        recording, path, _ = await record(plan, Path(folder))
        await fan_out(plan, path, report, totals)
    alone, watched = await publisher_cpu(plan, totals)
    report.add("hub_publisher_cpu_ratio", watched / alone, "", at_most=1.1)
    report.add("hub_publisher_cpu_alone", alone, "% of a core")
    report.note(
        f"the recording: {recording.seconds:.0f} s, {recording.fps:.1f} fps, {recording.bits_per_s / 1e6:.2f} Mbit/s, "
        f"{len(recording.packets) / recording.seconds:.0f} packets/s; {plan.viewers} viewers, none of them Chromium"
    )
    report.note(f"total CPU of the phases: {', '.join(f'{value:.0f}' for value in totals)} % of one core")
    if max(totals) > CPU_LIMIT:
        report.mark_invalid(f"total CPU above {CPU_LIMIT:.0f} %: the machine was measured")
    if report.load_before[0] > QUIET:
        report.mark_invalid(f"other work on the machine: load {report.load_before[0]:.2f} before the run")


def main() -> int:
    """Measure and print; 0 if every promise is kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hub", description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    options = parser.parse_args()
    if not netns.inside():
        netns.enter()
    plan = Plan(record_s=5.0, settle_s=1.5, cpu_s=4.0, rounds=1) if options.smoke else Plan()
    report = Report("hub")
    asyncio.run(run(plan, report))
    kept = report.finish()
    return 0 if kept or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
