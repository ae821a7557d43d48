"""The app survives as many signals as a long day has; without our fix some hundred end it on Python 3.11."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
if {fixed}:
    import ui
from PySide6.QtCore import QObject, Signal

class Sender(QObject):
    told = Signal(bool)

sender = Sender()
sender.told.connect(lambda _: None)
for _ in range(50_000):
    sender.told.emit(True)
    sender.setProperty("", None) or sender.property("none")
print("done", flush=True)
"""


def run(fixed: bool) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "faulthandler=0", "-c", PROGRAM.format(fixed=fixed)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_long_day_of_signals_does_not_end_the_app():
    done = run(fixed=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"


SPEAKS = """
import ui
from PySide6.QtCore import QCoreApplication, QLoggingCategory

app = QCoreApplication([])
print(QLoggingCategory("qt.multimedia.symbolsresolver.pipewire").isWarningEnabled(), flush=True)
"""


def speaks(rules: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", SPEAKS],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "QT_LOGGING_RULES": rules},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_nothing_is_said_of_a_pipewire_that_is_not_there_unless_asked_for():
    assert speaks("") == "False\n"
    assert speaks("qt.multimedia.*=true") == "True\n"
