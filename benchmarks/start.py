"""How soon the app can be used, and how much memory it takes: from the start of the process to the painted window."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.table import Report, percentile
from tests.harness.display import Display, ScreenReader
from tests.harness.relay import RelayProcess

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT = 1440, 900
SETTLED_S = 4.0
PATIENCE_S = 30.0


def colours(reader: ScreenReader) -> int:
    """How many colours the screen shows; an empty screen has one."""
    pixels = memoryview(reader.grab(0, 0, WIDTH, HEIGHT)).cast("I")
    return len(set(pixels[:: 7 * 3]))


async def one_start(
    display: Display, profile: Path, relay_url: str, credentials: dict[str, str]
) -> tuple[float, float]:
    """Start the app once; returns seconds until its window is painted, and MB after it has settled."""
    reader = display.reader()
    empty = colours(reader)
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ui", "--relay", relay_url, "--profile", str(profile), "--sign-in-from-stdin"),
        cwd=ROOT,
        env={**display.environment(), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(credentials).encode() + b"\n")
        process.stdin.close()
        # A window with its text, buttons and icons has dozens of colours.
        while colours(reader) < empty + 20:
            if time.perf_counter() - began > PATIENCE_S:
                raise TimeoutError("the app painted no window")
            await asyncio.sleep(0.005)
        painted = time.perf_counter() - began
        await asyncio.sleep(SETTLED_S)
        memory = psutil.Process(process.pid).memory_full_info().pss / 1e6
    finally:
        process.terminate()
        await process.wait()
        reader.close()
    return painted, memory


async def measure(runs: int) -> bool:
    """Start the app `runs` times on one profile; the first start is not counted."""
    report = Report("start")
    times, memory = [], []
    with tempfile.TemporaryDirectory() as place, Display(WIDTH, HEIGHT, window_manager=True) as display:
        async with RelayProcess(Path(place) / "relay") as relay:
            password = relay.add_user("rep")
            for run in range(runs + 1):
                painted, megabytes = await one_start(
                    display, Path(place) / "profile", relay.url, {"name": "rep", "password": password}
                )
                print(f"  start {run}: {painted:.2f} s, {megabytes:.0f} MB", flush=True)
                if run:
                    times.append(painted)
                    memory.append(megabytes)
    report.add("app_start_s", percentile(times, 0.5), "s", at_most=1.5)
    report.add("app_mb", percentile(memory, 0.5), "MB")
    report.note(
        "from exec to the painted window under Xvfb, files in the page cache; memory is PSS after 4 s, media loaded"
    )
    return report.finish()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    return 0 if asyncio.run(measure(2 if parser.parse_args().smoke else 7)) else 1


if __name__ == "__main__":
    sys.exit(main())
