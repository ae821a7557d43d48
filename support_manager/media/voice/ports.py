"""Microphone and speaker as the media thread sees them: ports, behind which Qt or a test stands."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Trouble(Enum):
    """What is wrong with a device; the call goes on without it."""

    ECHO_STAYS = "echo_stays"
    """What takes the speaker's sound out of the microphone's has failed."""
    NO_MICROPHONE = "no_microphone"
    MICROPHONE_DENIED = "microphone_denied"
    """The system lets this program not hear it."""
    MICROPHONE_LOST = "microphone_lost"
    """It was pulled out, or taken by another program."""
    MICROPHONE_FAILS = "microphone_fails"
    """It opens and ends again and again; it is left alone now."""
    MICROPHONE_UNSERVED = "microphone_unserved"
    """The system's sound server has ended, and all devices with it; what is back with it is taken up again."""
    MICROPHONE_BACK = "microphone_back"
    """None any more: one was plugged in and is heard."""
    NO_SPEAKER = "no_speaker"
    SPEAKER_LOST = "speaker_lost"
    SPEAKER_FAILS = "speaker_fails"
    SPEAKER_UNSERVED = "speaker_unserved"
    SPEAKER_BACK = "speaker_back"


@dataclass(frozen=True, slots=True)
class AudioDevice:
    """One device that can be chosen."""

    id: str
    """Stable over restarts; the empty string is the system's choice."""
    name: str


class AudioPorts(Protocol):
    """The devices of this computer; mono, 48 kHz, int16. All methods return at once and may be called on any thread.

    What is opened again is closed first. Callbacks come on a thread of the device's own.
    """

    def open_microphone(self, device: str, heard: Callable[[bytes], None], failed: Callable[[Trouble], None]) -> None:
        """Hear `device` (empty: the system's choice; one that is gone: the system's choice too).

        Args:
            device: its id.
            heard: called with each piece of sound, of any length.
            failed: called once if there is none or it goes; nothing is heard any more then, until it is called with
                `MICROPHONE_BACK`, or another one is taken at once.
        """

    def close_microphone(self) -> None:
        """Let the microphone go; its light goes out."""

    def open_speaker(self, device: str, fill: Callable[[int], bytes], failed: Callable[[Trouble], None]) -> None:
        """Play on `device`.

        Args:
            device: its id.
            fill: called with how many samples are wanted now; gives exactly so many.
            failed: called once if there is none or it goes, and with `SPEAKER_BACK` as above.
        """

    def close_speaker(self) -> None:
        """Play nothing more."""

    def devices(self) -> tuple[tuple[AudioDevice, ...], tuple[AudioDevice, ...]]:
        """The microphones and the speakers there are now; may take a moment."""

    @property
    def latency_ms(self) -> float:
        """How long it takes from `fill` to the ear and from the mouth to `heard`, as far as it is known."""
