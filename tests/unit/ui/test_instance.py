"""One instance for each profile: the lock decides, and nothing that comes in by the socket does harm."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtNetwork import QLocalSocket
from PySide6.QtWidgets import QApplication

from ui.instance import OneInstance


@pytest.fixture
def first(qapp, tmp_path: Path):
    made = OneInstance(tmp_path / "profile")
    assert made.claim()
    yield made
    made.release()


def until(condition: Callable[[], object], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        QApplication.processEvents()


def test_a_second_one_is_refused_until_the_first_lets_go(first: OneInstance, tmp_path: Path):
    second = OneInstance(tmp_path / "profile")
    assert not second.claim()
    first.release()
    assert second.claim()
    second.release()


@pytest.mark.parametrize(
    "message",
    [b"\n", b"null\n", b"[]\n", b"{}\n", b'{"link": 5}\n', b"\xff\xfe\n", b'{"link": "x"', b"x" * 20_000, b'"' * 5000],
)
def test_nonsense_is_dropped_and_the_next_caller_is_heard(first: OneInstance, message: bytes):
    heard: list[str] = []
    first.called.connect(heard.append)
    rude = QLocalSocket()
    rude.connectToServer(first._name)
    assert rude.waitForConnected(2000)
    rude.write(message)
    rude.flush()
    polite = QLocalSocket()
    polite.connectToServer(first._name)
    assert polite.waitForConnected(2000)
    polite.write(b'{"link": "support-manager:start"}\n')
    polite.flush()
    until(lambda: heard)
    assert heard == ["support-manager:start"]
    for socket in (rude, polite):
        socket.abort()


def test_nobody_listening_is_no_success(qapp, tmp_path: Path):
    assert not OneInstance(tmp_path / "nobody").hand_over("")
