"""A flat button that is another face of a command: its icon, name, key, tick, enabled and visible state (B-13.4)."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from ui.widgets.kit import ICON, ROW, WIDE_ICON


class CommandButton(QToolButton):
    """Shows one command; a command that this rep never has is not shown.

    Args:
        name: object name.
        action: the command.
        words: whether its name stands beside the icon; else the name is the tool tip and for screen readers only.
        usable_only: whether it is there only while it can be used.
        unless: the command in whose place it stands, and which is there instead while it can be used.
        parent: the owner.
    """

    def __init__(
        self,
        name: str,
        action: QAction,
        *,
        words: bool = True,
        usable_only: bool = False,
        unless: QAction | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._action = action
        self._usable_only, self._unless = usable_only, unless
        self.setObjectName(name)
        self.setIconSize(WIDE_ICON if words else ICON)
        self.setFixedHeight(ROW)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if words else Qt.ToolButtonStyle.ToolButtonIconOnly
        self.setToolButtonStyle(style)
        if words:
            self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self.setProperty("kind", "row")
        else:
            self.setFixedWidth(ROW)
        self.setDefaultAction(action)
        action.changed.connect(self._follow)
        if unless is not None:
            unless.changed.connect(self._follow)
        if not self._wanted:
            self.hide()  # never shown from here: what has no parent yet would be a window of its own
        self.setAccessibleName(action.iconText())

    @property
    def _wanted(self) -> bool:
        action, other = self._action, self._unless
        usable = action.isEnabled() or not self._usable_only
        return action.isVisible() and usable and (other is None or not (other.isVisible() and other.isEnabled()))

    def _follow(self) -> None:
        self.setVisible(self._wanted)
        self.setAccessibleName(self._action.iconText())
