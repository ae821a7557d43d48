"""What stands above the middle of a session's tab: one's own part in it, who asks for control, who waits outside."""

import time
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from support_manager.protocol.roles import LIVE, SessionState
from support_manager.protocol.views import Mode
from ui.models.sessions import SessionEntry
from ui.widgets.kit import SPACE_2, SPACE_3, Kit, button, label, set_kind
from ui.widgets.plain import isolated

MOST_WAITING = 1
"""So many who wait get a banner of their own; the others are counted, and stand in the list of participants."""


@dataclass(frozen=True, slots=True)
class BannerButton:
    """One button: its name, the sentence on it, its kind, and whether it can be pressed now."""

    name: str
    key: str
    kind: str = "secondary"
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Banner:
    """One banner; `id` stays the same while its words change, so that the focus on it stays too."""

    id: str
    icon: str
    key: str
    places: tuple[tuple[str, object], ...] = ()
    tone: str = ""
    """Empty is calm; `ask` wants an answer, `warn` tells of something wrong."""
    person: str = ""
    buttons: tuple[BannerButton, ...] = ()


_NARROW_PX, _LEAST_PX = 460, 84
_REST_MS = 700
"""For so long a banner that came where another one was takes no click."""
_LEAVE = BannerButton("leave", "banner.leave", "quiet")


def banners_of(entry: SessionEntry, now: float) -> list[Banner]:
    """The banners of a session as it is now.

    Args:
        entry: the session.
        now: `time.monotonic()`.
    """
    if entry.ended is not None or entry.taken or entry.snapshot.view.state not in LIVE:
        return []
    return [_assisting(entry, now)] if entry.assists else _controlling(entry)


def _assisting(entry: SessionEntry, now: float) -> Banner:
    snapshot = entry.snapshot
    transfer = snapshot.view.transfer
    if snapshot.view.state in {SessionState.OFFERED, SessionState.QUEUED}:
        queue = isolated(transfer.queue_name) if transfer is not None and transfer.queue_name else ""
        key = "banner.queued" if queue else "banner.offered"
        return Banner("assist", "forward", key, (("queue", queue),) if queue else (), buttons=(_LEAVE,))
    name = ("name", isolated(snapshot.controller.name if snapshot.controller is not None else ""))
    left = entry.take_over_in_s(now)
    if left is not None:
        take = BannerButton("take", "banner.take", "primary", enabled=left <= 0)
        key, places = (
            ("banner.lost.wait", (name, ("count", max(1, round(left))))) if left > 0 else ("banner.lost", (name,))
        )
        return Banner("assist", "unplug", key, places, "warn", buttons=(take, _LEAVE))
    me = snapshot.me
    asking = me is not None and me.asks_control
    ask = BannerButton("unask", "banner.unask") if asking else BannerButton("ask", "banner.ask")
    return Banner("assist", "users", "banner.asking" if asking else "banner.assist", (name,), buttons=(ask, _LEAVE))


def _controlling(entry: SessionEntry) -> list[Banner]:
    snapshot = entry.snapshot
    found = []
    for person in snapshot.assistants:
        if person.asks_control:
            answers = (BannerButton("give", "banner.give", "primary"), BannerButton("keep", "banner.keep"))
            name = (("name", isolated(person.name)),)
            found.append(Banner(f"control {person.id}", "hand", "banner.asks_control", name, "ask", person.id, answers))
    limited = snapshot.view.mode is Mode.MULTI  # there nobody but the limit makes anybody wait (B-6.3)
    for person in snapshot.waiting[:MOST_WAITING]:
        away = BannerButton("turn_away", "banner.turn_away", "quiet")
        let_in = () if limited else (BannerButton("admit", "banner.admit", "primary"),)
        key = "banner.waits_limit" if limited else "banner.waits"
        places = (("name", isolated(person.name)),)
        found.append(Banner(f"waiting {person.id}", "user-round", key, places, "ask", person.id, (*let_in, away)))
    more = len(snapshot.waiting) - MOST_WAITING
    if more > 0:
        found.append(Banner("more", "users", "banner.more", (("count", more),), "ask"))
    if snapshot.view.locked:
        unlock = BannerButton("unlock", "banner.unlock")
        found.append(Banner("locked", "lock", "banner.locked", buttons=(unlock,)))
    return found


