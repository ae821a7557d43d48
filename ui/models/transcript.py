"""The transcript as a list model: confirmed lines, our own on their way, and what happened in between."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QDateTime, QModelIndex, QObject, QPersistentModelIndex, Qt
from typing_extensions import override

from support_manager.events import Happening, LineState, PendingLine
from support_manager.files.book import Done
from support_manager.protocol.roles import CUSTOMERS
from support_manager.protocol.views import Audience, ChatLine, EndReason, Mark, MarkKind, SessionView
from ui.widgets.kit import Kit
from ui.widgets.plain import isolated, one_line, size_text, without_overrides

ROW_ROLE = Qt.ItemDataRole.UserRole + 1
_RECENT_NOTES = 8
"""Among so many of the last notes none stands twice."""
_BREAK = "\u200b"
"""Where a long hash may go on in the next line; nobody sees or copies it."""
_GROUP_MS = 180_000
"""Lines of one sender within this time stand under one heading."""


class RowKind(Enum):
    """What a row of the transcript is."""

    LINE = "line"
    NOTE = "note"
    """Something that happened: joined, left, shared."""
    MARK = "mark"
    """A line across it: control moved, the session was passed on, another customer is helped (B-7.4), it ended."""
    FILE = "file"
    """A file that arrived at either end, with size and hash (B-7.5)."""
    NEW = "new"
    """Above the first line that came while the rep looked elsewhere."""


@dataclass(frozen=True, slots=True)
class TranscriptRow:
    """One row; texts of strangers are already cleaned."""

    kind: RowKind
    id: str = ""
    own: bool = False
    name: str = ""
    at: int = 0
    text: str = ""
    pending: LineState | None = None
    what: Happening | None = None
    mark: MarkKind | None = None
    end: EndReason | None = None
    former: str = ""
    queue: str = ""
    file: Done | None = None
    headed: bool = True
    """Whether it shows its sender's name and time."""


