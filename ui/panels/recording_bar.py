"""The red bar above the middle of a session that is being recorded, on every rep's screen; its question before that."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel

from support_manager.protocol.activities import ActivityState
from ui.models.sessions import SessionEntry
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_2, SPACE_3, Desk, button, label, set_kind
from ui.widgets.number_label import tabular
from ui.widgets.plain import isolated, size_text


def clock_words(seconds: float) -> str:
    """A length as a clock shows it: `07:05`, `1:02:03`."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes:02}:{whole % 60:02}"


class RecordingBar(QFrame):
    """Takes no room while nothing is recorded or asked for.

    Args:
        kit: what every widget is handed, and the commands.
        entry: the session.
    """

    def __init__(self, kit: Desk, entry: SessionEntry) -> None:
        super().__init__()
        self._kit = kit
        self._entry = entry
        self.setObjectName("recordingBar")
        self._dot = QLabel()
        self._dot.setFixedWidth(20)
        self._words = ElidedLabel("recordingWords", "strong")
        self._figures = label("recordingFigures", "strong")
        self._figures.setFont(tabular(self._figures.font()))
        self._stop = button("recordingStop")
        self._stop.clicked.connect(kit.actions.record.trigger)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE_3, SPACE_2, SPACE_3, SPACE_2)
        row.setSpacing(SPACE_2)
        row.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._words, 1)
        row.addWidget(self._figures)
        row.addWidget(self._stop)
        self.hide()
        kit.on_words(self._show)
        kit.on_colours(self._show)

    def take(self, entry: SessionEntry) -> None:
        """Show the session as it is now."""
        self._entry = entry
        self._show()

    def _show(self) -> None:
        entry, recording = self._entry, self._entry.snapshot.recording
        self.setVisible(recording is not None and entry.ended is None and not entry.taken)
        if recording is None:
            return
        people = {person.id: isolated(person.name) for person in entry.snapshot.view.participants}
        running = recording.state is ActivityState.RUNNING
        mine = entry.snapshot.has_control
        set_kind(self, "kind", "live" if running else "notice")
        for one in (self._words, self._figures):
            set_kind(one, "kind", "on_live" if running else "strong")
        role = "on-live" if running else "accent"
        self._dot.setPixmap(self._kit.theme.icon("circle-dot", role).pixmap(16, 16))
        key = f"bar.{'running' if running else 'asked'}{'' if mine else '_by'}"
        names = {"rep": people.get(recording.asked_by, ""), "name": people.get(recording.subject, "")}
        if running:
            names["name"] = names["rep"]
        words = self._t(key, **names)
        self._words.setText(words)
        self.setAccessibleName(words)
        figures = entry.recorded if running else None
        shown = figures is not None
        self._figures.setVisible(shown)
        if figures is not None:
            time, size = clock_words(figures.seconds), size_text(figures.bytes, self._kit.translator.language)
            self._figures.setText(self._t("bar.figures", time=time, size=size))
        self._stop.setVisible(mine)
        self._stop.setText(self._t("bar.stop" if running else "bar.take_back"))

    def _t(self, key: str, **places: object) -> str:
        return self._kit.translator.t("recordings", key, **places)
