"""A support centre at work: one relay with 500 sessions, 1,000 participants; transfers, joins and a queue on top.

Twenty-five reps hold twenty sessions each, every session has a customer; customers write while control is transferred,
others enter a queue or join by link. Clients and relay share this machine.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from benchmarks.table import Report
from tests.harness.relay import RelayProcess

ROOT = Path(__file__).resolve().parents[1]
_QUEUE = "support"
_REPS = 25
_WRITE = {"sessions": 500, "transfers": 300, "offers": 200, "joins": 300, "agents": 10}
_SMOKE = {"sessions": 20, "transfers": 10, "offers": 5, "joins": 5, "agents": 3}


def _relay(place: Path, reps: int, agents: int) -> RelayProcess:
    """A relay with accounts, whose agents are members of the default queue."""
    relay = RelayProcess(place)
    command = [sys.executable, "-m", "server_stub"]
    for number in range(reps):
        relay.add_user(f"rep{number}")

    def run(*words: str) -> None:
        subprocess.run([*command, *words, "--data", str(place)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    run("setting", "set", "connections_per_address", "2000")
    for number in range(agents):
        run("user", "set", f"rep{number}", "--agent")
        run("queue", "member", "add", _QUEUE, f"rep{number}")
    return relay


def main() -> int:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    options = parser.parse_args()
    plan = _SMOKE if options.smoke else _WRITE
    reps = 6 if options.smoke else _REPS
    report = Report("sessions")
    with tempfile.TemporaryDirectory() as place:
        relay = _relay(Path(place), reps, plan["agents"])
        with relay:
            tokens = [relay.sign_in(f"rep{number}").access_token for number in range(reps)]
            figures = _run(relay, {**plan, "url": relay.url, "reps": tokens, "queue": _QUEUE})
    print("  " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()), flush=True)
    for name in ("transfer", "offer", "join"):
        shown = "queue_offer" if name == "offer" else name
        report.add(f"{shown}_ms_p50", figures[f"{name}_p50_ms"], "ms")
        report.add(f"{shown}_ms_p99", figures[f"{name}_p99_ms"], "ms", at_most=100)
    report.add("sessions_relay_mb", figures["relay_mb"], "MB")
    report.add("sessions_relay_cpu_percent", figures["relay_cpu"], "%")
    if figures["load_cpu"] > 80:
        report.mark_invalid(f"the load took {figures['load_cpu']:.0f} % of a core")
    if options.smoke:
        report.mark_invalid("a smoke run shows only that it works")
    met = report.finish()
    return 0 if met or options.smoke else 1


def _run(relay: RelayProcess, plan: dict[str, object]) -> dict[str, float]:
    load = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sessions_load"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert load.stdin is not None
    assert load.stdout is not None
    process = psutil.Process(relay.pid)
    try:
        load.stdin.write(json.dumps(plan) + "\n")
        load.stdin.flush()
        if json.loads(load.stdout.readline() or "{}").get("phase") != "ready":
            raise RuntimeError("the sessions could not be built")
        before = process.cpu_times()
        load.stdin.write("go\n")
        load.stdin.flush()
        figures: dict[str, float] = json.loads(load.stdout.readline())
        after = process.cpu_times()
        figures["relay_mb"] = process.memory_info().rss / 2**20
        load.stdin.write("end\n")
        load.stdin.flush()
        load.wait(60)
    finally:
        load.kill()
        load.wait()
        load.stdin.close()
        load.stdout.close()
    figures["relay_cpu"] = (after.user + after.system - before.user - before.system) / figures["seconds"] * 100
    return figures


if __name__ == "__main__":
    sys.exit(main())
