"""Remembers the window's place and the widths of its sides, and keeps the sides of all tabs alike."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping

from PySide6.QtCore import QByteArray, QObject, QPoint, QRect, QSize, QTimer
from PySide6.QtWidgets import QMainWindow

from support_manager.intents import Intents
from ui.panels.session import LEFT_PX, RIGHT_PX, SessionPanel
from ui.widgets.side import FOLDED
from ui.work import Work

_SAVE_MS = 800
_LARGEST = QSize(1720, 1080)
_NARROW_PX = 1_120
"""A narrower window opens with its facts folded, until the rep says otherwise: the customer's screen needs the room."""


def first_place(screen: QRect, least: QSize) -> QRect:
    """Where the window opens the first time: most of the screen, in its middle, with room for the title bar.

    Args:
        screen: the part of it that task bars leave, in pixels.
        least: the window's minimum size.
    """
    size = QSize(round(screen.width() * 0.95), round(screen.height() * 0.9))
    place = QRect(screen.topLeft(), size.boundedTo(_LARGEST).expandedTo(least))
    place.moveCenter(screen.center())
    place.moveTopLeft(QPoint(max(screen.left(), place.left()), max(screen.top(), place.top())))
    return place


class LayoutMemory(QObject):
    """Keeps the layout in the setting `window`.

    Args:
        intents: hold the settings.
        work: saves them.
        window: whose place is remembered; the owner.
        panels: the tabs' panels by session id, as they come and go.
    """

    def __init__(self, intents: Intents, work: Work, window: QMainWindow, panels: Mapping[str, SessionPanel]) -> None:
        super().__init__(window)
        self._intents, self._work, self._window, self._panels = intents, work, window, panels
        self._giving = False
        self._sides = (LEFT_PX, RIGHT_PX, False, False)
        self._timer = QTimer(self, singleShot=True, interval=_SAVE_MS)
        self._timer.timeout.connect(self._save)

    def restore(self) -> None:
        """Take up what was remembered; what cannot be read counts as nothing."""
        kept = self._intents.settings.window
        try:
            geometry = b64decode(kept.get("main", ""), validate=True)
        except (binascii.Error, ValueError):
            geometry = b""
        if not (geometry and self._window.restoreGeometry(QByteArray(geometry))):
            self._window.setGeometry(first_place(self._window.screen().availableGeometry(), self._window.minimumSize()))
        numbers = [int(part) for part in kept.get("sides", "").split(",") if part.isdecimal()]
        narrow = int(self._window.width() < _NARROW_PX)
        left, right, left_folded, right_folded = numbers if len(numbers) == 4 else (LEFT_PX, RIGHT_PX, narrow, 0)
        self._sides = (min(left, 600), min(right, 800), bool(left_folded), bool(right_folded))

    def take(self, panel: SessionPanel) -> None:
        """One tab's sides moved: remember, and have the other tabs follow."""
        if self._giving:
            return
        left, _, right = panel.sizes()
        old = self._sides
        self._sides = (
            old[0] if panel.left.folded else left,
            old[1] if panel.right.folded else right,
            panel.left.folded,
            panel.right.folded,
        )
        for other in self._panels.values():
            if other is not panel or old[2:] != self._sides[2:]:
                self.give(other)
        self.save_soon()

    def give(self, panel: SessionPanel) -> None:
        """Give a tab the sides that all have."""
        left, right, left_folded, right_folded = self._sides
        self._giving = True
        panel.left.set_folded(left_folded)
        panel.right.set_folded(right_folded)
        width = max(panel.width(), self._window.width())
        left, right = FOLDED if left_folded else left, FOLDED if right_folded else right
        panel.setSizes([left, max(360, width - left - right), right])
        self._giving = False

    def save_soon(self) -> None:
        """Save once the rep has let go."""
        self._timer.start()

    def _save(self) -> None:
        left, right, left_folded, right_folded = self._sides
        window = dict(self._intents.settings.window)
        window["main"] = b64encode(bytes(self._window.saveGeometry().data())).decode("ascii")
        window["sides"] = f"{left},{right},{int(left_folded)},{int(right_folded)}"
        if window != self._intents.settings.window:
            self._work.run(self._intents.change_settings(window=window), name="change_settings:window")
