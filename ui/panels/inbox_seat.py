"""Puts the one Inbox panel where the agent looks: beside the Start page, or above the facts of the chosen session."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from ui.models.inbox import InboxModel
from ui.panels.inbox import InboxPanel
from ui.panels.session import SessionPanel
from ui.panels.start import StartPage
from ui.widgets.kit import Kit

_WIDTH = 280


class InboxSeat(QWidget):
    """The Start page with room for the Inbox at its left; lends the Inbox to the session in front.

    Args:
        kit: what every widget is handed.
        model: the Inbox.
        start: the Start page.
    """

    def __init__(self, kit: Kit, model: InboxModel, start: StartPage) -> None:
        super().__init__()
        self._model = model
        self._panel: SessionPanel | None = None
        self.setObjectName("startWithInbox")
        self.inbox = InboxPanel(kit, model)
        self._place = QFrame()
        self._place.setProperty("kind", "panel")
        self._place.setFixedWidth(_WIDTH)
        self._here = QVBoxLayout(self._place)
        self._here.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._place)
        row.addWidget(start, 1)
        model.changed.connect(self._show)
        self._take_back()
        self._show()

    def lend(self, panel: SessionPanel | None) -> None:
        """Have `panel` hold the Inbox from now on; None brings it back beside the Start page."""
        if panel is self._panel:
            return
        if self._panel is not None:
            self._panel.seat_inbox(None)
        self._panel = panel
        self._show()

    def open(self) -> None:
        """Bring the Inbox into view and put the focus on it."""
        if self._panel is not None:
            self._panel.left.set_folded(False)
        self.inbox.take_focus()

    def _take_back(self) -> None:
        self._here.addWidget(self.inbox)
        self.inbox.set_titled(True)

    def _show(self) -> None:
        mine = self._model.inbox is not None
        self._place.setVisible(mine and self._panel is None)
        if self._panel is None or not mine:
            self._take_back()
        else:
            self.inbox.set_titled(False)
        if self._panel is not None:
            self._panel.seat_inbox(self.inbox if mine else None)
        self.inbox.setVisible(mine)
