"""Makes the media engine with the devices of this computer, away from the window, and ends the devices in order."""

from typing import TYPE_CHECKING

from support_manager.media.engine import MediaEngine

if TYPE_CHECKING:
    from ui.devices.audio import QtAudio


class MediaParts:
    """The engine factory of the app; importing Qt's sound and the media libraries takes a while, so only in there."""

    def __init__(self) -> None:
        self._audio: list[QtAudio] = []

    def make_engine(self) -> MediaEngine:
        """An engine with microphone and speaker; called in a thread."""
        from support_manager.media.aiortc_engine import AiortcEngine
        from ui.devices.audio import QtAudio

        audio = QtAudio()
        self._audio.append(audio)
        return AiortcEngine(audio)

    def close(self) -> None:
        """Let every device go; once no engine works any more."""
        for audio in self._audio:
            audio.close()
        self._audio.clear()
