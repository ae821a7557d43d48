"""The library of recordings: found by words, played by the system's player, deleted, kept for a time."""

import time

from PySide6.QtCore import QDateTime, QLocale, QSignalBlocker, QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from support_manager.errors import SupportManagerError
from support_manager.recordings import Recording, RecordingState
from ui.panels.recording_bar import clock_words
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, SPACE_5, Kit, button, label
from ui.widgets.plain import number_in_threes, one_line, size_text
from ui.work import Tone

KEEP_DAYS = (0, 7, 30, 90, 365)
_DAY_S = 86_400


class RecordingsPanel(QWidget):
    """Lives in the window's sheet.

    Args:
        kit: what every widget is handed.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self._kit = kit
        self._all: tuple[Recording, ...] = ()
        self._shown: list[Recording] = []
        self._loaded = False
        self._problem = ""
        self._old = 0
        """How many old recordings the rep is asked about, as he wants to keep none so long; 0: about the chosen one."""
        self.setObjectName("recordingsPanel")
        self.search = QLineEdit()
        self.search.setObjectName("recordingsSearch")
        self.search.setMaxLength(100)
        self.search.setClearButtonEnabled(True)
        self.search.addAction(kit.theme.icon("search", "text-muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._filter)
        self._state = label("recordingsState", "muted", wrap=True)
        self._state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._progress = QProgressBar()
        self._progress.setObjectName("recordingsProgress")
        self._progress.setRange(0, 100)
        self._progress.setTextVisible(False)
        self._progress.hide()
        self._again = button("recordingsAgain")
        self._again.clicked.connect(self.look_up)
        self.list = QListWidget()
        self.list.setObjectName("recordingsList")
        self.list.setSpacing(3)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentRowChanged.connect(self._choose)
        self.list.itemActivated.connect(lambda _: self._play_chosen())
        self._facts = label("recordingFacts", "secondary", wrap=True, selectable=True)
        self._question = label("recordingQuestion", "warning", wrap=True)
        self._play = button("recordingPlay", "primary")
        self._play.setIcon(kit.theme.icon("play", "on-accent"))
        self._folder = button("recordingFolder")
        self._folder.setIcon(kit.theme.icon("folder-open"))
        self._delete = button("recordingDelete", "quiet")
        self._delete.setIcon(kit.theme.icon("trash-2"))
        self._sure = button("recordingDeleteSure", "danger")
        self._keep = button("recordingDeleteKeep")
        for one, act in (
            (self._play, self._play_chosen),
            (self._folder, self._open_folder),
            (self._delete, lambda: self._ask(asking=True)),
            (self._sure, self._do_delete),
            (self._keep, lambda: self._ask(asking=False)),
        ):
            one.clicked.connect(act)
        self._lay_out()
        kit.on_words(self.retranslate)
        self._ask(asking=False)
        self.look_up()

    def _lay_out(self) -> None:
        acts = QHBoxLayout()
        acts.setSpacing(SPACE_2)
        for one in (self._play, self._folder, self._delete, self._keep, self._sure):
            acts.addWidget(one)
        acts.addStretch(1)
        self._days_label = label("recordingsKeepLabel", "secondary")
        self._days = QComboBox()
        self._days.setObjectName("recordingsKeep")
        for days in KEEP_DAYS:
            self._days.addItem("", days)
        self._days.activated.connect(self._keep_for)
        self._days_label.setBuddy(self._days)
        self._where = ElidedLabel("recordingsWhere", "secondary")
        self._where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._other = button("recordingsChoose", "link")
        self._other.clicked.connect(self._choose_folder)
        foot = QHBoxLayout()
        foot.setSpacing(SPACE_2)
        foot.addWidget(self._days_label)
        foot.addWidget(self._days)
        foot.addSpacing(SPACE_3)
        foot.addWidget(self._where, 1)
        foot.addWidget(self._other)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_5, SPACE_1, SPACE_5, SPACE_3)
        column.setSpacing(SPACE_2)
        for part in (self.search, self._state, self._progress, self._again):
            column.addWidget(part)
        column.addWidget(self.list, 1)
        column.addWidget(self._facts)
        column.addWidget(self._question)
        column.addLayout(acts)
        column.addSpacing(SPACE_2)
        column.addLayout(foot)

    @override
    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), 2_000)  # as high as the window lets it be

    def take_focus(self) -> None:
        """Put the cursor where the rep searches."""
        self.search.setFocus()

    def look_up(self) -> None:
        """Read the folder anew."""
        self._problem = ""
        self._show_state()
        self._kit.work.run(
            self._kit.intents.recordings(), name="recordings", on_done=self._found, on_error=self._unreadable
        )

    def show_progress(self, count: int, done: float) -> None:
        """Recordings that were cut off are being finished."""
        percent = round(done * 100)
        self._progress.setValue(percent)
        self._progress.show()
        self._progress.setAccessibleName(self._t("panel.progress", count=count, percent=percent))
        self._state.setText(self._progress.accessibleName())
        self._state.show()

    def _found(self, found: tuple[Recording, ...]) -> None:
        self._all, self._loaded = found, True
        self._progress.hide()
        self._filter()

    def _unreadable(self, error: SupportManagerError) -> None:
        self._problem = self._kit.work.sentence(error)
        self._show_state()

    def _filter(self) -> None:
        chosen = self._chosen()
        words = self.search.text().casefold().split()
        self._shown = [one for one in self._all if all(word in self._text_of(one).casefold() for word in words)]
        with QSignalBlocker(self.list):
            self.list.clear()
            for one in self._shown:
                self.list.addItem(QListWidgetItem(self._line(one)))
        names = [one.name for one in self._shown]
        row = names.index(chosen.name) if chosen is not None and chosen.name in names else 0
        self.list.setCurrentRow(row if names else -1)
        self._choose(self.list.currentRow())
        self._show_state()

    def _text_of(self, one: Recording) -> str:
        return " ".join((one.customer, one.rep, one.number, number_in_threes(one.number), self._line(one), one.name))

    def _chosen(self) -> Recording | None:
        row = self.list.currentRow()
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def _choose(self, _row: int) -> None:
        self._ask(asking=False)
        one = self._chosen()
        self._facts.setVisible(one is not None)
        if one is None:
            return
        rep = one_line(one.rep, 60)
        facts = self._t("panel.facts", number=number_in_threes(one.number), rep=rep) if one.number else ""
        file = self._t("panel.file", name=one_line(one.name, 200))
        self._facts.setText("\n".join(line for line in (facts, file) if line))

    def _show_state(self) -> None:
        key = ""
        if not self._loaded:
            key = "panel.loading"
        elif not self._shown:
            key = "panel.none" if self._all else "panel.empty"
        self._state.setText(self._problem or (self._t(key) if key else ""))
        self._state.setVisible(bool(self._state.text()))
        self._again.setVisible(bool(self._problem))
        self.list.setVisible(bool(self._shown) or not self._state.text())

    # -- acts

    def _play_chosen(self) -> None:
        one = self._chosen()
        if one is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(one.path))):
            self._kit.work.tell(self._t("panel.not_opened"), Tone.ERROR)

    def _open_folder(self) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(self._kit.intents.recordings_folder)):
            self._kit.work.tell(self._t("panel.not_opened"), Tone.ERROR)

    def _ask(self, *, asking: bool, old: int = 0) -> None:
        one = self._chosen()
        self._old = old
        self._say_question()
        if not old:
            self._show_days()
        self._question.setVisible(asking)
        for each in (self._play, self._folder, self._delete):
            each.setVisible(not asking)
        for each in (self._sure, self._keep):
            each.setVisible(asking)
        self._play.setEnabled(one is not None)
        self._delete.setEnabled(one is not None and one.state is not RecordingState.UNFINISHED)
        if asking:
            self._keep.setFocus()

    def _say_question(self) -> None:
        if self._old:
            age = self._t("panel.keep_days", count=self._days.currentData())
            self._question.setText(self._t("panel.keep_question", count=self._old, age=age))
        else:
            self._question.setText(self._t("panel.delete_question"))

    def _do_delete(self) -> None:
        one = self._chosen()
        if self._old:
            self._change_days()
        elif one is not None:
            self._kit.work.run(
                self._kit.intents.delete_recording(one.name), name=f"delete {one.name}", on_done=lambda _: self._gone()
            )
        self._ask(asking=False)

    def _gone(self) -> None:
        self._kit.work.tell(self._t("panel.deleted"))
        self.look_up()

    def _keep_for(self) -> None:
        """Nothing is destroyed by a choice in a list: who would lose recordings by it is asked first."""
        days = self._days.currentData()
        before = time.time() - days * _DAY_S
        whole = (one for one in self._all if one.state is RecordingState.FINISHED)
        old = sum(one.started_at / 1000 + one.seconds < before for one in whole) if days else 0
        if old:
            self._ask(asking=True, old=old)
        else:
            self._change_days()

    def _change_days(self) -> None:
        change = self._kit.intents.change_settings(recordings_days=self._days.currentData())
        self._kit.work.run(change, name="recordings keep", on_done=lambda _: self._days_changed())

    def _days_changed(self) -> None:
        self._show_days()
        self._kit.intents.tend_recordings()

    def _show_days(self) -> None:
        kept = self._kit.intents.settings.recordings_days
        if kept in KEEP_DAYS:
            self._days.setCurrentIndex(KEEP_DAYS.index(kept))

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, self._t("panel.choose"), self._kit.intents.recordings_folder)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self._use_folder)
        dialog.open()

    def _use_folder(self, folder: str) -> None:
        change = self._kit.intents.change_settings(recordings_folder=folder)
        self._kit.work.run(change, name="recordings folder", on_done=lambda _: self._other_folder())

    def _other_folder(self) -> None:
        self.retranslate()
        self.look_up()

    # -- words

    def retranslate(self) -> None:
        """Take the words of the present language."""
        for widget, key in (
            (self._again, "again"),
            (self._play, "play"),
            (self._folder, "folder"),
            (self._delete, "delete"),
            (self._sure, "delete_sure"),
            (self._keep, "delete_keep"),
            (self._other, "choose"),
        ):
            widget.setText(self._t(f"panel.{key}"))
        self.setAccessibleName(self._t("panel.title"))
        self.list.setAccessibleName(self._t("panel.title"))
        self.search.setPlaceholderText(self._t("panel.search"))
        self.search.setAccessibleName(self._t("panel.search"))
        self._days_label.setText(self._t("panel.keep"))
        for at, days in enumerate(KEEP_DAYS):
            self._days.setItemText(at, self._t("panel.keep_days", count=days) if days else self._t("panel.keep_always"))
        self._say_question()
        if not self._old:
            self._show_days()
        self._where.setText(self._t("panel.where", folder=one_line(self._kit.intents.recordings_folder, 300)))
        if self._loaded:
            self._filter()
        else:
            self._show_state()

    def _line(self, one: Recording) -> str:
        """Two lines: whose session, then when, how long, how large, and whether anything is the matter."""
        locale = QLocale(self._kit.translator.language)
        when = locale.toString(QDateTime.fromMSecsSinceEpoch(one.started_at), QLocale.FormatType.ShortFormat)
        facts = [when]
        if one.state is RecordingState.FINISHED:
            facts.append(clock_words(one.seconds))
        facts.append(size_text(one.bytes, self._kit.translator.language))
        if one.state is not RecordingState.FINISHED:
            facts.append(self._t(f"panel.{one.state.value}"))
        name = one_line(one.customer, 80) or self._t("panel.nobody")
        return f"{name}\n{' · '.join(facts)}"

    def _t(self, key: str, **places: object) -> str:
        return self._kit.translator.t("recordings", key, **places)
