"""Tries the frozen folder the way another machine sees it: this repository hidden, no environment, another directory.

Needs Linux, root (for the mount namespace that hides the repository) and `dbus-run-session`, which gives the keyring's
back end something to find. Everything is written under `build/` or in a temporary folder that is removed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "dist" / "support-manager"
APP, RELAY = "support-manager", "support-relay"
KEYRING = "keyring.backends.SecretService"
_TRY_S = 180

_HIDDEN = """
set -e
mount --bind "$FROM" "$TO/program"
mount -t tmpfs -o size=1m none "$HIDE"
cd /
exec env -i HOME="$TO/home" PATH=/usr/bin:/bin LANG=C.UTF-8 dbus-run-session -- "$TO/program/$PROGRAM" "$@"
"""


def call(place: Path, program: str, *words: str, stdin: str = "") -> str:
    """Run a program of the folder with the repository hidden; returns what it printed.

    Raises:
        SystemExit: when it fails; what it said is printed first.
    """
    environment = {**os.environ, "FROM": str(FOLDER), "TO": str(place), "HIDE": str(ROOT), "PROGRAM": program}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", _HIDDEN, "sh", *words],
        env=environment, cwd="/", input=stdin, capture_output=True, text=True, check=False, timeout=_TRY_S,
    )  # fmt: skip
    if done.returncode != 0:
        sys.stdout.write(done.stdout + done.stderr)
        sys.exit(f"{program} {' '.join(words)}: exit code {done.returncode}")
    return done.stdout


def require(good: bool, sentence: str) -> None:
    """End with `sentence` unless `good`."""
    if not good:
        sys.exit(f"installer: {sentence}")


def own_paths() -> list[str]:
    """Files of the folder that name this machine's directories, and links that lead nowhere."""
    traces = [str(ROOT).encode(), str(Path.home()).encode() + b"/"]
    found = []
    for path in sorted(FOLDER.rglob("*")):
        if path.is_symlink() and not path.exists():
            found.append(f"{path.relative_to(FOLDER)} (a link to nothing)")
        elif path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            is_text = b"\0" not in content[:8192]
            if traces[0] in content or (is_text and traces[1] in content):
                found.append(str(path.relative_to(FOLDER)))
    return found


def main() -> None:
    """Try both programs; exits with a sentence at the first thing that is wrong."""
    with tempfile.TemporaryDirectory(prefix="support-manager-") as folder:
        place = Path(folder)
        (place / "program").mkdir()
        (place / "home").mkdir()
        lines = call(place, APP, "--self-test")
        # The keyring's daemon, started by the bus, prints its environment into the same stream.
        sys.stdout.write("".join(line for line in lines.splitlines(True) if not line.startswith("GNOME_KEYRING_")))
        require(KEYRING in lines, f"the self-test does not name {KEYRING}, though a secret service can be started")
        require("skipped" not in lines, "the self-test left something out")
        require("--self-test" in call(place, APP, "--help"), "support-manager --help says nothing")
        require("serve" in call(place, RELAY, "--help"), "support-relay --help says nothing")
        require(call(place, RELAY, "--version").split()[-1] != "0.0.0", "the relay does not know its version")
        call(place, RELAY, "user", "add", "try", "--password-stdin", stdin=f"{os.urandom(9).hex()}\n")
        require("try" in call(place, RELAY, "user", "list"), "the account made is not listed")
        call(place, APP, "--register-links")
        entry = next((place / "home").rglob("*.desktop")).read_text(encoding="utf-8")
        require(f'Exec="{place}/program/{APP}" %u' in entry, f"the links are not registered for the program:\n{entry}")
    require(not (traces := own_paths()), "these name the machine they were made on: " + ", ".join(traces))
    size = sum(path.lstat().st_size for path in FOLDER.rglob("*") if path.is_file() and not path.is_symlink())
    sys.stdout.write(f"installer: {FOLDER.relative_to(ROOT)}, {size / 1e6:.0f} MB\n")


if __name__ == "__main__":
    if not shutil.which("unshare") or not re.match(r"linux", sys.platform):
        sys.exit("The installer can be tried on Linux only, with unshare (util-linux).")
    main()
