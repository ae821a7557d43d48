"""Sound for tests: a signal unlike any other and unlike itself a moment later, devices of arrays, measures."""

import threading
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from support_manager.media.voice.ports import AudioDevice, Trouble

RATE = 48_000
PIECE = 480
"""Samples that a device of ours hears or plays at once, 10 ms."""
CHIRP = 4_800
LOUD = 0.3
_PIECE, _SLIP = 50, 6
"""Steps of 10 ms: how much is compared at once, and how far beside its place it may stand."""


def chirps(seconds: float, seed: int = 1) -> np.ndarray:
    """Sweeps of 100 ms without a pause, up and down between 300 and 3,000 Hz, in an order that never repeats; float.

    It is no steady noise, so that noise suppression lets it pass, and has no silence, so that any gap is one.
    """
    random = np.random.default_rng(seed)
    count = int(np.ceil(seconds * RATE / CHIRP))
    parts, phase = [], 0.0
    for _ in range(count):
        first, last = random.uniform(300, 3_000, 2)
        step = 2 * np.pi * np.geomspace(first, last, CHIRP) / RATE
        parts.append(LOUD * np.sin(phase + np.cumsum(step)))
        phase += float(step.sum())
    return np.concatenate(parts)[: int(seconds * RATE)]


def as_int16(sound: np.ndarray) -> np.ndarray:
    """Samples as devices have them."""
    return (np.clip(sound, -1, 1) * 32_767).astype(np.int16)


def write_wav(path: Path, sound: np.ndarray) -> Path:
    """A file for Chromium's fake microphone."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(as_int16(sound).tobytes())
    return path


def read_wav(path: Path) -> np.ndarray:
    """The samples of such a file, int16."""
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


@dataclass(frozen=True, slots=True)
class Heard:
    """How a known signal came through."""

    delay_s: float
    """Of the recording against the signal."""
    likeness: float
    """1 for the very same, 0 for something else."""
    gain_db: float
    longest_gap_ms: float
    """The longest silence inside the signal."""


def compare(signal: np.ndarray, recording: np.ndarray) -> Heard:
    """Find a signal in a recording that holds all of it, and measure it there. Both float, 48 kHz."""
    size = 1 << int(np.ceil(np.log2(len(signal) + len(recording))))
    spectrum = np.fft.rfft(recording, size) * np.conj(np.fft.rfft(signal, size))
    # By phase alone, and where the signal is: a sharp peak whatever the colour of the sound (GCC-PHAT).
    spectrum /= np.abs(spectrum) + 1e-9
    pitch = np.fft.rfftfreq(size, 1 / RATE)
    spectrum[(pitch < 300) | (pitch > 3_000)] = 0
    peak = np.fft.irfft(spectrum, size)
    at = int(np.argmax(peak[: len(recording)]))
    found = recording[at : at + len(signal)]
    wanted = signal[: len(found)]
    return Heard(at / RATE, _likeness(wanted, found), _db(rms(found) / rms(wanted)), longest_gap_ms(found))


def _likeness(wanted: np.ndarray, found: np.ndarray) -> float:
    """Of both spectrograms, which forgives a decoder's phase, half a second at a time.

    Each piece may stand a little beside its place: a jitter buffer leaves out a pitch period, or bridges a packet, to
    keep its delay, and all that follows has moved by that.
    """
    first, second = _spectrogram(wanted), _spectrogram(found)
    pieces = [
        max(
            _alike(first[at : at + _PIECE], second[max(0, at + by) : at + by + _PIECE])
            for by in range(-_SLIP, _SLIP + 1)
        )
        for at in range(0, len(first) - _PIECE + 1, _PIECE)
    ]
    return float(np.mean(pieces)) if pieces else _alike(first, second)


def _alike(first: np.ndarray, second: np.ndarray) -> float:
    length = min(len(first), len(second))
    first, second = first[:length], second[:length]
    return float(np.sum(first * second) / np.sqrt(np.sum(first**2) * np.sum(second**2) + 1e-12))


def _spectrogram(sound: np.ndarray) -> np.ndarray:
    window = np.hanning(1_024)
    frames = np.lib.stride_tricks.sliding_window_view(sound, 1_024)[::480]
    return np.abs(np.fft.rfft(frames * window, axis=1))[:, 4:90]


def rms(sound: np.ndarray) -> float:
    """Root mean square; never 0."""
    return float(np.sqrt(np.mean(np.square(sound.astype(np.float64))))) + 1e-9 if len(sound) else 1e-9


def _db(ratio: float) -> float:
    return float(20 * np.log10(ratio))


def longest_gap_ms(sound: np.ndarray) -> float:
    """The longest time for which it is 30 dB softer than all together."""
    part = RATE // 200
    parts = sound[: len(sound) // part * part].reshape(-1, part)
    quiet = np.sqrt(np.mean(np.square(parts), axis=1)) < rms(sound) / 31.6
    longest = now = 0
    for each in quiet:
        now = now + 1 if each else 0
        longest = max(longest, now)
    return longest * 5.0


def pitch_hz(sound: np.ndarray) -> float:
    """The strongest pitch in it."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum) * RATE / len(sound))


