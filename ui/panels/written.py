"""What was written about a session for its reps to read: the customer's entry form, a colleague's words with it."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from support_manager.protocol.views import SessionView
from ui.widgets.kit import SPACE_2, Kit, label
from ui.widgets.plain import isolated, one_line, without_overrides


class Written(QWidget):
    """The words under their headings; nothing where nothing was written.

    Args:
        kit: what every widget is handed.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self._kit = kit
        self._intake_title = label("intakeTitle", "caption", wrap=True)
        self._intake = label("intakeText", wrap=True, selectable=True)
        self._handover_title = label("handoverTitle", "caption", wrap=True)
        self._handover = label("handoverText", wrap=True, selectable=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_2)
        for part in (self._intake_title, self._intake, self._handover_title, self._handover):
            column.addWidget(part)

    def take(self, view: SessionView) -> None:
        """Show what the session carries, in the present language."""
        say, intake, handover = self._kit.say, view.intake, view.handover
        self.setVisible(intake is not None or handover is not None)
        for part in (self._intake_title, self._intake):
            part.setVisible(intake is not None)
        for part in (self._handover_title, self._handover):
            part.setVisible(handover is not None)
        if intake is not None:
            self._intake_title.setText(say("side.intake", queue=isolated(intake.queue_name)))
            said = (without_overrides(intake.problem), one_line(intake.email, 254))
            self._intake.setText("\n".join(words for words in said if words))
        if handover is not None:
            self._handover_title.setText(say("side.handover", name=isolated(handover.by)))
            self._handover.setText(without_overrides(handover.message))
