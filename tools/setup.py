"""Sets up what is missing: Debian packages (as root), the virtual environment, the locked Python packages.

Standard library only, since it runs before anything is installed. Says what it installs; where it may not install
(not root, not Debian), it names what is missing and goes on if that is only needed for tests.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "support-manager.stamp"

PACKAGES = {
    # What Qt's X11 plug-in, its OpenGL loader and its sound need; the wheels do not bring them.
    "run": (
        "python3-venv libegl1 libgl1 libglib2.0-0 libdbus-1-3 libfontconfig1 libxkbcommon-x11-0 libxcb-cursor0 "
        "libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 "
        "libxcb-xkb1 libpulse0 libnss3 fonts-dejavu-core fonts-noto-core"
    ),
    # Real browsers, a virtual screen with a window manager and a tray, network namespaces, a keyring, a sound
    # server without any sound card, a web server to measure files against.
    "test": (
        "chromium firefox-esr xvfb openbox trayer x11-utils xdg-utils iproute2 nftables openssl util-linux dbus "
        "gnome-keyring procps binutils libatomic1 pulseaudio pulseaudio-utils coturn "
        "ffmpeg nginx"
    ),
}


def say(text: str) -> None:
    """Print one line at once."""
    print(text, flush=True)


def installed(package: str) -> bool:
    """Whether a Debian package is installed."""
    found = subprocess.run(["dpkg-query", "-W", "-f=${Status}", package], capture_output=True, text=True, check=False)
    return "install ok installed" in found.stdout


def debian_packages(groups: list[str]) -> None:
    """Install the missing Debian packages of `groups` as root; otherwise name them."""
    wanted = [name for group in groups for name in PACKAGES[group].split()]
    if "test" in groups and sys.base_prefix == "/usr":
        # PyInstaller takes Python's shared library along, which Debian keeps in a package of its own.
        wanted.append(f"libpython{sys.version_info.major}.{sys.version_info.minor}")
    if shutil.which("dpkg-query") is None:
        say("This is no Debian system. Install these, under the names your system gives them: " + " ".join(wanted))
        return
    missing = [name for name in wanted if not installed(name)]
    if not missing:
        return
    if os.geteuid() != 0:
        say("These Debian packages are missing; install them as root: apt-get install " + " ".join(missing))
        return
    say("Installing Debian packages: " + " ".join(missing))
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
    ):
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            sys.exit(f"'{' '.join(command[:2])}' failed with exit code {done.returncode}; run it by hand to see why.")


def python_packages() -> None:
    """Make the virtual environment and install the locked packages, unless the stamp says that they are there."""
    lock = ROOT / "requirements" / "dev.lock"
    fingerprint = hashlib.sha256(lock.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == fingerprint:
        return
    python = VENV / "bin" / "python"
    if not python.exists():
        say("Making a virtual environment in .venv")
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
        if made.returncode != 0:
            sys.exit("Python could not make a virtual environment: on Debian install the package python3-venv.")
    say("Installing the Python packages of requirements/dev.lock into .venv (a few minutes the first time)")
    base = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for arguments in (
        ["--require-hashes", "-r", str(lock)],
        ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    ):
        # setuptools warns of every editable installation; nobody can do anything about it here.
        done = subprocess.run(
            [*base, *arguments], check=False, cwd=ROOT, env={**os.environ, "PYTHONWARNINGS": "ignore"}
        )
        if done.returncode != 0:
            sys.exit("pip could not install the packages; its message is above.")
    STAMP.write_text(fingerprint)


def main() -> None:
    """Set up for the groups named on the command line (`run`, `test`)."""
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        sys.exit(f"Python 3.11, 3.12 or 3.13 is needed, this is {sys.version.split()[0]}. Set PYTHON=… for make.")
    debian_packages(sys.argv[1:] or ["run", "test"])
    python_packages()


if __name__ == "__main__":
    main()
