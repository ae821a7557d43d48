"""Which sound devices PulseAudio has lost: Qt keeps offering them, and plays and hears where the server moved them."""

import ctypes
import threading
import time
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_uint32, c_void_p

import structlog

log = structlog.get_logger(__name__)

_READY, _FAILED, _ENDED = 4, 5, 6
_NO_AUTOSPAWN = 1
_SINK, _SOURCE = 0, 1
"""Facilities of events."""
_FACILITY, _KIND = 0x0F, 0x30
_NEW, _REMOVED = 0x00, 0x20
_AGAIN_S = 2.0
"""A server that is not there, or has gone, is looked for after so long."""
_QT_S = 4.0
"""Qt tries every 3 s to reach a server that had gone, and ends the program where a device is opened before that."""
_LOOK_US = 200_000
_WAIT_S = 2.0


class _Info(ctypes.Structure):
    """How `pa_source_info` and `pa_sink_info` both begin (pulse/introspect.h); what follows is not looked at."""

    _fields_ = (("name", c_char_p), ("index", c_uint32))


_ON_STATE = CFUNCTYPE(None, c_void_p, c_void_p)
_ON_INFO = CFUNCTYPE(None, c_void_p, POINTER(_Info), c_int, c_void_p)
_ON_EVENT = CFUNCTYPE(None, c_void_p, c_int, c_uint32, c_void_p)


def _library() -> ctypes.CDLL | None:
    """None where there is no PulseAudio."""
    try:
        pulse = ctypes.CDLL("libpulse.so.0")
    except OSError:
        return None
    for function, result, arguments in (
        (pulse.pa_mainloop_new, c_void_p, ()),
        (pulse.pa_mainloop_free, None, (c_void_p,)),
        (pulse.pa_mainloop_get_api, c_void_p, (c_void_p,)),
        (pulse.pa_mainloop_prepare, c_int, (c_void_p, c_int)),
        (pulse.pa_mainloop_poll, c_int, (c_void_p,)),
        (pulse.pa_mainloop_dispatch, c_int, (c_void_p,)),
        (pulse.pa_mainloop_wakeup, None, (c_void_p,)),
        (pulse.pa_context_new, c_void_p, (c_void_p, c_char_p)),
        (pulse.pa_context_connect, c_int, (c_void_p, c_char_p, c_int, c_void_p)),
        (pulse.pa_context_disconnect, None, (c_void_p,)),
        (pulse.pa_context_unref, None, (c_void_p,)),
        (pulse.pa_context_get_state, c_int, (c_void_p,)),
        (pulse.pa_context_set_state_callback, None, (c_void_p, _ON_STATE, c_void_p)),
        (pulse.pa_context_set_subscribe_callback, None, (c_void_p, _ON_EVENT, c_void_p)),
        (pulse.pa_context_subscribe, c_void_p, (c_void_p, c_int, c_void_p, c_void_p)),
        (pulse.pa_context_get_sink_info_list, c_void_p, (c_void_p, _ON_INFO, c_void_p)),
        (pulse.pa_context_get_source_info_list, c_void_p, (c_void_p, _ON_INFO, c_void_p)),
        (pulse.pa_context_get_sink_info_by_index, c_void_p, (c_void_p, c_uint32, _ON_INFO, c_void_p)),
        (pulse.pa_context_get_source_info_by_index, c_void_p, (c_void_p, c_uint32, _ON_INFO, c_void_p)),
        (pulse.pa_operation_unref, None, (c_void_p,)),
    ):
        function.restype, function.argtypes = result, arguments
    return pulse


