"""How soon, how whole and how loud each hears the other, from microphone to speaker, and what is left of an echo.

The whole product takes part: relay, the real app with Qt's devices, the customer's page in a real Chromium. Both have
devices on a sound server of their own, so that what goes into a microphone and what comes out of a speaker is recorded
at the same place and by the same clock: the delay is from mouth to ear, with everything that is between.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.table import QUIET, Report
from tests.harness import netns
from tests.harness.sound import Heard, chirps, rms
from tests.harness.voice_rig import CUSTOMER, REP, Ends, VoiceRig

BUSY_MS, OF_MS = 40, 100


@dataclass(slots=True)
class Plan:
    """How often each direction is measured, and how long each stretch is, in seconds."""

    rounds: int = 3
    settle_s: float = 4.0
    stretch_s: float = 8.0
    echo_s: float = 12.0


async def talk(rig: VoiceRig, plan: Plan, seed: int) -> dict[str, list[Heard]]:
    """Each of them in turn."""
    found: dict[str, list[Heard]] = {CUSTOMER: [], REP: []}
    for number in range(plan.rounds):
        for speaker, heard in found.items():
            length = plan.settle_s + plan.stretch_s + 2
            ends, since = await rig.says(speaker, chirps(length, seed + number), settle_s=plan.settle_s)
            heard.append(ends.carried(since, plan.stretch_s))
    return found


async def rig_alone(rig: VoiceRig, plan: Plan) -> float:
    """What the sound server and its recorders take for themselves: from a microphone straight to a speaker, in ms."""
    with rig.pulse.straight("spare", "spare_ear"):
        mouth, ear = rig.pulse.record_mouth("spare"), rig.pulse.record_speaker("spare_ear")
        began = time.monotonic()
        rig.pulse.play("spare", chirps(plan.stretch_s + 2, 99))
        await asyncio.sleep(plan.stretch_s + 3)
    return Ends(mouth, ear).carried(began + 1, plan.stretch_s).delay_s * 1000


async def run(plan: Plan, report: Report) -> None:
    """The whole measurement, into the report."""
    with tempfile.TemporaryDirectory() as folder:
        async with VoiceRig(Path(folder)) as rig:
            floor = await rig_alone(rig, plan)
            calm = await talk(rig, plan, 100)
            await rig.app.do("keep_busy", busy_ms=BUSY_MS, of_ms=OF_MS)
            busy = await talk(rig, plan, 200)
            await rig.app.do("keep_busy", busy_ms=0, of_ms=0)
            rig.pulse.echo(f"{REP}_ear", REP, 0.5)
            microphone, back = rig.pulse.record_mouth(REP), rig.pulse.record_speaker(f"{CUSTOMER}_ear")
            _, since = await rig.says(CUSTOMER, chirps(plan.echo_s + 8, 300), settle_s=6.0)
            echo, left = rms(microphone.since(since, plan.echo_s)), rms(back.since(since, plan.echo_s))
    every = [*calm[CUSTOMER], *calm[REP]]
    report.add("voice_delay_ms", max(_delay(calm[CUSTOMER]), _delay(calm[REP])), "ms", at_most=250)
    report.add("voice_delay_to_rep_ms", _delay(calm[CUSTOMER]), "ms")
    report.add("voice_delay_to_customer_ms", _delay(calm[REP]), "ms")
    report.add("voice_floor_ms", floor, "ms")
    report.add("voice_longest_gap_ms", max(one.longest_gap_ms for one in every), "ms", at_most=20)
    report.add("voice_gain_db_least", min(one.gain_db for one in every), "dB", at_least=-6)
    report.add("voice_gain_db_most", max(one.gain_db for one in every), "dB", at_most=10)
    report.add("voice_likeness", min(one.likeness for one in every), "", at_least=0.7)
    strained = [*busy[CUSTOMER], *busy[REP]]
    report.add("voice_busy_delay_ms", max(_delay(busy[CUSTOMER]), _delay(busy[REP])), "ms")
    report.add("voice_busy_longest_gap_ms", max(one.longest_gap_ms for one in strained), "ms", at_most=20)
    report.add("voice_busy_likeness", min(one.likeness for one in strained), "", at_least=0.7)
    report.add("echo_return_loss_db", float(20 * np.log10(echo / left)), "dB", at_least=25)
    if echo < 0.01:
        report.mark_invalid("there was no echo to be taken out")
    if report.load_before[0] > QUIET:
        report.mark_invalid(f"other work on the machine: load {report.load_before[0]:.2f} before the run")


def _delay(heard: list[Heard]) -> float:
    return statistics.median(one.delay_s for one in heard) * 1000


def main() -> int:
    """Measure and print; 0 if every promise is kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voice", description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    options = parser.parse_args()
    if not netns.inside():
        netns.enter()
    plan = Plan(rounds=1, settle_s=2.0, stretch_s=3.0, echo_s=3.0) if options.smoke else Plan()
    report = Report("voice")
    asyncio.run(run(plan, report))
    kept = report.finish()
    return 0 if kept or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