class _Row(QFrame):
    """One banner on the screen."""

    pressed = Signal(str, str)
    """The button's name, and whom it is about."""

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self._kit = kit
        self._face: Banner | None = None
        self._answers_rest = False
        self._buttons: dict[str, QPushButton] = {}
        self.setObjectName("banner")
        self.setProperty("kind", "banner")
        self._icon = QLabel()
        self._icon.setFixedWidth(20)
        self.words = label("bannerWords", wrap=True)
        said = QHBoxLayout()
        said.setSpacing(SPACE_2)
        said.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignVCenter)
        said.addWidget(self.words, 1)
        self._answers = QHBoxLayout()
        self._answers.setSpacing(SPACE_2)
        self._answers.addStretch(1)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(SPACE_3, SPACE_2, SPACE_3, SPACE_2)
        self._row.setSpacing(SPACE_2)
        self._row.addLayout(said, 1)
        self._row.addLayout(self._answers)

    def show_face(self, face: Banner, *, anew: bool = False) -> None:
        """Show a banner; only what changed is touched."""
        if face == self._face and not anew:
            return
        self._face = face
        say = self._kit.say
        set_kind(self, "tone", face.tone)
        role = {"ask": "accent", "warn": "warning"}.get(face.tone, "text-muted")
        self._icon.setPixmap(self._kit.theme.icon(face.icon, role).pixmap(16, 16))
        self.words.setText(say(face.key, **dict(face.places)))
        wanted = {one.name: one for one in face.buttons}
        for name in [name for name in self._buttons if name not in wanted]:
            old = self._buttons.pop(name)
            old.hide()
            old.deleteLater()
        for at, (name, one) in enumerate(wanted.items()):
            made = self._buttons.get(name)
            if made is None:
                made = self._buttons[name] = button(f"banner_{name}", one.kind)
                made.clicked.connect(lambda _=False, name=name: self._press(name))
                self._answers.insertWidget(1 + at, made)
            made.setText(say(one.key))
            made.setAccessibleName(f"{say(one.key)}: {self.words.text()}")
            made.setEnabled(one.enabled and not self._answers_rest)

    def rest(self) -> None:
        """Take no click for a moment: what stood here when the mouse was aimed was about somebody else."""
        self._answers_rest = True
        for made in self._buttons.values():
            made.setEnabled(False)
        QTimer.singleShot(_REST_MS, self, self._wake)

    def _wake(self) -> None:
        self._answers_rest = False
        for one in self._face.buttons if self._face is not None else ():
            made = self._buttons.get(one.name)
            if made is not None:
                made.setEnabled(one.enabled)

    def height_for(self, width: int) -> int:
        """The height that its words and buttons need; buttons go below the words where it is narrow."""
        below = width < _NARROW_PX and len(self._buttons) > 1
        self._row.setDirection(QBoxLayout.Direction.TopToBottom if below else QBoxLayout.Direction.LeftToRight)
        return max(self._row.totalHeightForWidth(width), self._row.totalMinimumSize().height())

    def _press(self, name: str) -> None:
        if self._face is not None:
            self.pressed.emit(name, self._face.person)


class Banners(QScrollArea):
    """All banners of one session, the most pressing first; no room while there is none, half of the middle at most.

    Args:
        kit: what every widget is handed.
        entry: the session.
    """

    def __init__(self, kit: Kit, entry: SessionEntry) -> None:
        super().__init__()
        self._kit = kit
        self._entry = entry
        self._rows: dict[str, _Row] = {}
        self.setObjectName("banners")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        self.setWidget(inner)
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._timer = QTimer(self)
        self._timer.setInterval(1_000)
        self._timer.timeout.connect(self._show)
        kit.theme.changed.connect(self._show_anew)
        kit.translator.changed.connect(self._show_anew)
        self.take(entry)

    def take(self, entry: SessionEntry) -> None:
        """Show the session as it is now."""
        self._entry = entry
        self._show()
        left = entry.take_over_in_s(time.monotonic())
        ticking = bool(left) and entry.assists and bool(self._rows)
        if ticking != self._timer.isActive():
            self._timer.start() if ticking else self._timer.stop()

    def _show_anew(self) -> None:
        self._show(anew=True)

    def _show(self, *, anew: bool = False) -> None:
        faces = banners_of(self._entry, time.monotonic())
        wanted = [face.id for face in faces]
        left = [one for one in self._rows if one not in wanted]
        aimed = bool(left) and self.underMouse()
        for gone in left:
            old = self._rows.pop(gone)
            old.hide()
            old.deleteLater()
        for at, face in enumerate(faces):
            row = self._rows.get(face.id)
            new = row is None
            if row is None:
                row = self._rows[face.id] = _Row(self._kit)
                row.pressed.connect(self._press)
            if self._column.indexOf(row) != at:
                self._column.insertWidget(at, row)
            row.show_face(face, anew=anew)
            if new and aimed:
                row.rest()
        self.setVisible(bool(faces))
        self._fit()

    def _fit(self) -> None:
        """Be as high as all the words need, at most half of the middle; beyond that it scrolls."""
        width = self.viewport().width()
        heights = [row.height_for(width) for row in self._rows.values()]
        for row, height in zip(self._rows.values(), heights, strict=True):
            row.setFixedHeight(height)
        holder = self.parentWidget()
        most = max(_LEAST_PX, holder.height() // 2) if holder is not None else sum(heights)
        self.setFixedHeight(min(sum(heights), most))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        holder = self.parentWidget()
        if holder is not None:
            holder.removeEventFilter(self)
            holder.installEventFilter(self)
        self._fit()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and watched is self.parentWidget():
            self._fit()
        return super().eventFilter(watched, event)

    def _press(self, name: str, person: str) -> None:
        intents, session_id = self._kit.intents, self._entry.id
        match name:
            case "leave":
                act = intents.leave_session(session_id)
            case "ask" | "unask":
                act = intents.ask_control(session_id, name == "ask")
            case "take":
                act = intents.take_control(session_id)
            case "give":
                act = intents.transfer_control(session_id, person)
            case "keep":
                act = intents.refuse_control(session_id, person)
            case "admit" | "turn_away":
                act = intents.admit(session_id, person, name == "admit")
            case _:
                act = intents.lock_session(session_id, False)
        self._kit.work.run(act, name=f"{name}:{session_id}:{person}")
