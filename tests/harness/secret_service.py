"""A D-Bus session with an unlocked GNOME keyring of the test's own: the app's real secret store."""

import os
import subprocess
from pathlib import Path
from typing import Self


class SecretService:
    """Runs dbus-daemon and gnome-keyring-daemon on a folder; ends them by process id.

    Args:
        place: an empty folder for their sockets and the key ring.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._processes: list[subprocess.Popen[str]] = []
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._place.mkdir(parents=True, exist_ok=True)
        self._place.chmod(0o700)
        environment = {**os.environ, "HOME": str(self._place), "XDG_DATA_HOME": str(self._place)}
        environment |= {"XDG_RUNTIME_DIR": str(self._place)}
        bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address=1", f"--address=unix:dir={self._place}"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._processes.append(bus)
        assert bus.stdout is not None
        address = bus.stdout.readline().strip()
        self.environment = {"DBUS_SESSION_BUS_ADDRESS": address, "XDG_RUNTIME_DIR": str(self._place)}
        daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--unlock", "--components=secrets", "--foreground"],
            env={**environment, **self.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._processes.append(daemon)
        assert daemon.stdin is not None
        daemon.stdin.write("password")
        daemon.stdin.close()
        assert daemon.stdout is not None
        daemon.stdout.readline()  # its first line comes when it answers on the bus
        return self

    def __exit__(self, *exc: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._processes.clear()
