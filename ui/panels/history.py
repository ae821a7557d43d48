"""The history: this rep's sessions that are over, found by words, read with transcript, outcome and notes (B-12.7)."""

import msgspec
from PySide6.QtCore import QDateTime, QLocale, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from support_manager.errors import SupportManagerError
from support_manager.protocol import limits
from support_manager.protocol.requests import History, HistoryPage
from support_manager.protocol.roles import SessionState
from support_manager.protocol.views import Audience, HistoryEntry, SessionView, SurveyAnswer
from ui.models.transcript import TranscriptModel
from ui.panels.written import Written
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, SPACE_5, Kit, button, label
from ui.widgets.plain import isolated, number_in_threes, one_line, without_overrides
from ui.widgets.transcript_view import TranscriptView

_SEARCH_MS = 300
_LIST_PX = 300


class HistoryPanel(QWidget):
    """Lives in the window's sheet.

    Args:
        kit: what every widget is handed.

    Signals:
        notes_wanted: outcome and notes of that `HistoryEntry` are to be written.
    """

    notes_wanted = Signal(object)

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self._kit = kit
        self._entries: list[HistoryEntry] = []
        self._page: HistoryPage | None = None
        self._asked = 0
        self._more_there = False
        self.setObjectName("historyPanel")
        self.search = QLineEdit()
        self.search.setObjectName("historySearch")
        self.search.setMaxLength(limits.SEARCH_CHARS)
        self.search.setClearButtonEnabled(True)
        self.search.addAction(kit.theme.icon("search", "text-muted"), QLineEdit.ActionPosition.LeadingPosition)
        self._timer = QTimer(self, singleShot=True, interval=_SEARCH_MS)
        self._timer.timeout.connect(self.look_up)
        self.search.textEdited.connect(lambda: self._timer.start())
        self.search.returnPressed.connect(self.look_up)
        self.list = QListWidget()
        self.list.setObjectName("historyList")
        self.list.setWordWrap(False)
        self.list.setSpacing(3)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentRowChanged.connect(self._read)
        self._state = label("historyState", "muted", wrap=True)
        self._again: QPushButton = button("historyAgain")
        self._again.clicked.connect(self.look_up)
        self._more: QPushButton = button("historyMore", "link")
        self._more.clicked.connect(self._find_more)
        left = QVBoxLayout()
        left.setSpacing(SPACE_2)
        for part in (self.search, self._state, self._again):
            left.addWidget(part)
        left.addWidget(self.list, 1)
        left.addWidget(self._more)
        holder = QWidget()
        holder.setLayout(left)
        left.setContentsMargins(0, 0, 0, 0)
        holder.setFixedWidth(_LIST_PX)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE_5, SPACE_1, SPACE_5, SPACE_3)
        row.setSpacing(SPACE_5)
        row.addWidget(holder)
        row.addWidget(self._make_reader(), 1)
        kit.on_words(self.retranslate)
        self.look_up()

    def _make_reader(self) -> QWidget:
        self._name = label("historyName", "title", wrap=True)
        self._facts = label("historyFacts", "secondary", wrap=True, selectable=True)
        self._outcome = label("historyOutcome", "strong", wrap=True, selectable=True)
        self._notes = label("historyNotes", wrap=True, selectable=True)
        self._survey = label("historySurvey", "muted", wrap=True, selectable=True)
        self._written = Written(self._kit)
        self._edit: QPushButton = button("historyEdit")
        self._edit.clicked.connect(self._want_notes)
        self._transcripts = QStackedWidget()
        self._transcripts.setObjectName("historyTranscripts")
        self._nothing = label("historyNothing", "muted", wrap=True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._transcripts.addWidget(self._nothing)
        self._switch: QPushButton = button("historySwitch", "link")
        self._switch.clicked.connect(self._switch_chat)
        reader = QWidget()
        column = QVBoxLayout(reader)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_2)
        for part in (self._name, self._facts, self._written, self._outcome, self._notes, self._survey):
            column.addWidget(part)
        column.addWidget(self._edit, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._transcripts, 1)
        column.addWidget(self._switch, 0, Qt.AlignmentFlag.AlignLeft)
        return reader

    @override
    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), 2_000)  # as high as the window lets it be

    def take_focus(self) -> None:
        """Put the cursor where the rep searches."""
        self.search.setFocus()

    def look_up(self) -> None:
        """Look for what is typed, from the newest on."""
        self._timer.stop()
        self._ask(None)

    def _find_more(self) -> None:
        self._ask(self._entries[-1].ended_at if self._entries else None)

    def _ask(self, before: int | None) -> None:
        self._asked += 1
        asked = self._asked
        self._show_state("history.loading")
        self._kit.work.run(
            self._kit.intents.history(self.search.text().strip(), before),
            name="history",
            on_done=lambda found: self._found(asked, found, more=before is not None),
            on_error=lambda error: self._failed(asked, error),
        )

    def _found(self, asked: int, found: History, *, more: bool) -> None:
        if asked != self._asked:
            return  # something else was typed meanwhile
        if not more:
            self._entries.clear()
            self.list.clear()
            self._show_page(None)
        self._entries += found.entries
        for entry in found.entries:
            self.list.addItem(QListWidgetItem(self._line(entry)))
            self._label(self.list.count() - 1, entry)
        self._more_there = found.more
        empty = "history.none" if self.search.text().strip() else "history.empty"
        self._show_state("" if self._entries else empty)
        if self._entries and not more:
            self.list.setCurrentRow(0)

    def _failed(self, asked: int, error: SupportManagerError) -> None:
        if asked == self._asked:
            self._show_state("", self._kit.work.sentence(error))

    def _show_state(self, key: str, problem: str = "") -> None:
        self._state_key = key
        self._state.setText(problem or (self._kit.say(key) if key else ""))
        self._state.setVisible(bool(key or problem))
        self._again.setVisible(bool(problem))
        self._more.setVisible(self._more_there and not problem)

    def _read(self, at: int) -> None:
        if not 0 <= at < len(self._entries):
            return
        entry = self._entries[at]
        self._show_page(HistoryPage(entry=entry), loading=True)
        self._kit.work.run(
            self._kit.intents.history_page(entry.session_id),
            name="history_page",
            on_done=self._show_if_chosen,
            on_error=lambda error: self._unread(entry, error),
        )

    def _show_if_chosen(self, page: HistoryPage) -> None:
        if self._page is not None and self._page.entry.session_id == page.entry.session_id:
            self._show_page(page)

    def _unread(self, entry: HistoryEntry, error: SupportManagerError) -> None:
        if self._page is not None and self._page.entry.session_id == entry.session_id:
            self._nothing.setText(self._kit.work.sentence(error))

    def noted(self, session_id: str, outcome: str, notes: str) -> None:
        """Outcome and notes were written: show them."""
        for at, entry in enumerate(self._entries):
            if entry.session_id == session_id:
                self._entries[at] = msgspec.structs.replace(entry, outcome=outcome, notes=notes)
                self.list.item(at).setText(self._line(self._entries[at]))
        page = self._page
        if page is not None and page.entry.session_id == session_id:
            entry = msgspec.structs.replace(page.entry, outcome=outcome, notes=notes)
            self._page = msgspec.structs.replace(page, entry=entry)
            self._show_facts()

    def _show_page(self, page: HistoryPage | None, *, loading: bool = False) -> None:
        self._page = page
        while self._transcripts.count() > 1:
            old = self._transcripts.widget(1)
            if old is not None:
                self._transcripts.removeWidget(old)
                old.deleteLater()
        self._show_facts()
        if page is None or loading:
            self._nothing.setText(self._kit.say("history.loading") if loading else "")
            self._switch.hide()
            return
        beside = bool(page.marks or self._kit.intents.files_done(page.entry.session_id))
        for audience in (Audience.ALL, Audience.REPS):
            if any(line.audience is audience for line in page.chat) or (audience is Audience.ALL and beside):
                self._transcripts.addWidget(self._transcript(page, audience))
        self._transcripts.setCurrentIndex(min(1, self._transcripts.count() - 1))
        self._nothing.setText(self._kit.say("history.no_lines" if page.kept else "history.not_kept"))
        self._name_switch()

    def _transcript(self, page: HistoryPage, audience: Audience) -> TranscriptView:
        model = TranscriptModel(self._kit, self, audience)
        view = TranscriptView(self._kit, model)
        entry = page.entry
        over = SessionView(
            id=entry.session_id,
            number=entry.number,
            mode=entry.mode,
            state=SessionState.ENDED,
            seq=0,
            started_at=entry.started_at,
            you="",
            you_before=page.yours,
            participants=(),
            chat=page.chat,
            marks=page.marks,
        )
        model.take(over, ())
        if entry.end_reason is not None:
            model.end(entry.end_reason, entry.ended_at)
        if not model.private:
            model.take_files(self._kit.intents.files_done(entry.session_id))
        view.retranslate()
        view.destroyed.connect(model.deleteLater)
        return view

    def _switch_chat(self) -> None:
        self._transcripts.setCurrentIndex(3 - self._transcripts.currentIndex())
        self._name_switch()

    def _name_switch(self) -> None:
        self._switch.setVisible(self._transcripts.count() == 3)
        private = self._transcripts.currentIndex() == 2
        self._switch.setText(self._kit.say("history.public" if private else "history.private"))

    def _want_notes(self) -> None:
        if self._page is not None:
            self.notes_wanted.emit(self._page.entry)

    def retranslate(self) -> None:
        """Take the words of the present language."""
        say = self._kit.say
        self.setAccessibleName(say("history.title"))
        self.search.setPlaceholderText(say("history.search"))
        self.search.setAccessibleName(say("history.search"))
        self.list.setAccessibleName(say("history.title"))
        self._more.setText(say("history.more"))
        self._again.setText(say("history.again"))
        self._edit.setText(say("history.edit"))
        for at, entry in enumerate(self._entries):
            self.list.item(at).setText(self._line(entry))
            self._label(at, entry)
        self._show_facts()
        self._name_switch()

    def _line(self, entry: HistoryEntry) -> str:
        """Two lines: who, then when and how it went."""
        names = ", ".join(one_line(name, 60) for name in entry.customers) or self._kit.say("history.nobody")
        parts = [self._when(entry.ended_at), number_in_threes(entry.number), one_line(entry.outcome, 60)]
        return f"{names}\n{' · '.join(part for part in parts if part)}"

    def _label(self, at: int, entry: HistoryEntry) -> None:
        """The row has no room to say which time it shows."""
        times = {"began": self._when(entry.started_at), "over": self._when(entry.ended_at)}
        self.list.item(at).setToolTip(self._kit.say("history.times", **times))

    def _show_facts(self) -> None:
        say, page = self._kit.say, self._page
        for part in (self._name, self._facts, self._written, self._outcome, self._notes, self._survey, self._edit):
            part.setVisible(page is not None)
        if page is None:
            return
        entry = page.entry
        self._name.setText(", ".join(one_line(name, 80) for name in entry.customers) or say("history.nobody"))
        minutes = max(1, round((entry.ended_at - entry.started_at) / 60_000))
        began, over = self._when(entry.started_at), self._when(entry.ended_at)
        facts = [
            " · ".join((number_in_threes(entry.number), say("history.minutes", count=minutes))),
            say("history.times", began=began, over=over),
            say("history.reps", names=", ".join(isolated(name) for name in entry.reps)) if entry.reps else "",
            say("history.queue", name=isolated(entry.queue_name)) if entry.queue_name else "",
            say("side.tracking", code=isolated(entry.tracking_code)) if entry.tracking_code else "",
        ]
        self._facts.setText("\n".join(line for line in facts if line))
        self._written.take(page.intake, page.handovers)
        self._outcome.setText(one_line(entry.outcome, limits.OUTCOME_CHARS))
        self._notes.setText(without_overrides(entry.notes))
        self._survey.setText("\n".join(line for answer in page.survey for line in self._said(answer) if line))
        for shown in (self._outcome, self._notes, self._survey):
            _show_if_any(shown)

    def _said(self, answer: SurveyAnswer) -> tuple[str, str]:
        """What one customer answered; by name where there were several."""
        several = self._page is not None and len(self._page.entry.customers) > 1
        by = {"name": isolated(one_line(answer.name, 80))} if several and answer.name else {}
        rated = self._kit.say("history.rating_by" if by else "history.rating", count=answer.rating, **by)
        return rated, without_overrides(answer.comment)

    def _when(self, at: int) -> str:
        locale = QLocale(self._kit.translator.language)
        return locale.toString(QDateTime.fromMSecsSinceEpoch(at), QLocale.FormatType.ShortFormat)


def _show_if_any(words: QLabel) -> None:
    words.setVisible(bool(words.text()))
