"""Carries out the commands about recordings, and tells what becomes of them while nobody looks."""

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from support_manager.errors import SupportManagerError
from support_manager.events import RecordingEnded, RecordingsTended
from support_manager.media.engine import RecordingTrouble
from ui.bridge import Bridge
from ui.panels.recording_bar import clock_words
from ui.panels.recordings import RecordingsPanel
from ui.widgets.kit import Desk
from ui.widgets.plain import one_line, size_text
from ui.widgets.sheet import Sheet
from ui.work import Tone

_PANEL_PX = 860
_EDGE_PX = 48


class RecordingDesk(QObject):
    """Starts and stops recordings and opens the library.

    Args:
        kit: what every widget is handed, and the commands.
        sheet: holds the library.
        window: is brought to the front with it; the owner.
        bridge: the controller's events.
    """

    def __init__(self, kit: Desk, sheet: Sheet, window: QWidget, bridge: Bridge) -> None:
        super().__init__(window)
        self._kit, self._sheet, self._window = kit, sheet, window
        self._finishing = False
        kit.actions.record.triggered.connect(lambda: self.record())
        kit.actions.recordings.triggered.connect(self.show_library)
        bridge.recording_ended.connect(self._ended)
        bridge.recordings_tended.connect(self._tended)
        kit.on_words(self.retranslate)

    def record(self) -> None:
        """Ask whether the current session may be recorded; or stop, or take the question back."""
        current = self._kit.actions.current
        if current is None:
            return
        intents = self._kit.intents
        running = current.recording is not None
        act = intents.stop_recording(current.id) if running else intents.ask_recording(current.id)
        self._kit.work.run(act, name=f"record {current.id}", on_error=self._refused)
        self._kit.actions.tick()

    def _refused(self, error: SupportManagerError) -> None:
        self._kit.work.tell_error(error)
        self._kit.actions.tick()

    def show_library(self) -> None:
        """Open the list of recordings."""
        panel = RecordingsPanel(self._kit)
        self._window.show()
        self._window.raise_()
        self._window.activateWindow()
        self._sheet.open_with(panel, self._t("panel.title"), min(_PANEL_PX, self._window.width() - _EDGE_PX))
        panel.take_focus()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        if isinstance(self._sheet.content, RecordingsPanel):
            self._sheet.set_title(self._t("panel.title"))

    def _ended(self, event: RecordingEnded) -> None:
        time, size = clock_words(event.seconds), size_text(event.bytes, self._kit.translator.language)
        if event.trouble is None:
            words = self._t("told.saved", time=time, size=size) if event.name else self._t("told.empty")
            self._kit.work.tell(words, Tone.GOOD if event.name else Tone.INFO)
        else:
            folder = one_line(self._kit.intents.recordings_folder, 200)
            places = {"folder": folder} if event.trouble is RecordingTrouble.NOT_WRITABLE else {}
            words = self._t(f"told.{event.trouble.value}", **places)
            if event.name:
                words = self._t("told.kept", words=words, time=time, size=size)
            self._kit.work.tell(words, Tone.ERROR)
        self._look_again()

    def _tended(self, event: RecordingsTended) -> None:
        if event.left:
            if not self._finishing:
                self._finishing = True
                self._kit.work.tell(self._t("told.finishing", count=event.left))
            if isinstance(self._sheet.content, RecordingsPanel):
                self._sheet.content.show_progress(event.left, event.progress)
            return
        self._finishing = False
        if event.finished:
            self._kit.work.tell(self._t("told.finished", count=event.finished), Tone.GOOD)
        if event.deleted:
            self._kit.work.tell(self._t("told.deleted", count=event.deleted))
        self._look_again()

    def _look_again(self) -> None:
        if isinstance(self._sheet.content, RecordingsPanel):
            self._sheet.content.look_up()

    def _t(self, key: str, **places: object) -> str:
        return self._kit.translator.t("recordings", key, **places)
