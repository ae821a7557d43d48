"""Microphone and speaker by Qt, in a thread of their own; a device that is pulled out is told and replaced."""

import sys
import time
from collections.abc import Callable

import structlog
from PySide6.QtCore import (
    QCoreApplication,
    QIODevice,
    QMicrophonePermission,
    QObject,
    Qt,
    QThread,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtMultimedia import QAudioDevice, QAudioFormat, QAudioSink, QAudioSource, QMediaDevices
from PySide6.QtMultimedia import QtAudio as QtSound

from support_manager.media.voice.ports import AudioDevice, Trouble
from ui.devices.pulse_losses import PulseLosses

log = structlog.get_logger(__name__)

RATE = 48_000
_PER_MS = RATE * 2 // 1000
"""Bytes."""
_QUEUE_MS = 40
"""What waits for the speaker, beyond what the system itself holds."""
_BUFFER_MS = 80
_STEP_MS = 10
_TIMER_MS = 5
_WAIT_MS = 2_000
_AGAIN_MS = (100, 1_000)
"""How long a device that ended by itself is left alone before it, or another one, is opened again."""
_FAILURES_S = 10.0
"""A device that ends more often than `_AGAIN_MS` has waits within this time is left alone."""

_SWITCH_S = 0.001
"""While sound runs no thread keeps Python for longer than this when the others want it."""

_NOTHING = "auto_null"
"""What PulseAudio and PipeWire call the speaker that they make up where there is none."""

Heard = Callable[[bytes], None]
Fill = Callable[[int], bytes]
Failed = Callable[[Trouble], None]


def _format() -> QAudioFormat:
    found = QAudioFormat()
    found.setSampleRate(RATE)
    found.setChannelCount(1)
    found.setSampleFormat(QAudioFormat.SampleFormat.Int16)
    return found


def _id(device: QAudioDevice) -> str:
    return bytes(device.id().data()).decode(errors="replace")


def _there(devices: list[QAudioDevice], lost: frozenset[str]) -> list[QAudioDevice]:
    """Those that are really there."""
    return [each for each in devices if _id(each) not in lost and _id(each) != _NOTHING]


def _chosen(devices: list[QAudioDevice], wanted: str, default: QAudioDevice) -> QAudioDevice | None:
    """The wanted device, else the system's choice, else any."""
    for name in (wanted, _id(default)):
        found = next((each for each in devices if _id(each) == name), None)
        if found is not None:
            return found
    return devices[0] if devices else None


def _listed(devices: list[QAudioDevice]) -> list[AudioDevice]:
    return [AudioDevice(_id(each), each.description()) for each in devices]


def microphones(lost: frozenset[str] = frozenset()) -> list[AudioDevice]:
    """The microphones there are now; `lost` are not, whatever Qt says."""
    return _listed(_there(QMediaDevices.audioInputs(), lost))


def speakers(lost: frozenset[str] = frozenset()) -> list[AudioDevice]:
    """The speakers there are now; `lost` are not, whatever Qt says."""
    return _listed(_there(QMediaDevices.audioOutputs(), lost))


class _Failures:
    """Counts how often a device ended by itself, lest one that opens and ends at once is opened without end."""

    def __init__(self) -> None:
        self._moments: list[float] = []

    def next_wait_ms(self) -> int | None:
        """It ended: how long to wait before the next try; None: no more tries."""
        now = time.monotonic()
        self._moments = [moment for moment in self._moments if now - moment < _FAILURES_S]
        self._moments.append(now)
        return _AGAIN_MS[len(self._moments) - 1] if len(self._moments) <= len(_AGAIN_MS) else None

    def forget(self) -> None:
        """Something was plugged in, or chosen."""
        self._moments.clear()


class _Worker(QObject):
    """Holds the devices; lives in the thread."""

    def __init__(self, losses: PulseLosses) -> None:
        super().__init__()
        self._losses = losses
        self._source: QAudioSource | None = None
        self._source_device: QIODevice | None = None
        self._sink: QAudioSink | None = None
        self._sink_device: QIODevice | None = None
        self._heard: Heard | None = None
        self._fill: Fill | None = None
        self._microphone = self._speaker = ""
        self._heard_on = self._played_on = ""
        """The ids of the devices that are open."""
        self._inputs_seen: set[str] = set()
        self._outputs_seen: set[str] = set()
        self._without_microphone = self._without_speaker = False
        """It went, or there was none that could be opened; that one is open is told."""
        self._microphone_unserved = self._speaker_unserved = False
        """That was told as the sound server's end."""
        self._microphone_failed: Failed | None = None
        self._speaker_failed: Failed | None = None
        self._microphone_failures, self._speaker_failures = _Failures(), _Failures()
        self._timer: QTimer | None = None
        self._media: QMediaDevices | None = None
        self.latency_ms = 30.0
        self._usual_switch_s = sys.getswitchinterval()

    def _share_python(self) -> None:
        """Have Python change hands soon while sound runs.

        With the usual 5 ms a busy window keeps the sound's and the media's threads waiting at each of their steps:
        measured at 40 ms of 100, the mixer is up to 33 ms late and the speaker's queue runs dry; with 1 ms it is 17
        ms, and half of the queue is left. What does not contend for Python pays nothing.
        """
        runs = self._source is not None or self._sink is not None
        sys.setswitchinterval(_SWITCH_S if runs else self._usual_switch_s)

    def _watch(self) -> None:
        """Made here, so that it lives in this thread."""
        if self._media is None:
            self._media = QMediaDevices(self)
            self._media.audioInputsChanged.connect(self._inputs_changed)
            self._media.audioOutputsChanged.connect(self._outputs_changed)
            self._timer = QTimer(self)
            self._timer.setTimerType(Qt.TimerType.PreciseTimer)
            self._timer.timeout.connect(self._feed)

    def _inputs(self) -> list[QAudioDevice]:
        return [] if self._losses.away else _there(QMediaDevices.audioInputs(), self._losses.microphones)

    def _outputs(self) -> list[QAudioDevice]:
        return [] if self._losses.away else _there(QMediaDevices.audioOutputs(), self._losses.speakers)

    @Slot()
    def devices_changed(self) -> None:
        """The sound server lost one, or has it again."""
        self._inputs_changed()
        self._outputs_changed()

    # --- microphone

    @Slot(str, object, object)
    def open_microphone(self, device: str, heard: Heard, failed: Failed) -> None:
        self._watch()
        self.close_microphone()
        self._microphone, self._heard, self._microphone_failed = device, heard, failed
        self._microphone_failures.forget()
        self._inputs_seen = set(map(_id, self._inputs()))
        self._without_microphone = False
        self._start_microphone()

    def _start_microphone(self) -> None:
        failed = self._microphone_failed
        if failed is None:
            return
        was_without, self._without_microphone = self._without_microphone, True
        if _is_denied():
            failed(Trouble.MICROPHONE_DENIED)
            return
        device = _chosen(self._inputs(), self._microphone, QMediaDevices.defaultAudioInput())
        if device is None:
            self._tell_no_microphone(Trouble.NO_MICROPHONE)
            return
        self._heard_on = _id(device)
        source = self._source = QAudioSource(device, _format(), self)
        self._share_python()
        source.setBufferSize(_BUFFER_MS * _PER_MS)
        source.stateChanged.connect(self._source_changed)
        found = self._source_device = source.start()
        if source.error() != QtSound.Error.NoError:
            self._drop_source()
            self._tell_no_microphone(Trouble.MICROPHONE_LOST)
            return
        found.readyRead.connect(self._read)
        self._without_microphone = self._microphone_unserved = False
        if was_without:
            failed(Trouble.MICROPHONE_BACK)

    @Slot()
    def _read(self) -> None:
        if self._source_device is not None and self._heard is not None:
            data = self._source_device.readAll()
            if data.size():
                self._heard(bytes(data.data()))

    @Slot(QtSound.State)
    def _source_changed(self, state: QtSound.State) -> None:
        source = self._source
        if source is not None and state is QtSound.State.StoppedState and source.error() != QtSound.Error.NoError:
            QTimer.singleShot(0, self, self._microphone_gone)

    def _microphone_gone(self) -> None:
        """It was pulled out: say so, and go on with another one if there is any."""
        if self._source is None or self._microphone_failed is None:
            return
        self._drop_source()
        wait_ms = self._microphone_failures.next_wait_ms()
        self._tell_no_microphone(Trouble.MICROPHONE_FAILS if wait_ms is None else Trouble.MICROPHONE_LOST)
        if wait_ms is not None:
            QTimer.singleShot(wait_ms, self, self._microphone_again)

    def _tell_no_microphone(self, trouble: Trouble) -> None:
        self._without_microphone = True
        self._microphone_unserved = self._losses.away
        if self._microphone_failed is not None:
            self._microphone_failed(Trouble.MICROPHONE_UNSERVED if self._losses.away else trouble)

    def _microphone_again(self) -> None:
        if self._source is None and self._inputs():
            self._start_microphone()

    @Slot()
    def _inputs_changed(self) -> None:
        if self._microphone_failed is None:
            return
        there = set(map(_id, self._inputs()))
        if there != self._inputs_seen:  # the other kind's coming and going says nothing about these
            self._inputs_seen = there
            self._microphone_failures.forget()
        if self._source is None and self._inputs():
            self._start_microphone()  # one was plugged in
        elif self._source is None and self._microphone_unserved is not self._losses.away:
            self._tell_no_microphone(Trouble.NO_MICROPHONE)  # it is known only now, or the server is back without any
        elif self._source is not None and self._heard_on not in there:
            self._microphone_gone()
        elif self._source is not None and self._heard_on != self._microphone and self._microphone in there:
            self._drop_source()  # the chosen one is back
            self._start_microphone()

    @Slot()
    def close_microphone(self) -> None:
        self._microphone_failed = self._heard = None
        self._drop_source()

    def _drop_source(self) -> None:
        source, self._source, self._source_device = self._source, None, None
        self._share_python()
        if source is not None:
            source.stateChanged.disconnect(self._source_changed)
            source.stop()
            source.deleteLater()

    # --- speaker

    @Slot(str, object, object)
    def open_speaker(self, device: str, fill: Fill, failed: Failed) -> None:
        self._watch()
        self.close_speaker()
        self._speaker, self._fill, self._speaker_failed = device, fill, failed
        self._speaker_failures.forget()
        self._outputs_seen = set(map(_id, self._outputs()))
        self._without_speaker = False
        self._start_speaker()

    def _start_speaker(self) -> None:
        failed = self._speaker_failed
        if failed is None:
            return
        was_without, self._without_speaker = self._without_speaker, True
        device = _chosen(self._outputs(), self._speaker, QMediaDevices.defaultAudioOutput())
        if device is None:
            self._tell_no_speaker(Trouble.NO_SPEAKER)
            return
        self._played_on = _id(device)
        sink = self._sink = QAudioSink(device, _format(), self)
        self._share_python()
        sink.setBufferSize(_BUFFER_MS * _PER_MS)
        sink.stateChanged.connect(self._sink_changed)
        self._sink_device = sink.start()
        if sink.error() not in (QtSound.Error.NoError, QtSound.Error.UnderrunError):
            self._drop_sink()
            self._tell_no_speaker(Trouble.SPEAKER_LOST)
            return
        if self._timer is not None:
            self._timer.start(_TIMER_MS)
        self._without_speaker = self._speaker_unserved = False
        if was_without:
            failed(Trouble.SPEAKER_BACK)

    @Slot()
    def _feed(self) -> None:
        sink, device, fill = self._sink, self._sink_device, self._fill
        if sink is None or device is None or fill is None:
            return
        waiting = sink.bufferSize() - sink.bytesFree()
        while waiting < _QUEUE_MS * _PER_MS and sink.bytesFree() >= _STEP_MS * _PER_MS:
            written = device.write(fill(_STEP_MS * _PER_MS // 2))
            if written <= 0:
                return
            waiting += written
        self.latency_ms = waiting / _PER_MS + 20.0

    @Slot(QtSound.State)
    def _sink_changed(self, state: QtSound.State) -> None:
        sink = self._sink
        broken = sink is not None and sink.error() not in (QtSound.Error.NoError, QtSound.Error.UnderrunError)
        if state is QtSound.State.StoppedState and broken:
            QTimer.singleShot(0, self, self._speaker_gone)

    def _speaker_gone(self) -> None:
        if self._sink is None or self._speaker_failed is None:
            return
        self._drop_sink()
        wait_ms = self._speaker_failures.next_wait_ms()
        self._tell_no_speaker(Trouble.SPEAKER_FAILS if wait_ms is None else Trouble.SPEAKER_LOST)
        if wait_ms is not None:
            QTimer.singleShot(wait_ms, self, self._speaker_again)

    def _tell_no_speaker(self, trouble: Trouble) -> None:
        self._without_speaker = True
        self._speaker_unserved = self._losses.away
        if self._speaker_failed is not None:
            self._speaker_failed(Trouble.SPEAKER_UNSERVED if self._losses.away else trouble)

    def _speaker_again(self) -> None:
        if self._sink is None and self._outputs():
            self._start_speaker()

    @Slot()
    def _outputs_changed(self) -> None:
        if self._speaker_failed is None:
            return
        there = set(map(_id, self._outputs()))
        if there != self._outputs_seen:  # the other kind's coming and going says nothing about these
            self._outputs_seen = there
            self._speaker_failures.forget()
        if self._sink is None and self._outputs():
            self._start_speaker()
        elif self._sink is None and self._speaker_unserved is not self._losses.away:
            self._tell_no_speaker(Trouble.NO_SPEAKER)
        elif self._sink is not None and self._played_on not in there:
            self._speaker_gone()
        elif self._sink is not None and self._played_on != self._speaker and self._speaker in there:
            self._drop_sink()  # the chosen one is back
            self._start_speaker()

    @Slot()
    def close_speaker(self) -> None:
        self._speaker_failed = self._fill = None
        self._drop_sink()

    def _drop_sink(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        sink, self._sink, self._sink_device = self._sink, None, None
        self._share_python()
        if sink is not None:
            sink.stateChanged.disconnect(self._sink_changed)
            sink.stop()
            sink.deleteLater()

    @Slot()
    def close_all(self) -> None:
        self.close_microphone()
        self.close_speaker()
        self.thread().quit()


def _is_denied() -> bool:
    """Whether the system lets this program not use the microphone; only macOS asks people."""
    app = QCoreApplication.instance()
    if sys.platform != "darwin" or app is None:
        return False
    return app.checkPermission(QMicrophonePermission()) is Qt.PermissionStatus.Denied


_HUNG: list[tuple[QThread, _Worker]] = []
"""Qt aborts the program where a thread goes that still runs."""


class QtAudio(QObject):
    """Implements `AudioPorts`; made on the UI thread, and ended there by `close`."""

    _microphone_wanted = Signal(str, object, object)
    _speaker_wanted = Signal(str, object, object)
    _microphone_done = Signal()
    _speaker_done = Signal()
    _all_done = Signal()
    _lost = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._thread = QThread()
        self._thread.setObjectName("sound")
        self._losses = PulseLosses(self._lost.emit)
        self._worker = _Worker(self._losses)
        self._worker.moveToThread(self._thread)
        queued = Qt.ConnectionType.QueuedConnection
        self._microphone_wanted.connect(self._worker.open_microphone, queued)
        self._speaker_wanted.connect(self._worker.open_speaker, queued)
        self._microphone_done.connect(self._worker.close_microphone, queued)
        self._speaker_done.connect(self._worker.close_speaker, queued)
        self._all_done.connect(self._worker.close_all, queued)
        self._lost.connect(self._worker.devices_changed, queued)
        self._losses.start()

    def _ready(self) -> None:
        if not self._thread.isRunning():
            self._thread.start(QThread.Priority.TimeCriticalPriority)

    def open_microphone(self, device: str, heard: Heard, failed: Failed) -> None:
        """Hear `device`; see `AudioPorts`."""
        self._ready()
        self._microphone_wanted.emit(device, heard, failed)

    def close_microphone(self) -> None:
        """Let it go."""
        self._microphone_done.emit()

    def open_speaker(self, device: str, fill: Fill, failed: Failed) -> None:
        """Play on `device`; see `AudioPorts`."""
        self._ready()
        self._speaker_wanted.emit(device, fill, failed)

    def close_speaker(self) -> None:
        """Play nothing more."""
        self._speaker_done.emit()

    def devices(self) -> tuple[tuple[AudioDevice, ...], tuple[AudioDevice, ...]]:
        """The microphones and the speakers there are now."""
        if self._losses.away:
            return (), ()
        return tuple(microphones(self._losses.microphones)), tuple(speakers(self._losses.speakers))

    @property
    def latency_ms(self) -> float:
        """What waits for the speaker, and what a microphone gathers before it tells."""
        return self._worker.latency_ms

    def close(self) -> None:
        """End the thread, within two seconds; on the UI thread, once nobody speaks any more.

        A device that hangs in the system's own code keeps its thread, and nobody else waits for it.
        """
        self._losses.close()
        if self._thread.isRunning():
            self._all_done.emit()
            if not self._thread.wait(_WAIT_MS):
                log.error("the sound thread did not end in time")
                _HUNG.append((self._thread, self._worker))
