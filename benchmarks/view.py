"""How fast and how cheaply the rep sees the customer's screen, against Chromium viewing the same share.

A customer's Chromium shares its whole 1920x1080 screen, on which text scrolls under a time code at 30 fps. The viewer
stands on a second X server, from which the code is read back: the age of a picture is the time from its being drawn at
the customer's to its pixels being readable at the viewer's. The floor is the same scene drawn by Chromium on the
viewer's X server, with nothing in between. Latency and CPU are measured in separate phases, as reading costs CPU.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.peers.probe import Probe, Sightings, cpu_seconds, machine_seconds
from benchmarks.peers.signalling import Signalling
from benchmarks.peers.viewers import ChromiumViewer, EngineViewer, Viewer
from benchmarks.table import Report, percentile
from tests.harness import netns
from tests.harness.chromium import BareChromium
from tests.harness.display import Display
from tests.harness.timecode import Place

MakeViewer = Callable[[Display, str, tuple[int, int]], Viewer]
"""Display, address of the signalling, size of the view: the real app takes part as one more of these."""
SCREEN = (1920, 1080)
VIEW = (1280, 720)
CPU_LIMIT = 170.0
"""Percent of one core, both cores together: above it the machine is measured and not the product."""


@dataclass(slots=True)
class Plan:
    """How long each phase takes, in seconds, and how often the pair of viewers is measured."""

    rounds: int = 3
    settle_s: float = 3.0
    latency_s: float = 15.0
    cpu_s: float = 15.0
    switches: int = 5


@dataclass(slots=True)
class Measured:
    """What was found out about one kind of viewer, over all rounds."""

    ages_ms: list[float] = field(default_factory=list)
    fps: list[float] = field(default_factory=list)
    cpu_percent: list[float] = field(default_factory=list)
    total_percent: list[float] = field(default_factory=list)
    first_frame_s: list[float] = field(default_factory=list)
    first_second: list[float] = field(default_factory=list)
    switch_ms: list[float] = field(default_factory=list)


class Customer:
    """The customer's Chromium: a page that shares, and the scene in a window over it."""

    def __init__(self, display: Display, url: str) -> None:
        self._url = url
        self._browser = BareChromium(display.environment(), width=display.width, height=display.height)

    async def __aenter__(self) -> "Customer":
        await self._browser.__aenter__()
        await self._browser.goto(f"{self._url}/sender.html")
        await self._until("window.ready === true")
        await self._browser.command(
            "Target.createTarget", url=f"{self._url}/scene/timecode.html", newWindow=True, width=1920, height=1080
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._browser.__aexit__(*exc)

    async def _until(self, expression: str, seconds: float = 15.0) -> None:
        async with asyncio.timeout(seconds):
            while not await self._browser.evaluate(expression):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    async def connect(self) -> None:
        """Offer a connection and wait for it, as it stands before anything is shared."""
        await self._browser.evaluate("window.connectHub()")
        await self._until("window.state === 'connected'", 30.0)

    async def share(self) -> float:
        """Share the whole screen; the time (`time.time()`) at which the picker was done."""
        return float(await self._browser.evaluate("window.share()")) / 1000

    async def stop(self) -> None:
        """Share nothing."""
        await self._browser.evaluate("window.stopSharing()")


async def measure(viewer: Viewer, customer: Customer, probe: Probe, place: Place, plan: Plan, into: Measured) -> None:
    """One round with one viewer.

    Args:
        viewer: not started yet.
        customer: with nothing shared.
        probe: of the viewer's screen.
        place: where the code will stand on it.
        plan: of the phases.
        into: takes the findings.
    """
    async with viewer:
        await customer.connect()
        watching = asyncio.create_task(asyncio.to_thread(probe.watch, place, plan.settle_s))  # noqa: TID251
        picked = await customer.share()
        first = await watching
        if not first.moments:
            raise OSError(f"{viewer.name}: no picture came")
        into.first_frame_s.append(first.moments[0] - picked)
        into.first_second.append(first.in_first_second())

        seen: Sightings = await asyncio.to_thread(probe.watch, place, plan.latency_s)
        into.ages_ms += seen.ages_ms
        into.fps.append(seen.fps())

        mine, all_of_it, started = cpu_seconds(viewer.pid), machine_seconds(), time.monotonic()
        await asyncio.sleep(plan.cpu_s)
        elapsed = time.monotonic() - started
        into.cpu_percent.append((cpu_seconds(viewer.pid) - mine) / elapsed * 100)
        into.total_percent.append((machine_seconds() - all_of_it) / elapsed * 100)

        for _ in range(plan.switches):
            await viewer.hide()
            await asyncio.sleep(3.0)
            shown = time.time()
            await viewer.show()
            fresh = await asyncio.to_thread(probe.watch, place, 0.0, after_ms=shown * 1000)
            if fresh.moments:
                into.switch_ms.append((fresh.moments[0] - shown) * 1000)
        await customer.stop()


async def floor(display: Display, url: str, probe: Probe, plan: Plan) -> list[float]:
    """The ages without any product: the scene drawn on the viewer's own screen."""
    flags = ("--kiosk",)
    async with BareChromium(display.environment(), width=display.width, height=display.height, extra_flags=flags) as it:
        await it.goto(f"{url}/scene/timecode.html")
        place = await asyncio.to_thread(probe.find, 20.0)
        if place is None:
            raise OSError("the scene did not appear")
        return (await asyncio.to_thread(probe.watch, place, plan.latency_s)).ages_ms


async def find_place(viewer: Viewer, customer: Customer, probe: Probe) -> Place:
    """Where the code stands on the viewer's screen: a trial share, before anything is measured."""
    async with viewer:
        await customer.connect()
        await customer.share()
        place = await asyncio.to_thread(probe.find, 30.0)
        await customer.stop()
    if place is None:
        raise OSError(f"{viewer.name}: the code did not appear")
    return place


async def run(plan: Plan, report: Report) -> None:
    """The whole measurement, A B A B, into the report."""
    product, chromium, floor_ms = Measured(), Measured(), list[float]()
    async with Signalling() as signalling, Display(*SCREEN) as far, Display(*SCREEN) as near:
        probe = Probe(near.name, *VIEW)
        kinds: tuple[tuple[MakeViewer, Measured], ...] = ((EngineViewer, product), (ChromiumViewer, chromium))
        async with Customer(far, signalling.url) as customer:
            places = [await find_place(kind(near, signalling.url, VIEW), customer, probe) for kind, _ in kinds]
            for _ in range(plan.rounds):
                for (kind, found), place in zip(kinds, places, strict=True):
                    viewer = kind(near, signalling.url, VIEW)
                    await measure(viewer, customer, probe, place, plan, found)
        floor_ms = await floor(near, signalling.url, probe, plan)
        probe.close()
    tell(report, product, chromium, floor_ms)


def tell(report: Report, product: Measured, chromium: Measured, floor_ms: list[float]) -> None:
    """Make figures of the findings."""
    p50, other = percentile(product.ages_ms, 0.5), percentile(chromium.ages_ms, 0.5)
    bottom = percentile(floor_ms, 0.5)
    cpu, other_cpu = statistics.mean(product.cpu_percent), statistics.mean(chromium.cpu_percent)
    report.add("view_latency_ms_p50", p50, "ms")
    report.add("view_latency_ms_p95", percentile(product.ages_ms, 0.95), "ms")
    report.add("view_floor_ms", bottom, "ms")
    report.add("view_above_floor_ms", p50 - bottom, "ms", at_most=30)
    report.add("view_latency_ratio", p50 / other, "", at_most=0.6, aim=0.5)
    report.add("view_fps", statistics.mean(product.fps), "fps", at_least=29)
    report.add("view_cpu_ratio", cpu / other_cpu, "", at_most=0.8, aim=0.6)
    report.add("view_first_frame_s", max(product.first_frame_s), "s", at_most=1.0)
    report.add("view_fps_first_second", min(product.first_second), "fps", at_least=20)
    switched = max(product.switch_ms) if product.switch_ms else float("nan")
    report.add("tab_switch_ms", switched, "ms", at_most=500)
    report.add("view_cpu_percent", cpu, "% of a core")
    report.add("chromium_latency_ms_p50", other, "ms")
    report.add("chromium_latency_ms_p95", percentile(chromium.ages_ms, 0.95), "ms")
    report.add("chromium_fps", statistics.mean(chromium.fps), "fps")
    report.add("chromium_cpu_percent", other_cpu, "% of a core")
    report.add("chromium_first_frame_s", max(chromium.first_frame_s), "s")
    for name, found in (("product", product), ("chromium", chromium)):
        report.note(f"{name}: total CPU {', '.join(f'{value:.0f}' for value in found.total_percent)} % of one core")
        if max(found.total_percent) > CPU_LIMIT:
            report.mark_invalid(f"total CPU above {CPU_LIMIT:.0f} % with {name}: the machine was measured")


def main() -> int:
    """Measure and print; 0 if every promise is kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.view", description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    options = parser.parse_args()
    if not netns.inside():
        netns.enter()
    plan = Plan(rounds=1, settle_s=2.0, latency_s=3.0, cpu_s=3.0, switches=1) if options.smoke else Plan()
    report = Report("view")
    asyncio.run(run(plan, report))
    kept = report.finish()
    return 0 if kept or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