class _Devices:
    """Those of one kind: the names by their numbers, and the names that had a number and have none now."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self.lost: frozenset[str] = frozenset()

    def add(self, number: int, name: str) -> bool:
        """It is there; whether it had been lost."""
        self._names[number] = name
        was_lost = name in self.lost
        self.lost -= {name}
        return was_lost

    def remove(self, number: int) -> bool:
        """It is gone; whether anything is lost by that."""
        name = self._names.pop(number, None)
        if name is None or name in self._names.values():
            return False
        self.lost |= {name}
        return True

    def forget(self) -> None:
        """Another server may have others."""
        self._names.clear()
        self.lost = frozenset()


class PulseLosses:
    """Follows the sound server, where that is PulseAudio or speaks like it, in a thread of its own.

    Qt's list (6.12, its PulseAudio part) forgets a device that goes but tells nobody, and so shows it until something
    else changes. Meanwhile the server moves what was heard there to any other source: where no microphone is left,
    to the monitor of a speaker, and the call would hear itself. Qt's ids of devices are the server's names.

    WORKAROUND(Qt 6.12, its PulseAudio part): it tells of no device that goes, and a device that is opened while the
    server is away ends the program – qtmultimedia/src/multimedia/pulseaudio/qpulseaudio_contextmanager.cpp. To go when
    Qt tells of devices that go and refuses to open one without a server.

    Args:
        changed: called on that thread after a device or the server went, or one that had gone came back.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._sinks, self._sources = _Devices(), _Devices()
        self.away = False
        """The server itself has gone, or is not back for long enough: no device may be opened."""
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._loop: int | None = None
        self._pulse: ctypes.CDLL | None = None
        self._thread: threading.Thread | None = None

    @property
    def speakers(self) -> frozenset[str]:
        """Those that have gone and are not back."""
        return self._sinks.lost

    @property
    def microphones(self) -> frozenset[str]:
        """Those that have gone and are not back."""
        return self._sources.lost

    def start(self) -> None:
        """Follow from now on; returns at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pulse losses", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Follow no longer."""
        self._over.set()
        with self._lock:
            if self._pulse is not None and self._loop is not None:
                self._pulse.pa_mainloop_wakeup(self._loop)
        if self._thread is not None:
            self._thread.join(_WAIT_S)
            if self._thread.is_alive():
                log.error("the thread that follows the sound server did not end in time")

    def _run(self) -> None:
        pulse = _library()
        if pulse is None:
            return
        was_there = False
        while not self._over.is_set():
            was_there = self._follow(pulse) or was_there
            if self._over.is_set():
                return
            self._sinks.forget()
            self._sources.forget()
            if was_there and not self.away:
                self.away = True
                self._changed()
            self._over.wait(_AGAIN_S)

    def _follow(self, pulse: ctypes.CDLL) -> bool:
        """One connection, until it ends; whether the server was there."""
        loop = pulse.pa_mainloop_new()
        if not loop:
            return False
        was_there = False
        with self._lock:
            self._pulse, self._loop = pulse, loop
        context = pulse.pa_context_new(pulse.pa_mainloop_get_api(loop), b"devices")
        if context:
            was_there = self._listen(pulse, loop, context)
            pulse.pa_context_unref(context)
        with self._lock:
            self._loop = None
        pulse.pa_mainloop_free(loop)
        return was_there

    def _listen(self, pulse: ctypes.CDLL, loop: int, context: int) -> bool:
        """Take what the server tells until it is over; whether the server was there."""
        was_there, ready_at = False, 0.0

        def step() -> bool:
            """Wait for what comes next; of a server that was away no longer than until it is to be looked at again."""
            if pulse.pa_mainloop_prepare(loop, _LOOK_US if self.away else -1) < 0 or pulse.pa_mainloop_poll(loop) < 0:
                return False
            return bool(pulse.pa_mainloop_dispatch(loop) >= 0)

        def took(devices: _Devices) -> Callable[[int, "ctypes._Pointer[_Info]", int, int], None]:
            def take(_context: int, info: "ctypes._Pointer[_Info]", last: int, _data: int) -> None:
                if not last and devices.add(info[0].index, info[0].name.decode(errors="replace")):
                    self._changed()

            return take

        on_sink, on_source = _ON_INFO(took(self._sinks)), _ON_INFO(took(self._sources))

        def asked(operation: int | None) -> None:
            if operation:
                pulse.pa_operation_unref(operation)

        def state_changed(_context: int, _data: int) -> None:
            nonlocal was_there, ready_at
            if pulse.pa_context_get_state(context) == _READY:
                was_there, ready_at = True, time.monotonic()
                asked(pulse.pa_context_subscribe(context, 1 << _SINK | 1 << _SOURCE, None, None))
                asked(pulse.pa_context_get_sink_info_list(context, on_sink, None))
                asked(pulse.pa_context_get_source_info_list(context, on_source, None))

        def happened(_context: int, event: int, number: int, _data: int) -> None:
            is_source = event & _FACILITY == _SOURCE
            if event & _KIND == _REMOVED:
                if (self._sources if is_source else self._sinks).remove(number):
                    self._changed()
            elif event & _KIND == _NEW and is_source:
                asked(pulse.pa_context_get_source_info_by_index(context, number, on_source, None))
            elif event & _KIND == _NEW:
                asked(pulse.pa_context_get_sink_info_by_index(context, number, on_sink, None))

        on_state, on_event = _ON_STATE(state_changed), _ON_EVENT(happened)
        pulse.pa_context_set_state_callback(context, on_state, None)
        pulse.pa_context_set_subscribe_callback(context, on_event, None)
        if pulse.pa_context_connect(context, None, _NO_AUTOSPAWN, None) >= 0:
            while pulse.pa_context_get_state(context) not in (_FAILED, _ENDED):
                if self._over.is_set() or not step():
                    break
                is_ready = pulse.pa_context_get_state(context) == _READY
                if self.away and is_ready and time.monotonic() - ready_at >= _QT_S:
                    self.away = False
                    self._changed()
        pulse.pa_context_set_state_callback(context, _ON_STATE(), None)
        pulse.pa_context_disconnect(context)  # what is still asked for ends by this, before the functions above go
        return was_there
