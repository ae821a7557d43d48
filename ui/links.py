"""`support-manager:` links: taken from the command line and from the system, and registered when asked to."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QFileOpenEvent
from typing_extensions import override

from ui.i18n import Translator

SCHEME = "support-manager"
_DESKTOP = "support-manager-links.desktop"


def is_link(text: str) -> bool:
    """Whether `text` looks like one of our links; the controller decides what it means."""
    return text.lower().startswith(f"{SCHEME}:")


class OpenedLinks(QObject):
    """Takes links that the system hands to the running app (macOS sends them as an event of the application).

    Args:
        take: gets each link.
        parent: the owner; install this as an event filter of the application.
    """

    def __init__(self, take: Callable[[str], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._take = take

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QFileOpenEvent) and is_link(event.url().toString()):
            self._take(event.url().toString())
            return True
        return super().eventFilter(watched, event)


def desktop_entry(program: list[str]) -> str:
    """The desktop file that makes `program` open our links (freedesktop.org Desktop Entry 1.5)."""
    quoted = " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"' for part in program)
    return (
        "[Desktop Entry]\nType=Application\nName=Support Manager\nNoDisplay=true\nTerminal=false\n"
        f"Exec={quoted} %u\nMimeType=x-scheme-handler/{SCHEME};\n"
    )


def own_program() -> list[str]:
    """How this very program is started again."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, "-m", "ui"]


def register(data_home: Path) -> Path:
    """Register our links for this user on Linux; only ever on an explicit command.

    Args:
        data_home: `$XDG_DATA_HOME`, the folder that holds `applications`.

    Returns:
        The file that was written.

    Raises:
        OSError: when it cannot be written.
    """
    target = data_home / "applications" / _DESKTOP
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(desktop_entry(own_program()), encoding="utf-8")
    tool = shutil.which("xdg-mime")
    if tool is not None:
        command = [tool, "default", _DESKTOP, f"x-scheme-handler/{SCHEME}"]
        subprocess.run(command, check=False, timeout=10)  # noqa: S603 - our own fixed words, no shell
    return target


def register_for_user() -> int:
    """Carry out `--register-links`; returns the exit code. The system's installer does it on Windows and macOS."""
    translator = Translator()
    if not sys.platform.startswith("linux"):
        sys.stderr.write(translator.t("app", "links.by_installer") + "\n")
        return 1
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    try:
        written = register(home)
    except OSError as error:
        sys.stderr.write(translator.t("app", "links.failed", reason=error.strerror or "") + "\n")
        return 1
    sys.stdout.write(translator.t("app", "links.registered", path=written) + "\n")
    return 0
