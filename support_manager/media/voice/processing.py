"""Takes out of the microphone what the speaker plays, and noise, and levels it: WebRTC's audio processing."""

from typing import Any

import numpy as np
import structlog

from support_manager.media.voice.opus import RATE, Samples

log = structlog.get_logger(__name__)

_PART = RATE // 100
"""Exactly 10 ms at a time: the library takes nothing else."""


class Processing:
    """One microphone and one speaker. Where the library is missing, sound passes as it is."""

    def __init__(self) -> None:
        self._module: Any = None
        self._frame: Any = None
        try:
            from livekit.rtc import AudioFrame, AudioProcessingModule

            self._module = AudioProcessingModule(
                echo_cancellation=True, noise_suppression=True, high_pass_filter=True, auto_gain_control=True
            )
            self._frame = AudioFrame
        except (ImportError, OSError, RuntimeError) as error:
            log.error("no echo cancellation", error=repr(error))

    @property
    def works(self) -> bool:
        """Whether the library is there."""
        return self._module is not None

    def played(self, samples: Samples) -> None:
        """This goes to the speaker now; a whole number of 10 ms."""
        if self._module is not None:
            for part in samples.reshape(-1, _PART):
                self._module.process_reverse_stream(self._wrapped(part))

    def heard(self, samples: Samples, delay_ms: float) -> Samples:
        """What the microphone heard, cleaned.

        Args:
            samples: a whole number of 10 ms.
            delay_ms: from `played` to the echo's coming in here, as far as it is known.
        """
        if self._module is None:
            return samples
        cleaned = []
        for part in samples.reshape(-1, _PART):
            self._module.set_stream_delay_ms(int(min(500, max(0, delay_ms))))
            frame = self._wrapped(part)
            self._module.process_stream(frame)
            cleaned.append(np.frombuffer(frame._data, dtype=np.int16))
        return np.concatenate(cleaned)

    def _wrapped(self, part: Samples) -> Any:  # noqa: ANN401 - the library is imported late
        return self._frame(bytearray(part.tobytes()), RATE, 1, _PART)
