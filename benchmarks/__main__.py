"""Runs benchmarks by name, each in a process of its own: `python -m benchmarks [NAME…] [--smoke]`."""

import argparse
import subprocess
import sys
from pathlib import Path

NAMES = ("view", "relay", "start", "page")


def main() -> int:
    """Run the named benchmarks, or all; the exit code is 1 if one failed or missed a promise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(NAMES)}; none: all")
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    failed = []
    for name in options.names or NAMES:
        words = [sys.executable, "-m", f"benchmarks.{name}", *(["--smoke"] if options.smoke else [])]
        if subprocess.run(words, cwd=Path(__file__).parents[1], check=False).returncode != 0:
            failed.append(name)
    if failed:
        print(f"\nnot met or failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
