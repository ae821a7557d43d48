"""Buttons that open a menu: how they open it, and that they look untouched once it is closed."""

import shiboken6
from PySide6.QtCore import QEvent, QPointF
from PySide6.QtGui import QCursor, QHoverEvent
from PySide6.QtWidgets import QApplication, QMenu, QToolButton, QWidget


def opens(made: QToolButton, menu: QMenu) -> None:
    """Have a press of the button open the menu, at once and below it."""
    made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    made.setMenu(menu)
    let_go(made, menu)


def let_go(widget: QWidget, menu: QMenu) -> None:
    """Have `widget` look hovered no longer than the pointer is on it, though `menu` took the pointer from it.

    WORKAROUND(Qt 6.12, X11): a menu that opens by a quick click takes the pointer before it has left the widget, and
    Qt passes over the Leave that the X server then reports. When the menu closes elsewhere, nobody tells the widget;
    it stays `underMouse` until the pointer has been on it again. To go when the test of this module passes without it.
    """

    def closing() -> None:
        if not shiboken6.isValid(widget) or not widget.underMouse():
            return
        at = QPointF(widget.mapFromGlobal(QCursor.pos()))
        if widget.rect().contains(at.toPoint()):
            return
        QApplication.sendEvent(widget, QEvent(QEvent.Type.Leave))
        away = QPointF(-1, -1)
        QApplication.sendEvent(widget, QHoverEvent(QEvent.Type.HoverLeave, away, QPointF(QCursor.pos()), away))

    menu.aboutToHide.connect(closing)
