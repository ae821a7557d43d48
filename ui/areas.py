"""Where a window's focus is, and where F6 and Shift+F6 take it: from one part to the next, as in an editor."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget


def focused_in(widget: QWidget) -> QWidget | None:
    """What has the focus in the window of `widget`, or gets it once the rep is back from another program.

    `QApplication.focusWidget` knows nothing of the latter, and what takes its place meanwhile would get his keys.
    """
    return widget.window().focusWidget()


def move_on(areas: Sequence[QWidget], step: int) -> None:
    """Put the focus into the next of `areas` (`step` 1) or the one before (-1) that has anything to act on."""
    now = QApplication.focusWidget()
    at = next((place for place, area in enumerate(areas) if now is not None and area.isAncestorOf(now)), -1)
    for offset in range(1, len(areas) + 1):
        found = first_focus(areas[(at + step * offset) % len(areas)])
        if found is not None:
            found.setFocus(Qt.FocusReason.TabFocusReason)
            return


def first_focus(area: QWidget) -> QWidget | None:
    """The first widget of `area` that takes the keyboard, in the order in which Tab goes."""
    if _takes_keys(area):
        return area
    at = area.nextInFocusChain()
    while at is not None and at is not area:
        if area.isAncestorOf(at) and _takes_keys(at):
            return at
        at = at.nextInFocusChain()
    return None


def _takes_keys(widget: QWidget) -> bool:
    return widget.isVisible() and widget.isEnabled() and bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
