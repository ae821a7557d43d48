"""The tabs of the multisession window: name, state, unread count and attention; dragged, renamed, closed."""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QMenu, QSizePolicy, QWidget
from typing_extensions import override

from ui.focus_ring import RING
from ui.widgets.kit import ROW, Kit
from ui.widgets.menu_button import let_go
from ui.widgets.plain import one_line
from ui.widgets.state_dot import Mark, mark_color, paint_mark

HEIGHT = ROW + 8
WIDEST, NARROWEST = 208, 104
_CLOSE = 20
_TITLE_CHARS = 60


@dataclass(frozen=True, slots=True)
class TabFace:
    """What one tab shows; `words` say all of it to a screen reader."""

    title: str
    mark: Mark
    unread: int
    attention: bool
    words: str


class SessionTab(QAbstractButton):
    """One tab; painted by itself, because its parts have their own colours."""

    picked = Signal()
    close_wanted = Signal()
    rename_wanted = Signal()
    dragged = Signal(QPoint)
    """Where the mouse is, in the bar's coordinates."""
    dropped = Signal()

    def __init__(self, kit: Kit, session_id: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.session_id = session_id
        self.detached = False
        """Whether its panel is in a window of its own."""
        self.face = TabFace("", Mark.RING, 0, False, "")
        self._kit = kit
        self._pressed_at: QPoint | None = None
        self._dragging = False
        self._over_close = False
        self.setObjectName("sessionTab")
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        kit.theme.changed.connect(self.update)

    def show_face(self, face: TabFace) -> None:
        """Show other words and marks."""
        if face == self.face:
            return
        self.face = face
        self.setAccessibleName(face.words)
        self.update()

    def close_box(self) -> QRect:
        """Where the cross is, in the tab's coordinates."""
        return QRect(self.width() - _CLOSE - 6, (self.height() - _CLOSE) // 2, _CLOSE, _CLOSE)

    def title_box(self) -> QRect:
        """Where the title is, in the tab's coordinates."""
        return QRect(28, 0, max(20, self.width() - 28 - 30), self.height())  # the mark of a live view is 13 px wide

    @override
    def sizeHint(self) -> QSize:
        return QSize(WIDEST, HEIGHT)

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._over_close = False
        self.update()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = event.position().toPoint()
        if event.button() == Qt.MouseButton.MiddleButton or (
            event.button() == Qt.MouseButton.LeftButton and self.close_box().contains(place)
        ):
            event.accept()
            self.close_wanted.emit()
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed_at = place
            self.setChecked(True)
            self.picked.emit()

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position().toPoint()
        over = self.close_box().contains(place)
        if over != self._over_close:
            self._over_close = over
            self.update()
        if self._pressed_at is not None and not self._dragging:
            self._dragging = abs(place.x() - self._pressed_at.x()) > 8
        if self._dragging:
            self.dragged.emit(self.mapToParent(place))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pressed_at = None
        if self._dragging:
            self._dragging = False
            self.dropped.emit()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and not self.close_box().contains(event.position().toPoint()):
            self._pressed_at = None
            self.rename_wanted.emit()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()  # the bar moves the tab; a button of a group would move the focus
            return
        super().keyPressEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = self._kit.theme
        chosen, hover = self.isChecked(), self.underMouse()
        body = QRectF(self.rect()).adjusted(2, 4, -2, -4)
        if chosen or hover:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("selection" if chosen else "hover"))
            painter.drawRoundedRect(body, 6, 6)
        if self.hasFocus() and self.property(RING):
            painter.setPen(QPen(theme.color("accent"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(body.adjusted(0.75, 0.75, -0.75, -0.75), 6, 6)
        paint_mark(painter, self.face.mark, mark_color(self._kit, self.face.mark), QPointF(16, self.height() / 2))
        title_box = self.title_box()
        right = self._paint_right(painter, chosen, hover)
        title_box.setRight(right - 4)
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold if chosen or self.face.attention else QFont.Weight.Normal)
        painter.setFont(font)
        painter.setPen(theme.color("text" if chosen or self.face.attention else "text-muted"))
        words = QFontMetrics(font).elidedText(self.face.title, Qt.TextElideMode.ElideRight, title_box.width())
        painter.drawText(title_box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)

    def _paint_right(self, painter: QPainter, chosen: bool, hover: bool) -> int:
        """Paint the cross or the marks; the x at which the title has to end."""
        theme = self._kit.theme
        box = self.close_box()
        if hover:
            if self._over_close:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.color("line"))
                painter.drawRoundedRect(QRectF(box), 4, 4)
            pen = QPen(theme.color("text"), 1.4)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            inner = QRectF(box).adjusted(6, 6, -6, -6)
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())
            return box.left()
        if self.face.unread:
            words = str(self.face.unread) if self.face.unread < 100 else "99+"
            font = QFont(self.font())
            font.setPixelSize(theme.size("secondary"))
            font.setWeight(QFont.Weight.DemiBold)
            width = max(18, QFontMetrics(font).horizontalAdvance(words) + 10)
            badge = QRectF(self.width() - width - 8, self.height() / 2 - 9, width, 18)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(badge, 9, 9)
            painter.setFont(font)
            painter.setPen(theme.color("on-accent"))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, words)
            return int(badge.left())
        if self.face.attention:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent"))
            painter.drawEllipse(QPointF(self.width() - 16, self.height() / 2), 4, 4)
            return self.width() - 24
        return self.width() - 8 if not chosen else box.left()


