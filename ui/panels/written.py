"""What was written about a session for its reps to read: the customer's entry form, a colleague's words with it."""

from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from support_manager.protocol.views import Handover, Intake
from ui.widgets.kit import SPACE_1, SPACE_2, Kit, label
from ui.widgets.plain import isolated, one_line, without_overrides


class Written(QWidget):
    """The words under their headings; nothing where nothing was written.

    Args:
        kit: what every widget is handed.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self._kit = kit
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACE_2)
        self._intake = self._pair("intake")
        self._handovers = [self._pair("handover")]

    def _pair(self, name: str) -> "_Pair":
        made = _Pair(name)
        self._column.addWidget(made)
        return made

    def take(self, intake: Intake | None, handovers: Sequence[Handover]) -> None:
        """Show what the customer wrote on the form and what colleagues wrote with it, in the present language."""
        say = self._kit.say
        if intake is None:
            self._intake.show_words("", "")
        else:
            said = (without_overrides(intake.problem), one_line(intake.email, 254))
            title = say("side.intake", queue=isolated(intake.queue_name))
            self._intake.show_words(title, "\n".join(words for words in said if words))
        while len(self._handovers) < len(handovers):
            self._handovers.append(self._pair("handover"))
        for at, part in enumerate(self._handovers):
            one = handovers[at] if at < len(handovers) else Handover()
            part.show_words(say("side.handover", name=isolated(one.by)), without_overrides(one.message))
        self.setVisible(any(not part.isHidden() for part in (self._intake, *self._handovers)))


class _Pair(QWidget):
    """A heading and what was written; not there without the latter."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._title = label(f"{name}Title", "caption", wrap=True)
        self._text = label(f"{name}Text", wrap=True, selectable=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_1)
        column.addWidget(self._title)
        column.addWidget(self._text)

    def show_words(self, title: str, text: str) -> None:
        self._title.setText(title)
        self._text.setText(text)
        self.setVisible(bool(text))
