"""The Participants panel of single-session mode: who is in, whom to help, whom to let in (B-5.1)."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from support_manager.events import SessionSnapshot
from support_manager.protocol.roles import SessionState
from ui.models.sessions import SessionEntry
from ui.panels.side import DeviceList
from ui.widgets.kit import SPACE_2, SPACE_3, Kit, label
from ui.widgets.people_list import PeopleList
from ui.widgets.plain import isolated


class ParticipantsPanel(QWidget):
    """The list of people with what the controller may do about each, and what the helped one's device can do.

    Args:
        kit: what every widget is handed.
        entry: the session.
    """

    def __init__(self, kit: Kit, entry: SessionEntry) -> None:
        super().__init__()
        self._kit = kit
        self._entry = entry
        self.setObjectName("participantsPanel")
        self._title = label("participantsTitle", "caption")
        self._hint = label("participantsHint", "secondary", wrap=True)
        self._people = PeopleList(kit)
        self._device_title = label("deviceTitle", "caption", wrap=True)
        self._device = DeviceList(kit)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_2)
        for part in (self._title, self._hint, self._people):
            column.addWidget(part)
        column.addSpacing(SPACE_3)
        column.addWidget(self._device_title)
        column.addWidget(self._device)
        self.take(entry)
        kit.on_words(self.retranslate)

    def take(self, entry: SessionEntry) -> None:
        """Show the people as they are now."""
        self._entry = entry
        self._people.take(entry.snapshot)
        customer = entry.customer
        for part in (self._device_title, self._device):
            part.setVisible(customer is not None)
        if customer is not None:
            self._device.take(customer.device)
        self._show_words()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        self.setAccessibleName(self._kit.say("people.title"))
        self._show_words()

    def _show_words(self) -> None:
        say, snapshot = self._kit.say, self._entry.snapshot
        inside = len(snapshot.customers)
        self._title.setText(say("participants.title", count=inside) if inside else say("people.title"))
        hint = _hint(snapshot)
        self._hint.setText(say(hint) if hint else "")
        self._hint.setVisible(bool(hint))
        if self._entry.customer is not None:
            self._device_title.setText(say("device.title", name=isolated(self._entry.customer.name)))


def _hint(snapshot: SessionSnapshot) -> str:
    """Which sentence says what can be done here now; none where nothing can."""
    if snapshot.view.state is SessionState.ENDED:
        return ""
    if not snapshot.customers:
        return "participants.nobody"
    if not snapshot.has_control:
        return "participants.watch"
    if len(snapshot.customers) > 1:
        return "participants.select"
    return "" if snapshot.view.locked else "participants.one"
