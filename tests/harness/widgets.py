"""Checks that hold for every window: named widgets, words for screen readers, nothing left behind."""

import gc

import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
    QTextEdit,
    QWidget,
)

ACTIONABLE = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QComboBox, QLineEdit, QPlainTextEdit, QTabBar, QTextEdit,
)  # fmt: skip


def actionable(root: QWidget) -> list[QWidget]:
    """Every widget under `root` that is shown and that a person can act on; Qt's own inner parts are left out."""
    return [
        widget
        for widget in root.findChildren(QWidget)
        if isinstance(widget, ACTIONABLE)
        and widget.isVisible()
        and not isinstance(widget, QScrollBar)
        and not _inner(widget)
    ]


def _inner(widget: QWidget) -> bool:
    """Whether Qt made it inside another widget: a combo box's list, the button in a line edit."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QComboBox | QLineEdit) or parent.objectName().startswith("qt_"):
            return True
        if parent.inherits("QComboBoxPrivateContainer") or parent.inherits("QDialogButtonBox"):
            return True
        parent = parent.parentWidget()
    return widget.objectName().startswith("qt_")


def spoken(widget: QWidget) -> str:
    """What a screen reader calls it."""
    text = getattr(widget, "text", None)
    own = text() if isinstance(widget, QAbstractButton) and callable(text) else ""
    return (widget.accessibleName() or own).strip()


def unnamed(root: QWidget) -> list[str]:
    """What is wrong with the names under `root`; empty when all is well."""
    problems = []
    for widget in actionable(root):
        what = f"{type(widget).__name__} {widget.objectName() or '?'}"
        if not widget.objectName():
            problems.append(f"{what}: no object name (in {widget.parentWidget()})")
        if not spoken(widget):
            problems.append(f"{what}: no accessible name")
    return problems


def settle() -> None:
    """Let Qt delete what is to be deleted."""
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QCoreApplication.processEvents()
    gc.collect()


def top_levels() -> set[QWidget]:
    """The windows that exist now."""
    return {widget for widget in QApplication.topLevelWidgets() if shiboken6.isValid(widget)}
