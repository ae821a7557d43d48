"""A card over the window for one task: Invite, or a question; Escape closes it, Tab stays inside."""

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from ui.areas import focused_in
from ui.widgets.kit import SPACE_3, SPACE_4, SPACE_5, Kit, icon_button, label, name_it


class Sheet(QWidget):
    """Covers its host while it is open; holds one content at a time and gives the focus back afterwards.

    Signals:
        opened: something is shown.
        focus_homeless: what had the focus before is gone or out of sight; where it goes is the host's to say.
        closed: nothing is shown any more, and the focus is where it belongs.
    """

    opened = Signal()
    focus_homeless = Signal()
    closed = Signal()

    def __init__(self, kit: Kit, host: QWidget) -> None:
        super().__init__(host)
        self._kit = kit
        self._host = host
        self._content: QWidget | None = None
        self._focus_before: QWidget | None = None
        self.setObjectName("sheet")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._card = QFrame()
        self._card.setObjectName("sheetCard")
        self._card.setProperty("kind", "card")
        self._title: QLabel = label("sheetTitle", "title")
        self._close = icon_button("sheetClose")
        self._close.setIcon(kit.theme.icon("x", "text-muted"))
        self._close.clicked.connect(self.close_sheet)
        heading = QHBoxLayout()
        heading.setContentsMargins(SPACE_5, SPACE_4, SPACE_3, SPACE_3)
        heading.addWidget(self._title, 1)
        heading.addWidget(self._close)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self._card)
        column.setContentsMargins(0, 0, 0, SPACE_3)
        column.setSpacing(0)
        column.addLayout(heading)
        column.addWidget(self._area, 1)
        self._card.setParent(self)
        host.installEventFilter(self)
        kit.on_words(self.retranslate)
        self.hide()

    @property
    def content(self) -> QWidget | None:
        """What is shown; None while closed."""
        return self._content

    def retranslate(self) -> None:
        """Take the words of the present language."""
        name_it(self._close, self._kit.say("sheet.close"))

    def set_title(self, title: str) -> None:
        """Give the card another title."""
        self._title.setText(title)
        self.setAccessibleName(title)

    def open_with(self, content: QWidget, title: str, width: int = 560) -> None:
        """Show `content`; whatever was there before goes. The sheet owns it and deletes it on closing."""
        if self._content is None:
            self._focus_before = focused_in(self)
        else:
            self._drop()
        self._content = content
        self._area.setWidget(content)
        self._card.setFixedWidth(width)
        self.set_title(title)
        self.show()
        self.raise_()
        self._place()
        content.installEventFilter(self)
        self.opened.emit()

    def close_sheet(self) -> None:
        """Close it and give the focus back, but to nothing out of sight: the chat of a tab that was chosen before."""
        if self._content is None:
            return
        went_on = self._focus_went_on()
        self._drop()
        self.hide()
        before, self._focus_before = self._focus_before, None
        if not went_on:
            self._give_focus_back(before)
        self.closed.emit()

    def _focus_went_on(self) -> bool:
        """Whether it is elsewhere and in sight already, with F6 or to the chat: there the rep wants it."""
        focused = focused_in(self)
        return focused is not None and focused.isVisible() and focused is not self and not self.isAncestorOf(focused)

    def _give_focus_back(self, before: QWidget | None) -> None:
        if before is not None and shiboken6.isValid(before) and before.isVisible() and before.isEnabled():
            before.setFocus()
        else:
            self.focus_homeless.emit()

    def _drop(self) -> None:
        content = self._area.takeWidget()
        self._content = None
        if content is not None:
            content.removeEventFilter(self)
            content.hide()
            content.deleteLater()

    def _place(self) -> None:
        if self._content is None:
            return
        self.setGeometry(self._host.rect())
        inner = self._content.heightForWidth(self._card.width()) if self._content.hasHeightForWidth() else -1
        wanted = max(inner, self._content.sizeHint().height()) + 84
        height = min(wanted, self.height() - 2 * SPACE_5)
        self._card.setFixedHeight(height)
        self._card.move((self.width() - self._card.width()) // 2, max(SPACE_5, (self.height() - height) // 3))

    @override
    def focusNextPrevChild(self, forward: bool) -> bool:
        if not self.isVisible():
            return super().focusNextPrevChild(forward)  # Qt asks on hiding: the focus must not stay in here
        inside: list[QWidget] = []
        at = self.nextInFocusChain()
        while at is not None and at is not self:
            if (
                self.isAncestorOf(at)
                and at.isVisible()
                and at.isEnabled()
                and at.focusPolicy() & Qt.FocusPolicy.TabFocus
            ):
                inside.append(at)
            at = at.nextInFocusChain()
        if not inside:
            return True
        now = focused_in(self)
        place = inside.index(now) + (1 if forward else -1) if now in inside else 0
        reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
        chosen = inside[place % len(inside)]
        chosen.setFocus(reason)
        self._area.ensureWidgetVisible(chosen)
        return True

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in {QEvent.Type.Resize, QEvent.Type.LayoutRequest}:
            self._place()
        return False

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_sheet()
            return
        event.accept()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self._card.geometry().contains(event.position().toPoint()):
            self.close_sheet()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(0, 0, 0, 150 if self._kit.theme.dark else 90))