class SessionTabBar(QWidget):
    """A row of tabs that share the width; too many can be scrolled with the wheel."""

    chosen = Signal(str)
    close_wanted = Signal(str)
    renamed = Signal(str, str)
    detach_wanted = Signal(str)
    """Into a window of its own, or back."""
    moved = Signal()

    def __init__(self, kit: Kit, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kit = kit
        self._tabs: list[SessionTab] = []
        self._first = 0
        """The leftmost tab that is to be seen, where there are too many for the width."""
        self._editor: QLineEdit | None = None
        self._edited = ("", "")
        """Whose name is being typed, and the name that the field began with."""
        self.setObjectName("sessionTabs")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT)
        self.setMinimumWidth(NARROWEST)
        kit.on_words(self.retranslate)

    def retranslate(self) -> None:
        """Take the words of the present language."""
        self.setAccessibleName(self._kit.say("tabs.name"))

    def ids(self) -> list[str]:
        """The sessions in the order of their tabs."""
        return [tab.session_id for tab in self._tabs]

    def tab(self, session_id: str) -> SessionTab | None:
        """The tab of a session."""
        return next((tab for tab in self._tabs if tab.session_id == session_id), None)

    def current(self) -> str | None:
        """The chosen session."""
        return next((tab.session_id for tab in self._tabs if tab.isChecked()), None)

    def add(self, session_id: str) -> None:
        """Add a tab at the right end."""
        tab = SessionTab(self._kit, session_id, self)
        tab.picked.connect(lambda: self._pick(session_id))
        tab.clicked.connect(lambda: self.choose(session_id))
        tab.close_wanted.connect(lambda: self.close_wanted.emit(session_id))
        tab.rename_wanted.connect(lambda: self.edit_title(session_id))
        tab.dragged.connect(lambda place: self._drag(session_id, place))
        tab.dropped.connect(self.moved.emit)
        tab.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        tab.customContextMenuRequested.connect(lambda place: self._menu(session_id, place))
        self._tabs.append(tab)
        tab.show()
        self._arrange()

    def remove(self, session_id: str) -> None:
        """Take a tab away; its neighbour is chosen if it was the chosen one."""
        tab = self.tab(session_id)
        if tab is None:
            return
        at, was_chosen = self._tabs.index(tab), tab.isChecked()
        self._tabs.remove(tab)
        tab.hide()
        tab.deleteLater()
        self._arrange()
        if was_chosen:
            self.chosen.emit(self._tabs[min(at, len(self._tabs) - 1)].session_id if self._tabs else "")

    def choose(self, session_id: str) -> None:
        """Choose a tab and say so; an empty id chooses none (the Start page)."""
        self.mark_chosen(session_id)
        self.chosen.emit(session_id)

    def mark_chosen(self, session_id: str) -> None:
        """Show which tab is chosen, without saying so."""
        for tab in self._tabs:
            tab.setAutoExclusive(False)
            tab.setChecked(tab.session_id == session_id)
            tab.setAutoExclusive(True)
        self._arrange()

    def step(self, by: int) -> None:
        """Choose the tab `by` places to the right, around the ends."""
        if self._tabs:
            ids = self.ids()
            now = self.current()
            self.choose(ids[((ids.index(now) if now is not None else -1) + by) % len(ids)])

    def edit_title(self, session_id: str) -> None:
        """Let the rep type another name into the tab itself."""
        tab = self.tab(session_id)
        if tab is None:
            return
        self._end_edit()
        editor = QLineEdit(tab.face.title, self)
        editor.setObjectName("tabTitleEdit")
        editor.setAccessibleName(self._kit.say("tabs.rename"))
        editor.setMaxLength(_TITLE_CHARS)
        editor.setGeometry(tab.geometry().adjusted(4, 4, -4, -4))
        editor.selectAll()
        editor.returnPressed.connect(self._take_title)
        editor.installEventFilter(self)
        self._editor, self._edited = editor, (session_id, editor.text())
        editor.show()
        editor.setFocus()

    @override
    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if watched is not self._editor:
            return False
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Escape:
            self._end_edit()
            return True
        # Qt says `editingFinished` of a field that is left only where something was typed.
        if isinstance(event, QFocusEvent) and event.lostFocus() and event.reason() != Qt.FocusReason.PopupFocusReason:
            self._take_title()
        return False

    def _pick(self, session_id: str) -> None:
        self._take_title()  # a click on a tab takes the focus from nothing
        self.choose(session_id)

    def _take_title(self) -> None:
        """The rep has typed: what he left as it was is no name of his own."""
        editor, (session_id, before) = self._editor, self._edited
        if editor is not None:
            title = editor.text()
            self._end_edit()
            if title != before:
                self.renamed.emit(session_id, title)

    def _end_edit(self) -> None:
        editor, self._editor = self._editor, None
        if editor is not None:
            editor.hide()
            editor.deleteLater()

    def _menu(self, session_id: str, place: QPoint) -> None:
        tab = self.tab(session_id)
        if tab is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        rename = QAction(self._kit.say("tabs.rename"), menu)
        rename.triggered.connect(lambda: self.edit_title(session_id))
        detach = QAction(self._kit.say("tabs.attach" if tab.detached else "tabs.detach"), menu)
        detach.triggered.connect(lambda: self.detach_wanted.emit(session_id))
        menu.addActions([rename, detach])
        at = self._tabs.index(tab)
        for key, step in (("tabs.left", -1), ("tabs.right", 1)):
            move = QAction(self._kit.say(key), menu)
            move.setEnabled(0 <= at + step < len(self._tabs))
            move.triggered.connect(lambda _=False, step=step: self.move_tab(session_id, step))
            menu.addAction(move)
        close = QAction(self._kit.say("tabs.close"), menu)
        close.triggered.connect(lambda: self.close_wanted.emit(session_id))
        menu.addSeparator()
        menu.addAction(close)
        let_go(tab, menu)
        menu.popup(tab.mapToGlobal(place))

    def move_tab(self, session_id: str, by: int) -> None:
        """Move a tab `by` places to the right, not beyond the ends."""
        tab = self.tab(session_id)
        if tab is None:
            return
        at = self._tabs.index(tab)
        to = max(0, min(len(self._tabs) - 1, at + by))
        if to != at:
            self._tabs.insert(to, self._tabs.pop(at))
            self._arrange()
            self.moved.emit()

    def _drag(self, session_id: str, place: QPoint) -> None:
        tab = self.tab(session_id)
        if tab is None:
            return
        over = next((other for other in self._tabs if other.geometry().contains(place.x(), HEIGHT // 2)), None)
        if over is not None and over is not tab:
            at = self._tabs.index(over)
            self._tabs.remove(tab)
            self._tabs.insert(at, tab)
            self._arrange()

    def _arrange(self) -> None:
        if not self._tabs:
            return
        chosen = next((at for at, tab in enumerate(self._tabs) if tab.isChecked()), 0)
        self._first = max(self._first, chosen + 1 - self._fitting())
        self._first = max(0, min(self._first, chosen, len(self._tabs) - self._fitting()))
        self._place()

    def _fitting(self) -> int:
        """How many tabs have room at once: whole ones, for half a tab says nothing and is hit by mistake."""
        return min(len(self._tabs), max(1, self.width() // NARROWEST))

    def _place(self) -> None:
        fitting = self._fitting()
        room = min(self.width(), WIDEST * fitting)
        previous: QWidget | None = None
        for at, tab in enumerate(self._tabs):
            left = (at - self._first) * room // fitting
            tab.setGeometry(left, 0, (at + 1 - self._first) * room // fitting - left, HEIGHT)
            if previous is not None:
                QWidget.setTabOrder(previous, tab)
            previous = tab

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        focused = next((tab for tab in self._tabs if tab.hasFocus()), None)
        at = self._tabs.index(focused) if focused is not None else 0
        match event.key():
            case Qt.Key.Key_Left | Qt.Key.Key_Right if focused is not None:
                step = -1 if event.key() == Qt.Key.Key_Left else 1
                if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                    self.move_tab(focused.session_id, step)
                    return
                tab = self._tabs[(at + step) % len(self._tabs)]
                tab.setFocus(Qt.FocusReason.TabFocusReason)
                self.choose(tab.session_id)
            case Qt.Key.Key_F2 if focused is not None:
                self.edit_title(focused.session_id)
            case Qt.Key.Key_Delete if focused is not None:
                self.close_wanted.emit(focused.session_id)
            case _:
                super().keyPressEvent(event)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._tabs:
            furthest = len(self._tabs) - self._fitting()
            step = -1 if event.angleDelta().y() > 0 else 1
            self._first = max(0, min(furthest, self._first + step))
            self._place()
        event.accept()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._end_edit()
        self._arrange()


def tab_title(given: str, customer: str, number: str) -> str:
    """A tab's name: the rep's own, else the customer's, else the session's number."""
    return one_line(given or customer or number, _TITLE_CHARS)
