"""What recording a share costs the app: its CPU with a recording less that without, and the file's size to the wire's.

A real Chromium shares its screen of 1920x1080 once, and what it sends is replayed to the app's engine, which decodes
it as for the screen. A B A B: without and with a recording, to a file on disk. Each phase lasts as long as what is
replayed, so that all of them carry the same pictures: what a recording costs is less than what one picture differs from
the next. The median of the pairs counts.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

import av

from benchmarks.hub import CPU_LIMIT, PUBLISHER, Plan, add, cpu_of, record
from benchmarks.table import QUIET, Report
from tests.harness import netns
from tests.harness.programs import Program


async def compare(
    plan: Plan, phase_s: float, recording: Path, folder: Path, report: Report, totals: list[float]
) -> None:
    """The replayed share without and with a recording, A B A B."""
    without: list[float] = []
    recorded: list[float] = []
    ratios: list[float] = []
    async with (
        Program("tests.harness.hub_process") as hub,
        Program("benchmarks.peers.replayer", str(recording)) as customer,
    ):
        await add(hub, customer, PUBLISHER)
        await hub.ask("visible", name=PUBLISHER, visible=True)
        for turn in range(plan.rounds):
            await asyncio.sleep(plan.settle_s)
            (cpu, *_), total = await cpu_of([hub.pid], phase_s)
            without.append(cpu)
            totals.append(total)
            before = (await customer.ask("read"))["customers"][0]["bytes"]
            await hub.ask("record", publisher=PUBLISHER, path=str(folder / f"{turn}.webm"))
            await asyncio.sleep(plan.settle_s)
            (cpu, *_), total = await cpu_of([hub.pid], phase_s)
            recorded.append(cpu)
            totals.append(total)
            over = await hub.ask("stop")
            # Over the whole of the recording: a part of it holds more or fewer key frames than its share of them.
            wire = (await customer.ask("read"))["customers"][0]["bytes"] - before
            ratios.append(over["bytes"] / wire)
            whole = frames_of(Path(over["path"]))
            if whole < 25 * over["seconds"]:
                report.mark_invalid(f"only {whole} pictures in {over['seconds']:.0f} s of recording")
    costs = [much - little for little, much in zip(without, recorded, strict=True)]
    report.add("record_cpu", statistics.median(costs), "% of a core", at_most=5)
    report.note(f"what each pair of phases gave: {', '.join(f'{cost:+.1f}' for cost in costs)} % of a core")
    report.add("record_bytes_ratio", statistics.mean(ratios), "")
    report.add("record_cpu_without", statistics.mean(without), "% of a core")
    report.add("record_cpu_with", statistics.mean(recorded), "% of a core")


def frames_of(path: Path) -> int:
    """How many frames of the share a recording holds; nothing is decoded."""
    with av.open(str(path)) as file:
        return sum(1 for packet in file.demux(video=0) if packet.size)


async def run(plan: Plan, report: Report) -> None:
    """The whole measurement, into the report."""
    totals: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        taken, path, _ = await record(plan, Path(folder))
        await compare(plan, taken.seconds, path, Path(folder), report, totals)
    report.note(
        f"the share: {taken.fps:.1f} fps, {taken.bits_per_s / 1e6:.2f} Mbit/s; the file has silence for sound, as no "
        "call runs"
    )
    report.note(f"total CPU of the phases: {', '.join(f'{value:.0f}' for value in totals)} % of one core")
    if max(totals) > CPU_LIMIT:
        report.mark_invalid(f"total CPU above {CPU_LIMIT:.0f} %: the machine was measured")
    if report.load_before[0] > QUIET:
        report.mark_invalid(f"other work on the machine: load {report.load_before[0]:.2f} before the run")


def main() -> int:
    """Measure and print; 0 if every promise is kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.record", description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    options = parser.parse_args()
    if not netns.inside():
        netns.enter()
    plan = Plan(record_s=5.0, settle_s=1.5, cpu_s=4.0, rounds=1) if options.smoke else Plan(settle_s=2.0, rounds=5)
    report = Report("record")
    asyncio.run(run(plan, report))
    kept = report.finish()
    return 0 if kept or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
