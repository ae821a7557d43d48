"""Garbage of whatever thread is put away on the UI's thread, while the app collects."""

import gc
import sys
import threading
import weakref
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from ui.collector import Collector

MANY = 20_000
"""Many times the threshold of the youngest generation."""


class Ring:
    """Holds itself, as a closed panel does."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def collector(qtbot: QtBot) -> Iterator[Collector]:
    gc.collect()
    collector = Collector()
    collector.start()
    yield collector
    collector.stop()
    assert gc.isenabled()


def test_a_busy_thread_puts_nothing_away_that_belongs_to_the_ui(qtbot: QtBot, collector: Collector):
    threads: list[int] = []
    weakref.finalize(Ring(), lambda: threads.append(threading.get_ident()))
    kept: list[list[int]] = []
    # As many new containers as make CPython collect some thirty times by itself.
    busy = threading.Thread(target=lambda: kept.extend([] for _ in range(MANY)))
    busy.start()
    busy.join()
    assert not threads
    qtbot.waitUntil(lambda: bool(threads))
    assert threads == [threading.get_ident()]


def test_nothing_is_collected_while_many_modules_come_and_what_they_made_is_left_out(
    qtbot: QtBot, collector: Collector, monkeypatch: pytest.MonkeyPatch
):
    gone: list[bool] = []
    for number in range(60):
        monkeypatch.setitem(sys.modules, f"made_up_{number}", sys)
    before = gc.get_freeze_count()
    qtbot.waitUntil(lambda: gc.get_freeze_count() > before)
    weakref.finalize(Ring(), lambda: gone.append(True))
    kept = [[] for _ in range(MANY)]
    qtbot.waitUntil(lambda: bool(gone))
    assert len(kept) == MANY
