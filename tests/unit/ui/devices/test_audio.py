"""Microphone and speaker by Qt where a device misbehaves: nobody waits for it, and it is not tried without end."""

import threading
import time

import pytest
from PySide6.QtCore import QObject

from ui.devices import audio
from ui.devices.audio import QtAudio


def test_a_device_that_ends_at_once_is_left_alone_in_the_end() -> None:
    failures = audio._Failures()
    assert [failures.next_wait_ms() for _ in range(3)] == [100, 1_000, None]
    failures.forget()
    assert failures.next_wait_ms() == 100


def test_a_device_that_hangs_keeps_nobody_from_quitting(qapp: QObject, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, free = threading.Event(), threading.Event()

    def hang(worker: object, *words: object) -> None:
        begun.set()
        free.wait(20)

    monkeypatch.setattr(audio._Worker, "_start_microphone", hang)
    monkeypatch.setattr(audio, "_WAIT_MS", 200)
    ports = QtAudio()
    ports.open_microphone("", lambda _: None, lambda _: None)
    assert begun.wait(5)
    began = time.monotonic()
    ports.close()
    assert time.monotonic() - began < 2
    thread, _ = audio._HUNG.pop()
    free.set()
    assert thread.wait(5_000)
