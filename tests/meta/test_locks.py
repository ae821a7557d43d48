"""What requirements/app.lock installs is enough for both programs: tools of the developers lend them nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import importlib.abc, importlib.metadata, json, re, sys

given = json.loads(sys.argv[1])
owners = importlib.metadata.packages_distributions()

class Gate(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        makers = {re.sub(r"[-_.]+", "-", one).lower() for one in owners.get(name.partition(".")[0], ())}
        if makers and not makers & set(given["there"]):
            raise ModuleNotFoundError(f"{name} is not in app.lock", name=name)
        return None

sys.meta_path.insert(0, Gate())
import ui.app
from server_stub.cli import main

sys.exit(main(["user", "add", "ana", "--password-stdin", "--data", given["data"]]))
"""


def test_the_packages_of_app_lock_are_enough_for_app_and_relay(tmp_path: Path) -> None:
    lock = (ROOT / "requirements" / "app.lock").read_text(encoding="utf-8")
    there = [*re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE), "support-manager"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps({"there": there, "data": str(tmp_path)})],
        input="a long password\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert (done.returncode, done.stdout) == (0, "The account ana is made and can sign in.\n"), done.stderr
