"""How fast and how cheaply the rep shows his screen, against Chromium sharing the same screen to Chromium.

The whole product takes part: relay, the real app, the customer's page in Chromium, joined by link. A 1920x1080 screen
is shown whole, on which text scrolls under a time code at 30 fps, drawn by a browser that belongs to neither. The
viewer's screen is read: the age of a picture is the time from its being drawn at the sharer's to its pixels being
readable at the viewer's. Latency and CPU are measured in separate phases, as reading costs CPU. What more viewers cost
is measured with the app's media engine alone and light receivers, which check everything and decode nothing.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.hub import CPU_LIMIT, add, cpu_of
from benchmarks.peers.probe import Probe, Sightings
from benchmarks.peers.sharers import AppSharer, ChromiumSharer, Scene, Sharer
from benchmarks.peers.signalling import Signalling
from benchmarks.table import QUIET, Report, percentile
from tests.harness import netns
from tests.harness.display import Display
from tests.harness.programs import Program
from tests.harness.relay import RelayProcess
from tests.harness.timecode import Place

SCREEN = (1920, 1080)
REP = "rep"


@dataclass(slots=True)
class Plan:
    """How long each phase takes, in seconds, how often the pair is measured, and how many viewers there are at most."""

    rounds: int = 2
    settle_s: float = 3.0
    latency_s: float = 8.0
    floor_s: float = 2.0
    cpu_s: float = 8.0
    viewers: int = 8


@dataclass(slots=True)
class Measured:
    """What was found out about one kind of sharer, over all rounds."""

    ages_ms: list[float] = field(default_factory=list)
    floor_ms: list[float] = field(default_factory=list)
    fps: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    viewer_cpu: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)


async def watch(probe: Probe, place: Place, seconds: float) -> Sightings:
    """`Probe.watch` in a thread."""
    return await asyncio.to_thread(probe.watch, place, seconds)


async def find(probe: Probe, area: Place, who: str) -> Place:
    """Where the code is."""
    found = await asyncio.to_thread(probe.find, area, 30.0)
    if found is None:
        raise OSError(f"{who}: the code did not appear")
    return found


async def measure(
    sharer: Sharer, near: Display, near_probe: Probe, far_probe: Probe, plan: Plan, into: Measured
) -> Place:
    """One round with one sharer, not started yet; gives the place of the viewer's picture."""
    async with sharer, AsyncExitStack() as stack:
        await sharer.share()
        # Not before: a browser that begins to share comes to the front, and would hide what is to be seen.
        await stack.enter_async_context(Scene(near))
        await asyncio.sleep(2 * plan.settle_s)  # browsers are busy for some seconds after their start
        place = await sharer.place()
        here = await find(near_probe, Place(0, 0, *SCREEN), f"{sharer.name}, own screen")
        there = await find(far_probe, place, sharer.name)
        seen = await watch(far_probe, there, plan.latency_s)
        into.ages_ms += seen.ages_ms
        into.fps.append(seen.fps())
        into.floor_ms += (await watch(near_probe, here, plan.floor_s)).ages_ms
        (mine, his), total = await cpu_of([sharer.pid, sharer.viewer_pid], plan.cpu_s)
        into.cpu.append(mine)
        into.viewer_cpu.append(his)
        into.total.append(total)
    return place


async def fan_out(plan: Plan, totals: list[float]) -> tuple[float, float]:
    """CPU of the app's media engine with one light receiver, and with all of them, A B A B."""
    one: list[float] = []
    many: list[float] = []
    with Display(*SCREEN) as near:
        hub_words = ("env", f"DISPLAY={near.name}")
        async with (
            Scene(near),
            Program("benchmarks.peers.show_hub", prefix=hub_words) as hub,
            Program("benchmarks.peers.light_receiver") as lights,
        ):
            names = [f"viewer {number}" for number in range(plan.viewers)]
            for name in names:
                await add(hub, lights, name)
            await hub.ask("show", name=REP, width=SCREEN[0], height=SCREEN[1])
            for _ in range(plan.rounds):
                for viewers, found in ((names[:1], one), (names, many)):
                    await hub.ask("audience", publisher=REP, viewers=viewers)
                    await asyncio.sleep(plan.settle_s)
                    await lights.ask("read")
                    (cpu,), total = await cpu_of([hub.pid], plan.cpu_s)
                    found.append(cpu)
                    totals.append(total)
                    came = (await lights.ask("read"))["viewers"][: len(viewers)]
                    if any(each["missing"] or each["bad"] or each["lost"] or not each["frames"] for each in came):
                        raise OSError("a viewer did not get the whole share")
    return statistics.mean(one), statistics.mean(many)


