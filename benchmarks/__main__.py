"""Runs benchmarks by name, each in a process of its own: `python -m benchmarks [NAME…] [--smoke]`."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import relay
from benchmarks.table import QUIET, load

NAMES = ("view", "share", "hub", "tabs", "record", "voice", "files", "relay", "sessions", "start", "page")
QUIET_WAIT_S = 180.0


def settle() -> None:
    """Wait until what ran before has faded from the load average, for a bounded time."""
    deadline = time.monotonic() + QUIET_WAIT_S
    if load()[0] > QUIET:
        print(f"waiting for the load to fall from {load()[0]:.2f} to {QUIET} …", flush=True)
    while load()[0] > QUIET and time.monotonic() < deadline:
        time.sleep(1)


def main() -> int:
    """Run the named benchmarks, or all; the exit code is 1 if one failed or missed a promise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(NAMES)}; none: all")
    parser.add_argument("--prepare", action="store_true", help="install what the peers need, measure nothing")
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if options.prepare:
        if "relay" in (options.names or NAMES):
            relay.prepare()
        return 0
    failed = []
    for name in options.names or NAMES:
        if not options.smoke:
            settle()
        words = [sys.executable, "-m", f"benchmarks.{name}", *(["--smoke"] if options.smoke else [])]
        if subprocess.run(words, cwd=Path(__file__).parents[1], check=False).returncode != 0:
            failed.append(name)
    if failed:
        print(f"\nnot met or failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
