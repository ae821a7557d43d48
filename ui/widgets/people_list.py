"""Who is in the session: name, role and connection, each in words."""

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from support_manager.protocol.views import ParticipantView, SessionView
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_1, SPACE_2, Kit
from ui.widgets.plain import one_line
from ui.widgets.state_dot import StateDot, mark_of_connection


class _PersonRow(QWidget):
    def __init__(self, kit: Kit, person: ParticipantView, *, you: bool) -> None:
        super().__init__()
        say = kit.say
        self.setObjectName("personRow")
        self._dot = StateDot(kit, "personDot")
        name = ElidedLabel("personName")
        shown = one_line(person.name, 80)
        name.setText(say("people.you", name=shown) if you else shown)
        connection = say(f"connection.{person.connection.value}")
        words = say("people.role", role=say(f"role.{person.role.value}"), connection=connection)
        role = ElidedLabel("personRole", "secondary")
        role.setText(words)
        self._dot.set_state(mark_of_connection(person.connection), connection)
        self.setAccessibleName(f"{name.text()}, {words}")
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(name)
        column.addWidget(role)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, SPACE_1, 0, SPACE_1)
        row.setSpacing(SPACE_2)
        row.addWidget(self._dot)
        row.addLayout(column, 1)


class PeopleList(QWidget):
    """One row a person; made anew when anything about them changed."""

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self._kit = kit
        self._view: SessionView | None = None
        self.setObjectName("peopleList")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        kit.translator.changed.connect(self._build)

    def take(self, view: SessionView) -> None:
        """Show the people of a session."""
        old, self._view = self._view, view
        if old is None or (old.participants, old.you) != (view.participants, view.you):
            self._build()

    def _build(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        if self._view is None:
            return
        people = sorted(self._view.participants, key=lambda person: person.id == self._view_you())
        for person in people:
            self._column.addWidget(_PersonRow(self._kit, person, you=person.id == self._view_you()))

    def _view_you(self) -> str:
        return self._view.you if self._view is not None else ""
