"""How soon the app can be used, and how much memory it takes: from the start of the process to the painted window."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.table import QUIET, Report, percentile
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


def environment(display: Display, place: Path) -> dict[str, str]:
    """The app's surroundings. An installed app has its bytecode on the disk; here the first start makes it."""
    found = {key: value for key, value in display.environment().items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {
        **found,
        "PYTHONPYCACHEPREFIX": str(place / "bytecode"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }


async def one_start(
    display: Display, place: Path, relay_url: str, credentials: dict[str, str]
) -> tuple[float, float, bool]:
    """Start the app once.

    Returns:
        Seconds until its window is painted, MB after it has settled, and whether media was loaded by then.
    """
    reader = display.reader()
    empty = colours(reader)
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "ui",
            "--relay",
            relay_url,
            "--profile",
            str(place / "profile"),
            "--sign-in-from-stdin",
        ),
        cwd=ROOT,
        env=environment(display, place),
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
        app = psutil.Process(process.pid)
        memory = app.memory_full_info().pss / 1e6
        media = any("avcodec" in file.path for file in app.memory_maps())
    finally:
        process.terminate()
        await process.wait()
        reader.close()
    return painted, memory, media


async def measure(runs: int) -> bool:
    """Start the app `runs` times on one profile; the first start is not counted."""
    report = Report("start")
    times, memory = [], []
    with tempfile.TemporaryDirectory() as place, Display(WIDTH, HEIGHT, window_manager=True) as display:
        async with RelayProcess(Path(place) / "relay") as relay:
            password = relay.add_user("rep")
            for run in range(runs + 1):
                painted, megabytes, media = await one_start(
                    display, Path(place), relay.url, {"name": "rep", "password": password}
                )
                print(f"  start {run}: {painted:.2f} s, {megabytes:.0f} MB", flush=True)
                if run:
                    times.append(painted)
                    memory.append(megabytes)
    report.add("app_start_s", percentile(times, 0.5), "s", at_most=1.5)
    report.add("app_mb", percentile(memory, 0.5), "MB")
    report.note(
        "from exec to the painted window under Xvfb, files and bytecode in the page cache; memory is PSS "
        f"{SETTLED_S:g} s later, signed in, media {'loaded' if media else 'not loaded yet'}"
    )
    if report.load_before[0] > QUIET:
        report.mark_invalid(f"other work on the machine: load {report.load_before[0]:.2f} before the run")
    return report.finish()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    smoke = parser.parse_args().smoke
    kept = asyncio.run(measure(2 if smoke else 7))
    return 0 if kept or smoke else 1


if __name__ == "__main__":
    sys.exit(main())