class ArrayPorts:
    """A microphone that hears an array again and again, and a speaker that keeps what it plays.

    Args:
        sound: int16; None: silence.
    """

    def __init__(self, sound: np.ndarray | None = None) -> None:
        self.sound = np.zeros(RATE, dtype=np.int16) if sound is None else sound
        self.played: list[np.ndarray] = []
        self.played_from = 0.0
        """When the first piece was played, by `time.monotonic()`."""
        self.heard_from = 0.0
        self.opened: list[tuple[str, str]] = []
        self.refuses: set[str] = set()
        """What fails when it is opened: `microphone`, `speaker`."""
        self.echo = 0.0
        """How much of what is played comes back into the microphone."""
        self._running: dict[str, threading.Event] = {}
        self._failed: dict[str, Callable[[Trouble], None]] = {}

    latency_ms = 20.0

    def devices(self) -> tuple[tuple[AudioDevice, ...], tuple[AudioDevice, ...]]:
        """One of each, and a headset."""
        headset = AudioDevice("headset", "Headset")
        return (AudioDevice("array", "Array"), headset), (AudioDevice("list", "List"), headset)

    def open_microphone(self, device: str, heard: Callable[[bytes], None], failed: Callable[[Trouble], None]) -> None:
        """Hear from now on."""
        self.close_microphone()
        self.opened.append(("microphone", device))
        if "microphone" in self.refuses:
            failed(Trouble.NO_MICROPHONE)
            return
        self._failed["microphone"] = failed
        at = 0
        self.heard_from = time.monotonic()

        def piece() -> None:
            nonlocal at
            found = np.take(self.sound, np.arange(at, at + PIECE), mode="wrap").astype(np.float64)
            at += PIECE
            if self.echo and len(self.played) > 4:
                found += self.echo * self.played[-4]
            heard(np.clip(found, -32_768, 32_767).astype(np.int16).tobytes())

        self._start("microphone", piece)

    def open_speaker(self, device: str, fill: Callable[[int], bytes], failed: Callable[[Trouble], None]) -> None:
        """Play from now on."""
        self.close_speaker()
        self.opened.append(("speaker", device))
        if "speaker" in self.refuses:
            failed(Trouble.NO_SPEAKER)
            return
        self._failed["speaker"] = failed
        self.played_from = self.played_from or time.monotonic()
        self._start("speaker", lambda: self.played.append(np.frombuffer(fill(PIECE), dtype=np.int16)))

    def _start(self, name: str, piece: Callable[[], None]) -> None:
        stop = self._running[name] = threading.Event()

        def run() -> None:
            due = time.monotonic()
            while not stop.is_set():
                piece()
                due += PIECE / RATE
                stop.wait(max(0.0, due - time.monotonic()))

        threading.Thread(target=run, name=name, daemon=True).start()

    def pull_out(self, name: str, trouble: Trouble) -> None:
        """The device goes while it is in use."""
        self._running[name].set()
        self._failed[name](trouble)

    def close_microphone(self) -> None:
        """Hear nothing more."""
        self._close("microphone")

    def close_speaker(self) -> None:
        """Play nothing more."""
        self._close("speaker")

    def _close(self, name: str) -> None:
        stop = self._running.pop(name, None)
        if stop is not None:
            stop.set()

    def is_open(self, name: str) -> bool:
        """Whether that device is in use."""
        return name in self._running and not self._running[name].is_set()

    def recording(self) -> np.ndarray:
        """All that was played so far, float."""
        found = list(self.played)
        return np.concatenate(found).astype(np.float64) / 32_768 if found else np.zeros(0)
