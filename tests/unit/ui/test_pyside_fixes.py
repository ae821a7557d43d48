"""The app survives as many signals as a long day has; without our fix some hundred end it on Python 3.11."""

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
