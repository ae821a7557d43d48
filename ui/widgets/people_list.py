"""Who is in the session: name, role and connection, each in words; and what the controller may do about them."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget
from typing_extensions import override

from support_manager.events import SessionSnapshot
from support_manager.protocol.activities import ActivityState
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import Mode, ParticipantView
from ui.areas import focused_in
from ui.dialogs.select_customer import SelectCustomerDialog
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_1, SPACE_2, Kit, button, label
from ui.widgets.plain import one_line
from ui.widgets.state_dot import Mark, StateDot, mark_of_connection

_ORDER = (Role.PRIMARY, Role.SECONDARY, Role.WAITING, Role.CONTROLLER, Role.ASSISTANT)


class _PersonRow(QWidget):
    """One person; a customer who can be chosen is chosen by a click anywhere on the row, or by its button."""

    pressed = Signal(str)
    """The name of the button."""

    def __init__(self, kit: Kit, person: ParticipantView, *, you: bool, buttons: tuple[str, ...], over: bool) -> None:
        super().__init__()
        say = kit.say
        self.face: object = (person, buttons, over)
        """What it shows; None when it is to be made anew."""
        self._selectable = "help" in buttons
        self.setObjectName("personRow")
        self._dot = StateDot(kit, "personDot")
        name = ElidedLabel("personName", "strong" if person.role is Role.PRIMARY else "body")
        shown = one_line(person.name, 80)
        name.setText(say("people.you", name=shown) if you else shown)
        was = say(f"role.{person.role.value}")
        if over:  # nobody is connected to what has ended, and nobody asks for anything
            mark, connection, words = Mark.GONE, say("state.ended.title"), was
        else:
            mark, connection = mark_of_connection(person.connection), say(f"connection.{person.connection.value}")
            second = say("people.asks_control") if person.asks_control else connection
            words = say("people.role", role=was, connection=second)
        role = label("personRole", "secondary", wrap=True)  # that a connection is lost must not be cut off
        role.setText(words)
        self._dot.set_state(mark, connection)
        self.setAccessibleName(f"{name.text()}, {words}")
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(name)
        column.addWidget(role)
        row = QHBoxLayout()
        row.setSpacing(SPACE_2)
        row.addWidget(self._dot)
        row.addLayout(column, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, SPACE_1, 0, SPACE_1)
        outer.setSpacing(SPACE_1)
        outer.addLayout(row)
        self.buttons: dict[str, QPushButton] = {}
        for key in buttons:
            made = self.buttons[key] = button(f"person_{key}", "link" if key == "help" else "secondary")
            made.setText(say(f"people.{key}"))
            made.setAccessibleName(say(f"people.{key}.named", name=shown))
            made.clicked.connect(lambda _=False, key=key: self.pressed.emit(key))
        if self._selectable:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            row.addWidget(self.buttons["help"])
        elif self.buttons:
            answers = QHBoxLayout()
            answers.setContentsMargins(16 + SPACE_2, 0, 0, 0)
            answers.setSpacing(SPACE_1)
            for made in self.buttons.values():
                answers.addWidget(made)
            answers.addStretch(1)
            outer.addLayout(answers)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._selectable and self.rect().contains(event.position().toPoint()):
            self.pressed.emit("help")


class PeopleList(QWidget):
    """One row a person; only the rows of those about whom something changed are made anew.

    Args:
        kit: what every widget is handed.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self._kit = kit
        self._snapshot: SessionSnapshot | None = None
        self._shown: tuple[object, ...] | None = None
        self._rows: dict[str, _PersonRow] = {}
        self.setObjectName("peopleList")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # holds the focus while nobody's button may have it
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        kit.translator.changed.connect(self._build_anew)

    def take(self, snapshot: SessionSnapshot) -> None:
        """Show the people of a session."""
        self._snapshot = snapshot
        view = snapshot.view
        shown = (view.participants, view.you, view.state)
        if shown != self._shown:
            self._shown = shown
            self._build()

    def _build_anew(self) -> None:
        for row in self._rows.values():
            row.face = None
        self._build()

    def _build(self) -> None:
        snapshot = self._snapshot
        if snapshot is None:
            return
        had_focus = self._focused()
        you = snapshot.view.you
        people = sorted(
            snapshot.view.participants,
            key=lambda one: (one.id == you, _ORDER.index(one.role) if one.role in _ORDER else len(_ORDER)),
        )
        over = snapshot.view.state is SessionState.ENDED
        wanted = {person.id: (person, _buttons(snapshot, person), over) for person in people}
        for gone in [one for one, row in self._rows.items() if one not in wanted or row.face != wanted[one]]:
            old = self._rows.pop(gone)
            self._column.removeWidget(old)
            old.hide()
            old.deleteLater()
        for at, (id_, (person, buttons, _)) in enumerate(wanted.items()):
            row = self._rows.get(id_)
            if row is None:
                row = self._rows[id_] = _PersonRow(self._kit, person, you=id_ == you, buttons=buttons, over=over)
                row.pressed.connect(lambda key, person=person: self._press(key, person))
            if self._column.indexOf(row) != at:
                self._column.insertWidget(at, row)
        before: QWidget = self  # Tab goes as the eye does, whichever row was made last
        for id_ in wanted:
            for made in self._rows[id_].buttons.values():
                QWidget.setTabOrder(before, made)
                before = made
        if had_focus is not None:
            self._focus_again(*had_focus)

    def _focused(self) -> tuple[str, str] | None:
        """Whose row has the focus, and on which of its buttons."""
        focused = focused_in(self)
        for id_, row in self._rows.items():
            for key, made in row.buttons.items():
                if made is focused:
                    return id_, key
        return None

    def _focus_again(self, id_: str, key: str) -> None:
        """Keep the focus on the same button of the same person.

        Where that is gone it goes to nobody else's button: a key pressed at that moment must not let in, turn away or
        choose somebody whom the rep did not mean.
        """
        row = self._rows.get(id_)
        made = row.buttons.get(key) if row is not None else None
        if made is not None:
            made.setFocus()
        else:
            self.setFocus()

    def _press(self, key: str, person: ParticipantView) -> None:
        if self._snapshot is None:
            return
        session_id = self._snapshot.id
        if key == "help":
            self._choose(person)
            return
        act = self._kit.intents.admit(session_id, person.id, key == "admit")
        self._kit.work.run(act, name=f"{key}:{session_id}:{person.id}")

    def _choose(self, person: ParticipantView) -> None:
        """Help another customer; asked once more while something is shared, for that ends (B-5.3)."""
        snapshot = self._snapshot
        if snapshot is None:
            return
        going_on = {ActivityState.ASKED, ActivityState.RUNNING}
        if not any(one.state in going_on for one in snapshot.view.activities) and snapshot.share is None:
            self._select(person.id)
            return
        dialog = SelectCustomerDialog(self._kit, person.name, self.window())
        dialog.confirmed.connect(lambda: self._select(person.id))
        dialog.start()

    def _select(self, participant_id: str) -> None:
        if self._snapshot is not None:
            act = self._kit.intents.select_customer(self._snapshot.id, participant_id)
            self._kit.work.run(act, name=f"select:{self._snapshot.id}")


def _buttons(snapshot: SessionSnapshot, person: ParticipantView) -> tuple[str, ...]:
    """What the controller may do about a person (B-1.2, B-2.5); nobody else may do anything."""
    if not snapshot.has_control or snapshot.view.state is SessionState.ENDED:
        return ()
    if person.role is Role.SECONDARY and snapshot.view.state is SessionState.ACTIVE:
        return ("help",)
    if person.role is Role.WAITING:
        # With one customer to a session nobody but the rep's limit makes anybody wait, and room lets him in (B-6.3).
        return ("turn_away",) if snapshot.view.mode is Mode.MULTI else ("admit", "turn_away")
    return ()