class TranscriptModel(QAbstractListModel):
    """Rows in the order in which they came; lines on their way are always last.

    Args:
        kit: what every widget is handed.
        parent: the owner.
        audience: whose lines these are: everybody's, or those that only representatives read.
    """

    def __init__(self, kit: Kit, parent: QObject | None = None, audience: Audience = Audience.ALL) -> None:
        super().__init__(parent)
        self._kit = kit
        self._audience = audience
        self._last_mark = 0
        self._rows: list[TranscriptRow] = []
        self._pending = 0
        self._known: set[str] = set()
        self._began = self._over = False
        self._looked_at = True
        self.can_retry = True
        """Whether a line that failed may be sent again: not after the end."""

    @property
    def private(self) -> bool:
        """Whether only representatives read these lines."""
        return self._audience is Audience.REPS

    def take(self, view: SessionView, pending: tuple[PendingLine, ...]) -> int:
        """Bring the rows up to date; the number of new lines of others."""
        mine = [line for line in view.chat if line.audience is self._audience]
        fresh = [line for line in mine if line.id not in self._known]
        self._drop_pending()
        marks = [mark for mark in view.marks if mark.seq > self._last_mark]
        self._last_mark = max((mark.seq for mark in marks), default=self._last_mark)
        placed = [(line.seq, self._line(line, own=view.is_own(line))) for line in fresh]
        placed += [(mark.seq, self._mark(mark)) for mark in marks]
        rows = [row for _, row in sorted(placed, key=lambda one: one[0])]
        if not self._began:
            self._began = True
            if not self.private:
                rows = self._with_joins(rows, view)
        foreign = [at for at, row in enumerate(rows) if row.kind is RowKind.LINE and not row.own]
        if foreign and not self._looked_at and not any(old.kind is RowKind.NEW for old in self._rows):
            rows.insert(foreign[0], TranscriptRow(RowKind.NEW))
        # All at once: a view asked 2,000 times to make room for one line more stands still for a quarter of a second.
        self._append(rows)
        self._known.update(line.id for line in fresh)
        unsaid = [line for line in pending if line.audience is self._audience and line.id not in self._known]
        waiting = [self._on_its_way(line) for line in unsaid]
        self._append(waiting)
        self._pending = len(waiting)
        return len(foreign)

    def note(self, what: Happening, name: str) -> None:
        """Add something that happened, above the lines on their way.

        What goes back and forth (a connection, somebody who asks for control again and again) stands there once, in
        its newest place: nobody must push what was written out of sight.
        """
        at = len(self._rows) - self._pending
        since = at
        while since and at - since < _RECENT_NOTES and self._rows[since - 1].kind is RowKind.NOTE:
            since -= 1
        same = next((old for old in range(since, at) if self._is_note(old, what, isolated(name))), None)
        if same is not None:
            self.beginRemoveRows(QModelIndex(), same, same)
            del self._rows[same]
            self.endRemoveRows()
            at -= 1
        self.beginInsertRows(QModelIndex(), at, at)
        self._rows.insert(at, TranscriptRow(RowKind.NOTE, at=_now_ms(), what=what, name=isolated(name)))
        self.endInsertRows()

    def end(self, reason: EndReason, at_ms: int | None = None) -> None:
        """Have the last line across it say why the session ended, above the lines that were not sent any more.

        Args:
            reason: why.
            at_ms: when, in milliseconds since 1970; now if it is not told.
        """
        if self.private or self._over:
            return
        self._over = True
        at = len(self._rows) - self._pending
        self.beginInsertRows(QModelIndex(), at, at)
        self._rows.insert(at, TranscriptRow(RowKind.MARK, at=_now_ms() if at_ms is None else at_ms, end=reason))
        self.endInsertRows()

    def take_files(self, done: tuple[Done, ...]) -> None:
        """Have every file that arrived stand there once, at its time and above the lines on their way."""
        for one in done:
            key = f"file {one.transfer}"
            if key in self._known:
                continue
            self._known.add(key)
            at = len(self._rows) - self._pending
            while at and self._rows[at - 1].at > one.at:
                at -= 1
            self.beginInsertRows(QModelIndex(), at, at)
            self._rows.insert(at, TranscriptRow(RowKind.FILE, key, at=one.at, file=one))
            self.endInsertRows()

    def _is_note(self, at: int, what: Happening, name: str) -> bool:
        row = self._rows[at]
        return (row.what, row.name) == (what, name)

    def set_looked_at(self, looked_at: bool) -> None:
        """Say whether the rep has the transcript before his eyes; looking away takes the old «new» mark off."""
        if self._looked_at and not looked_at:
            self.forget_new()
        self._looked_at = looked_at

    @property
    def looked_at(self) -> bool:
        """Whether the rep has the transcript before his eyes."""
        return self._looked_at

    def forget_new(self) -> None:
        """Take the mark «new» away."""
        for at, row in enumerate(self._rows):
            if row.kind is RowKind.NEW:
                self.beginRemoveRows(QModelIndex(), at, at)
                del self._rows[at]
                self.endRemoveRows()
                return

    def row(self, at: int) -> TranscriptRow:
        """The row at a place."""
        return self._rows[at]

    def words(self, row: TranscriptRow) -> str:
        """What a row says besides its heading."""
        say = self._kit.say
        match row.kind:
            case RowKind.NEW:
                return say("chat.new")
            case RowKind.NOTE if row.what is not None:
                return say(f"note.{row.what.value}", name=row.name)
            case RowKind.FILE if row.file is not None:
                one = row.file
                size = size_text(one.size, self._kit.translator.language)
                places = {"file": isolated(one.name), "name": isolated(one.other), "size": size}
                return say(
                    "note.file_came" if one.incoming else "note.file_went", hash=_breakable(one.digest), **places
                )
            case RowKind.MARK if row.end is not None:
                return say(f"mark.ended.{row.end.value}")
            case RowKind.MARK if row.mark is not None:
                places = {"name": row.name, "former": row.former, "queue": row.queue}
                kind = row.mark.value
                if row.mark is MarkKind.PASSED_ON and not row.queue:
                    kind = "passed_on.agents"
                return say(f"mark.{kind}", **places)
            case _:
                return row.text

    def heading(self, row: TranscriptRow) -> str:
        """Who and when, or what is the matter with a line of our own."""
        say = self._kit.say
        if row.pending is LineState.SENDING:
            return say("chat.sending")
        if row.pending is LineState.FAILED:
            return say("chat.failed_again" if self.can_retry else "chat.failed")
        time = self._kit.translator.time(row.at)
        who = say("chat.you") if row.own else row.name
        return say("chat.heading", name=who, time=time)

    def as_text(self, rows: Iterable[int]) -> str:
        """Rows as plain text for the clipboard."""
        found = [self._rows[at] for at in sorted(rows)]
        lines = [
            f"{self.heading(row)}\n{row.text}" if row.kind is RowKind.LINE else self.words(row)
            for row in found
            if row.kind is not RowKind.NEW
        ]
        lines = [line.replace(_BREAK, "") for line in lines]
        return found[0].text if len(found) == 1 and found[0].kind is RowKind.LINE else "\n".join(lines)

    def retranslate(self) -> None:
        """Have every row shown anew."""
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    @override
    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    @override
    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return self.words(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.heading(row)}: {row.text}" if row.kind is RowKind.LINE else self.words(row)
        return None

    def _append(self, rows: list[TranscriptRow]) -> None:
        if not rows:
            return
        first = len(self._rows)
        self.beginInsertRows(QModelIndex(), first, first + len(rows) - 1)
        for row in rows:
            self._rows.append(self._grouped(row))
        self.endInsertRows()

    def _grouped(self, row: TranscriptRow) -> TranscriptRow:
        before = self._rows[-1] if self._rows else None
        if (
            row.kind is RowKind.LINE
            and row.pending is None
            and before is not None
            and before.kind is RowKind.LINE
            and before.pending is None
            and (before.own, before.name) == (row.own, row.name)
            and row.at - before.at < _GROUP_MS
        ):
            return TranscriptRow(row.kind, row.id, row.own, row.name, row.at, row.text, headed=False)
        return row

    def _drop_pending(self) -> None:
        if self._pending:
            first = len(self._rows) - self._pending
            self.beginRemoveRows(QModelIndex(), first, len(self._rows) - 1)
            del self._rows[first:]
            self._pending = 0
            self.endRemoveRows()

    @staticmethod
    def _line(line: ChatLine, *, own: bool) -> TranscriptRow:
        return TranscriptRow(
            RowKind.LINE, line.id, own, one_line(line.sender_name, 80), line.at, without_overrides(line.text)
        )

    @staticmethod
    def _mark(mark: Mark) -> TranscriptRow:
        return TranscriptRow(
            RowKind.MARK,
            at=mark.at,
            name=isolated(mark.name),
            mark=mark.kind,
            former=isolated(mark.former),
            queue=isolated(mark.queue) if mark.queue else "",
        )

    @staticmethod
    def _on_its_way(line: PendingLine) -> TranscriptRow:
        return TranscriptRow(
            RowKind.LINE, line.id, own=True, at=_now_ms(), text=without_overrides(line.text), pending=line.state
        )

    @staticmethod
    def _with_joins(rows: list[TranscriptRow], view: SessionView) -> list[TranscriptRow]:
        """The lines of a session found again, and in their places who of those present joined when."""
        joins = [
            TranscriptRow(RowKind.NOTE, at=person.joined_at, what=Happening.JOINED, name=isolated(person.name))
            for person in view.participants
            if person.role in CUSTOMERS
        ]
        return sorted([*joins, *rows], key=lambda row: row.at)


def _now_ms() -> int:
    return QDateTime.currentMSecsSinceEpoch()


def _breakable(digest: str) -> str:
    return _BREAK.join(digest[at : at + 8] for at in range(0, len(digest), 8))
