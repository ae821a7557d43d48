"""The rules of the house that no linter knows: docstrings, imports at run time, forbidden calls, file sizes."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("support_manager", "ui", "resources", "server_stub")
SOURCES = sorted(path for package in (*PACKAGES, "tools") for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py")) + sorted((ROOT / "benchmarks").rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_first_line_says_the_one_job(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, "a module starts with its purpose"
    first = docstring.split("\n\n")[0]
    assert len(first) >= 20
    assert first.rstrip().endswith((".", ":")), first


CALLS = {
    # A program's own and only loop is not nested.
    "a nested event loop": re.compile(r"(?<!\bapp)\.exec\(\)|\.exec_\(\)|(?<!qasync\.)(?<!loop = )QEventLoop\("),
    "a modal box": re.compile(r"QMessageBox\.(question|information|warning|critical|about)\("),
    "a shell": re.compile(r"shell=True|os\.system\("),
    "a fire-and-forget task": re.compile(r"asyncSlot|asyncClose|ensure_future"),
    "running text as code": re.compile(r"(?<![\w.])(eval|exec)\("),
}


@pytest.mark.parametrize("what", CALLS)
def test_sources_avoid(what):
    found = [name(path) for path in SOURCES if CALLS[what].search(path.read_text(encoding="utf-8"))]
    assert not found


def test_no_sleeping_tests():
    """Harness code may poll with a deadline; a test waits for a condition, or says on the line why it must sleep."""
    own = Path(__file__).resolve()
    for path in TESTS:
        if path == own or not path.name.startswith("test_"):
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            assert "time.sleep(" not in line or " - " in line.partition("#")[2], f"{name(path)}: {line.strip()}"


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("support_manager.controller", ("PySide6", "aiortc", "av", "server_stub")),
        ("support_manager.protocol.wire", ("socketio", "aiohttp", "PySide6", "sqlalchemy")),
        ("server_stub.cli", ("PySide6", "aiortc", "av")),
        ("ui.app", ("aiortc", "av", "sqlalchemy", "server_stub")),
    ],
)
def test_importing_stays_lean(module, forbidden):
    code = f"import sys, json, {module}; print(json.dumps(sorted(m.split('.')[0] for m in sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not set(forbidden) & set(json.loads(done.stdout))


def test_nothing_of_one_machine_is_tracked():
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    bad = re.compile(r"(^|[ \"(=])/(home|root)/\w|--(extra-)?index-url \w|\"resolved\": *\"http")
    found = []
    for entry in tracked:
        path = ROOT / entry
        if path.suffix in {".png", ".ico", ".woff2"} or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        if bad.search(text) and entry != "tests/meta/test_house_rules.py":
            found.append(entry)
    assert not found
