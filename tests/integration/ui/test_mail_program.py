"""The rep's own mail program: a real handler, registered through xdg, gets the whole message (B-4.2, B-4.3)."""

import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from support_manager.invitations import mailto
from tests.harness.display import Display

OPEN = """
import sys
from PySide6.QtWidgets import QApplication
from ui.panels.invite import open_mail_program
app = QApplication(sys.argv[:1])
print(open_mail_program(sys.argv[1]))
"""
TEXT = "Bună ziua,\r\n\r\n100 % «așa» & așa: https://help.example/join#aZ09_-"


@pytest.fixture(scope="module")
def display():
    with Display(800, 600) as made:
        yield made


def home(folder: Path, display: Display) -> dict[str, str]:
    """An environment of its own: no desktop, no programs but those that the test registers."""
    found = {
        name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "DBUS_", "QT_", "WAYLAND"))
    }
    found |= {"HOME": str(folder), "DISPLAY": display.name, "QT_QPA_PLATFORM": "xcb"}
    for name in ("DATA_HOME", "CONFIG_HOME", "CACHE_HOME", "DATA_DIRS", "CONFIG_DIRS"):
        place = folder / name.casefold()
        place.mkdir()
        found[f"XDG_{name}"] = str(place)
    return found


def register(folder: Path, environment: dict[str, str]) -> Path:
    """Make a mail program and have xdg-mime take it for `mailto:`; where it writes down what it was given."""
    heard = folder / "heard"
    program = folder / "mail-program"
    program.write_text(f'#!/bin/sh\nprintf "%s" "$1" > "{heard}.new"\nmv "{heard}.new" "{heard}"\n')
    program.chmod(0o755)
    applications = Path(environment["XDG_DATA_HOME"]) / "applications"
    applications.mkdir()
    (applications / "test-mail.desktop").write_text(
        "[Desktop Entry]\nType=Application\nName=Test Mail\nMimeType=x-scheme-handler/mailto;\n"
        f"Exec={program} %u\nNoDisplay=true\n"
    )
    subprocess.run(
        ["xdg-mime", "default", "test-mail.desktop", "x-scheme-handler/mailto"],
        env=environment, check=True, timeout=20, capture_output=True,
    )  # fmt: skip
    return heard


def opened(url: str, environment: dict[str, str]) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", OPEN, url], env=environment, check=True, timeout=40, capture_output=True, text=True
    )
    return done.stdout.strip() == "True"


@pytest.mark.rule("B-4.2", "B-4.3", "B-3.2")
def test_the_registered_mail_program_gets_address_subject_and_text(tmp_path, display):
    environment = home(tmp_path, display)
    heard = register(tmp_path, environment)
    url = mailto("Asistență & ajutor", TEXT.replace("\r\n", "\n"), "ana+suport@example.com")
    assert opened(url, environment)
    end = time.monotonic() + 20
    while not heard.exists():
        assert time.monotonic() < end, "the mail program was not started"
        time.sleep(0.02)  # polled - the mail program is a process of its own, which tells nobody
    got = urlsplit(heard.read_text())
    fields = parse_qs(got.query)
    assert got.scheme == "mailto"
    assert unquote(got.path) == "ana+suport@example.com"
    assert fields["subject"] == ["Asistență & ajutor"]
    assert fields["body"] == [TEXT]


@pytest.mark.rule("B-4.3")
def test_without_any_program_it_is_known_at_once(tmp_path, display):
    environment = home(tmp_path, display)
    empty = tmp_path / "bin"
    empty.mkdir()
    environment["PATH"] = str(empty)
    assert not opened(mailto("s", "t", "ana@example.com"), environment)
