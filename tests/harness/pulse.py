"""A sound server of a test's own: null sinks as speakers, sources behind which a known sound plays, recordings."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import numpy as np

from tests.harness.sound import RATE, as_int16

_START_S = 10.0
_PART = 480
"""Samples that are read at once."""
_ASKED_MS = 10
"""What recorders and players ask the server to hold; it is the same for all, so differences between them are exact."""


class PulseServer:
    """PulseAudio behind a socket of its own; use it as a context manager.

    For each name of `speakers` there is a null sink of that name, for each of `microphones` a source of that name, with
    a null sink `NAME_mouth`: what is played there is heard. The first of each is the system's choice.

    Args:
        speakers: names.
        microphones: names.
    """

    def __init__(self, speakers: Sequence[str] = ("speaker",), microphones: Sequence[str] = ("microphone",)) -> None:
        self._speakers = tuple(speakers)
        self._microphones = tuple(microphones)
        self._place = Path()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._server: subprocess.Popen[bytes] | None = None
        self._recordings: list[Recording] = []

    def environment(self) -> dict[str, str]:
        """What a program's environment needs to use this server and no other."""
        return {"PULSE_SERVER": f"unix:{self._place / 'socket'}", "PULSE_COOKIE": str(self._place / "cookie")}

    def __enter__(self) -> Self:
        self._place = Path(tempfile.mkdtemp(prefix="support-pulse-"))
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self) -> None:
        """Run the server; also after `stop`.

        Raises:
            OSError: if it does not come up.
        """
        loads = [f"module-native-protocol-unix socket={self._place / 'socket'} auth-anonymous=1"]
        loads += [_sink(name) for name in self._speakers]
        for name in self._microphones:
            loads += [_sink(f"{name}_mouth"), _source(name)]
        words = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-level=error"]
        words += [word for load in loads for word in ("-L", load)]
        self._server = self._spawn(words)
        deadline = time.monotonic() + _START_S
        while not (self._place / "socket").exists() or not self._answers():
            if time.monotonic() > deadline:
                raise OSError("pulseaudio did not start")
            time.sleep(0.02)
        if self._speakers:
            self.control("set-default-sink", self._speakers[0])
        if self._microphones:
            self.control("set-default-source", self._microphones[0])

    def stop(self) -> None:
        """The server ends, and all that ran there with it."""
        assert self._server is not None
        self._server.terminate()
        self._server.wait(5)

    def _spawn(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        home = {**os.environ, **self.environment(), "HOME": str(self._place), "XDG_RUNTIME_DIR": str(self._place)}
        home.pop("DISPLAY", None)
        process = subprocess.Popen(
            words, env=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._processes.append(process)
        return process

    def _answers(self) -> bool:
        done = subprocess.run(
            ["pactl", "info"], env={**os.environ, **self.environment()}, capture_output=True, check=False
        )
        return done.returncode == 0

    def control(self, *words: str) -> str:
        """Run one command of `pactl`; what it says.

        Raises:
            subprocess.CalledProcessError: if the server refuses it.
        """
        done = subprocess.run(
            ["pactl", *words], env={**os.environ, **self.environment()}, capture_output=True, check=True, text=True
        )
        return done.stdout.strip()

    def unplug_microphone(self, name: str) -> None:
        """It goes while it may be in use."""
        for line in self.control("list", "short", "modules").splitlines():
            number, module, words = [*line.split("\t"), ""][:3]
            if module == "module-remap-source" and f"source_name={name} " in f"{words} ":
                self.control("unload-module", number)

    def unplug_speaker(self, name: str) -> None:
        """It goes while it may be in use."""
        for line in self.control("list", "short", "modules").splitlines():
            number, module, words = [*line.split("\t"), ""][:3]
            if module == "module-null-sink" and f"sink_name={name} " in f"{words} ":
                self.control("unload-module", number)

    def plug_microphone(self, name: str) -> None:
        """One that had gone is there again."""
        self.control("load-module", *_source(name).split(" ", 1))

    def plug_speaker(self, name: str) -> None:
        """One that had gone, or a new one, is there."""
        self.control("load-module", *_sink(name).split(" ", 1))

    def echo(self, speaker: str, microphone: str, loudness: float, delay_ms: int = 40) -> None:
        """From now on the microphone hears the speaker, as on any desk.

        Args:
            speaker: name.
            microphone: name.
            loudness: 1 as loud as it is played.
            delay_ms: as long as it is under way.
        """
        _ = self._loop(f"{speaker}.monitor", f"{microphone}_mouth", delay_ms)
        index = self.control("list", "short", "sink-inputs").splitlines()[-1].split("\t")[0]
        self.control("set-sink-input-volume", index, str(int(65_536 * loudness ** (1 / 3))))

    @contextmanager
    def straight(self, microphone: str, speaker: str) -> Iterator[None]:
        """The server itself lets the speaker play what the microphone hears, as soon as it can."""
        module = self._loop(microphone, speaker, 1)
        try:
            yield
        finally:
            self.control("unload-module", module)

    def _loop(self, source: str, sink: str, delay_ms: int) -> str:
        return self.control(
            "load-module", "module-loopback", f"source={source}", f"sink={sink}", f"latency_msec={delay_ms}",
            "adjust_time=0", "source_dont_move=yes", "sink_dont_move=yes",
        )  # fmt: skip

    def play(self, microphone: str, sound: np.ndarray) -> None:
        """Let that microphone hear this, float, from now on; returns at once."""
        player = self._spawn([
            "pacat", "--playback", "--raw", f"--device={microphone}_mouth", f"--latency-msec={4 * _ASKED_MS}",
            "--format=s16le", f"--rate={RATE}", "--channels=1",
        ])  # fmt: skip
        data = as_int16(sound).tobytes()

        def feed() -> None:
            assert player.stdin is not None
            try:
                player.stdin.write(data)
                player.stdin.close()
            except BrokenPipeError:
                pass  # the test is over first

        threading.Thread(target=feed, name=f"mouth {microphone}", daemon=True).start()

    def record_speaker(self, name: str) -> "Recording":
        """Record what that speaker plays, from now on."""
        return self._recording(f"{name}.monitor")

    def record_mouth(self, microphone: str) -> "Recording":
        """Record what that microphone hears, from now on."""
        return self._recording(f"{microphone}_mouth.monitor")

    def _recording(self, device: str) -> "Recording":
        recorder = self._spawn([
            "parec", "--raw", f"--device={device}", f"--latency-msec={_ASKED_MS}", "--format=s16le", f"--rate={RATE}",
            "--channels=1",
        ])  # fmt: skip
        self._recordings.append(Recording(recorder))
        return self._recordings[-1]

    def __exit__(self, *exc: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for recording in self._recordings:
            recording.finish()
        for process in self._processes:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()
        self._processes.clear()
        self._recordings.clear()
        shutil.rmtree(self._place, ignore_errors=True)


def _sink(name: str) -> str:
    words = f"sink_name={name} rate={RATE} channels=1 norewinds=1 sink_properties=device.description={name}"
    return f"module-null-sink {words}"


def _source(name: str) -> str:
    """A source of its own: the monitor of a sink is nothing that programs offer as a microphone."""
    words = f"source_name={name} master={name}_mouth.monitor source_properties=device.description={name}"
    return f"module-remap-source {words}"


class Recording:
    """What one point heard since it was made, and when."""

    def __init__(self, recorder: subprocess.Popen[bytes]) -> None:
        self._recorder = recorder
        self._parts: list[bytes] = []
        self._count = 0
        self._begun = float("inf")
        self._thread = threading.Thread(target=self._read, name="recording", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        stream = self._recorder.stdout
        assert stream is not None
        while data := stream.read(_PART * 2):
            self._count += len(data) // 2
            # No piece comes before it was played: the earliest one tells when that was.
            self._begun = min(self._begun, time.monotonic() - self._count / RATE)
            self._parts.append(data)

    def finish(self) -> None:
        """The recorder has ended: read what it still had to say, so that its pipe can be closed."""
        self._thread.join(5)

    @property
    def seconds(self) -> float:
        """So much is there."""
        return self._count / RATE

    def since(self, moment: float, seconds: float | None = None) -> np.ndarray:
        """The samples from that `time.monotonic()` on, float."""
        whole = np.frombuffer(b"".join(self._parts), dtype=np.int16).astype(np.float64) / 32_768
        first = max(0, int((moment - self._begun) * RATE))
        return whole[first:] if seconds is None else whole[first : first + int(seconds * RATE)]
