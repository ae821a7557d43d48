"""Many customers who all share, each in a tab of the rep's app, of which one is on screen.

What a real Chromium sends is recorded first, in full and as its page sends to a tab that nobody looks at. Then the real
app, signed in to a real relay, gets `tabs` customers who replay it. Measured are the frames painted in the tab on
screen, and what every further tab costs the app in CPU and memory.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.hub import CPU_LIMIT, cpu_of, record
from benchmarks.hub import Plan as RecordPlan
from benchmarks.table import QUIET, Report
from support_manager.protocol import requests
from support_manager.protocol.activities import ActivityKind, ActivityState, Source
from support_manager.protocol.events import SignalReceived
from support_manager.protocol.signals import Answer, Offer
from tests.harness import netns
from tests.harness.app import AppProcess
from tests.harness.display import Display
from tests.harness.programs import Program
from tests.harness.relay import Client, RelayProcess, page

PATIENCE_S = 30.0


@dataclass(slots=True)
class Plan:
    """How long each phase takes, in seconds, and how many tabs there are."""

    tabs: int = 20
    record_s: float = 10.0
    settle_s: float = 6.0
    measure_s: float = 15.0


async def wait(condition: Callable[[], Any], what: str) -> Any:
    """Until `condition` gives something true.

    Raises:
        OSError: when it does not in time.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise OSError(f"not seen: {what}")
        await asyncio.sleep(0.02)
    return found


async def share(client: Client, customers: Program, link: str, app: AppProcess, session_id: str) -> None:
    """One customer comes, is asked and shows what was recorded."""
    await client.join("Customer", link=link)
    assert client.session is not None
    hub = next(each.id for each in client.session.participants if each.id != client.session.you)
    made = await customers.ask("offer")
    await client.ask(
        "signal.send",
        requests.SignalSend(
            session_id=session_id, to=hub, epoch=int(time.time() * 1000), signal=Offer(sdp=made["sdp"])
        ),
    )

    def answer() -> str | None:
        signals = [event for _, event in client.events if isinstance(event, SignalReceived)]
        return next((each.signal.sdp for each in signals if isinstance(each.signal, Answer)), None)

    await customers.ask("answer", number=made["number"], sdp=await wait(answer, "the answer"))
    await app.do("choose_tab", session_id=session_id)
    await app.do("trigger", name="action_ask_view")

    def asked() -> str | None:
        told = [fact.activity for fact in client.facts if hasattr(fact, "activity")]
        views = [each for each in told if each.kind is ActivityKind.VIEW and each.state is ActivityState.ASKED]
        return views[-1].id if views else None

    activity = await wait(asked, "the question")
    await client.ask(
        "activity.answer",
        requests.ActivityAnswer(
            session_id=session_id, activity_id=activity, accept=True, source=Source.SCREEN, width=1920, height=1080
        ),
    )
    await app.session(lambda one: one["id"] == session_id and one["picture"] == "live", within_s=PATIENCE_S)


async def measured(app: AppProcess, session_id: str, plan: Plan, totals: list[float]) -> tuple[float, float, float]:
    """Frames a second painted in that session's tab, CPU and memory (MB) of the app."""
    await app.do("choose_tab", session_id=session_id)
    await asyncio.sleep(plan.settle_s)
    before, began = await app.do("painted", session_id=session_id), time.monotonic()
    (cpu,), total = await cpu_of([app.pid], plan.measure_s)
    totals.append(total)
    after = await app.do("painted", session_id=session_id)
    memory = psutil.Process(app.pid).memory_info().rss / 1e6
    return (after[1] - before[1]) / (time.monotonic() - began), cpu, memory


async def run(plan: Plan, report: Report) -> None:
    """The whole measurement, into the report."""
    totals: list[float] = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        full, full_path, hidden_path = await record(
            RecordPlan(record_s=plan.record_s, settle_s=plan.settle_s / 2), folder, with_hidden=True
        )
        relay = await stack.enter_async_context(RelayProcess(folder / "relay"))
        password = await asyncio.to_thread(relay.add_user, "maria", "Maria G.")
        near = stack.enter_context(Display(1920, 1080, window_manager=True))
        customers = await stack.enter_async_context(
            Program("benchmarks.peers.replayer", str(full_path), str(hidden_path))
        )
        environment = {**near.environment(), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        app = AppProcess(environment, folder / "profile", "--relay", relay.url, credentials=("maria", password))
        stack.push_async_callback(app.stop)
        await app.start()
        await app.until(lambda link: link == "online", "link", within_s=PATIENCE_S)
        await app.do("settings", email_at_start=False)
        await app.do("maximize")
        sessions: list[str] = []
        alone = (float("nan"),) * 3
        for number in range(plan.tabs):
            await app.do("trigger", name="action_start_session")
            made = await app.session(lambda one: one["id"] not in sessions)
            sessions.append(made["id"])
            client = await stack.enter_async_context(page(relay.url))
            await share(client, customers, made["view"]["link"], app, made["id"])
            if number == 0:
                alone = await measured(app, sessions[0], plan, totals)
        found = [await measured(app, sessions[at], plan, totals) for at in (0, plan.tabs // 2)]
        told = (await customers.ask("read"))["customers"]
    hidden = plan.tabs - 1
    report.add("tabs_visible_fps", min(each[0] for each in found), "fps", at_least=25)
    report.add("tabs_cpu_per_hidden", (statistics.mean(each[1] for each in found) - alone[1]) / hidden, "% of a core")
    report.add("tabs_memory_per_hidden", (found[-1][2] - alone[2]) / hidden, "MB")
    report.add("tabs_fps_alone", alone[0], "fps")
    report.add("tabs_cpu_alone", alone[1], "% of a core")
    report.add("tabs_cpu_all", statistics.mean(each[1] for each in found), "% of a core")
    report.add("tabs_memory_alone", alone[2], "MB")
    report.note(f"{plan.tabs} customers; in full {full.fps:.0f} fps, {full.bits_per_s / 1e6:.1f} Mbit/s")
    report.note(f"total CPU of the phases: {', '.join(f'{value:.0f}' for value in totals)} % of one core")
    if any(each["lost"] for each in told):
        report.mark_invalid("a customer lost his connection")
    if max(totals) > CPU_LIMIT:
        report.mark_invalid(f"total CPU above {CPU_LIMIT:.0f} %: the machine was measured")
    if report.load_before[0] > QUIET:
        report.mark_invalid(f"other work on the machine: load {report.load_before[0]:.2f} before the run")


def main() -> int:
    """Measure and print; 0 if every promise is kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tabs", description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    options = parser.parse_args()
    if not netns.inside():
        netns.enter()
    plan = Plan(tabs=6, record_s=5.0, settle_s=3.0, measure_s=4.0) if options.smoke else Plan()
    report = Report("tabs")
    asyncio.run(run(plan, report))
    kept = report.finish()
    return 0 if kept or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