async def run(plan: Plan, report: Report) -> None:
    """The whole measurement, A B A B, into the report."""
    app, chromium = Measured(), Measured()
    totals: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        relay = RelayProcess(Path(folder) / "relay")
        with Display(*SCREEN) as near, Display(*SCREEN) as far:
            async with relay, Signalling() as signalling:
                near_probe, far_probe = Probe(near.name), Probe(far.name)
                place = Place(0, 0, *SCREEN)
                for turn in range(plan.rounds):
                    # An account of its own: the last turn's session outlives its app (B-12.5), and would come back.
                    password = await asyncio.to_thread(relay.add_user, f"maria{turn}", "Maria G.")
                    own = AppSharer(near, far, relay, (f"maria{turn}", password), Path(folder) / f"profile-{turn}")
                    place = await measure(own, near, near_probe, far_probe, plan, app)
                    peer = ChromiumSharer(near, far, signalling.url, place)
                    await measure(peer, near, near_probe, far_probe, plan, chromium)
                    for name, found in (("app", app), ("chromium", chromium)):
                        print(
                            f"  turn {turn} {name}: {percentile(found.ages_ms, 0.5):.0f} ms so far, "
                            f"{found.fps[-1]:.1f} fps, {found.cpu[-1]:.0f} % CPU",
                            flush=True,
                        )
                near_probe.close()
                far_probe.close()
    report.note(f"the viewers' picture is {place.width}x{place.height} pixels, of a screen of {SCREEN[0]}x{SCREEN[1]}")
    one, many = await fan_out(plan, totals)
    tell(report, app, chromium)
    report.add("share_fanout_cpu_ratio", many / one, "", at_most=1.5)
    report.add("share_fanout_cpu_one", one, "% of a core")
    report.add("share_fanout_cpu_many", many, "% of a core")
    report.note(f"fan-out: {plan.viewers} light receivers against one; total CPU {_list(totals)} % of one core")
    if max(totals) > CPU_LIMIT:
        report.mark_invalid(f"total CPU above {CPU_LIMIT:.0f} % in the fan-out: the machine was measured")


def tell(report: Report, app: Measured, chromium: Measured) -> None:
    """Make figures of the findings."""

    def mean(choose: Callable[[Measured], list[float]], found: Measured) -> float:
        return statistics.mean(choose(found))

    p50, other = percentile(app.ages_ms, 0.5), percentile(chromium.ages_ms, 0.5)
    cpu, other_cpu = mean(lambda found: found.cpu, app), mean(lambda found: found.cpu, chromium)
    report.add("share_latency_ms_p50", p50, "ms")
    report.add("share_latency_ms_p95", percentile(app.ages_ms, 0.95), "ms")
    report.add("share_floor_ms", percentile(app.floor_ms, 0.5), "ms")
    report.add("share_latency_ratio", p50 / other, "", at_most=1.0)
    report.add("share_cpu_ratio", cpu / other_cpu, "", at_most=1.0)
    report.add("share_fps", mean(lambda found: found.fps, app), "fps", at_least=28)
    report.add("share_cpu_percent", cpu, "% of a core")
    report.add("share_viewer_cpu_percent", mean(lambda found: found.viewer_cpu, app), "% of a core")
    report.add("chromium_latency_ms_p50", other, "ms")
    report.add("chromium_latency_ms_p95", percentile(chromium.ages_ms, 0.95), "ms")
    report.add("chromium_fps", mean(lambda found: found.fps, chromium), "fps")
    report.add("chromium_cpu_percent", other_cpu, "% of a core")
    report.add("chromium_viewer_cpu_percent", mean(lambda found: found.viewer_cpu, chromium), "% of a core")
    if report.load_before[0] > QUIET:
        report.mark_invalid(f"other work on the machine: load {report.load_before[0]:.2f} before the run")
    for name, found in (("app", app), ("chromium", chromium)):
        report.note(f"{name}: total CPU {_list(found.total)} % of one core")
        if max(found.total) > CPU_LIMIT:
            report.mark_invalid(f"total CPU above {CPU_LIMIT:.0f} % with {name}: the machine was measured")


def _list(values: list[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in values)


def main() -> int:
    """Measure and print; 0 if every promise is kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.share", description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    options = parser.parse_args()
    if not netns.inside():
        netns.enter()
    plan = Plan(1, settle_s=2.0, latency_s=4.0, floor_s=2.0, cpu_s=4.0) if options.smoke else Plan()
    report = Report("share")
    asyncio.run(run(plan, report))
    kept = report.finish()
    return 0 if kept or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
