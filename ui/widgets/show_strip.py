"""The strip that says that this rep shows his screen, with Pause and Stop: in sight in every tab while he does."""

from PySide6.QtWidgets import QFrame, QHBoxLayout

from support_manager.events import OwnShow
from support_manager.protocol.activities import Source
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_2, SPACE_3, Desk, bind, button
from ui.widgets.plain import isolated, one_line

_TITLE_CHARS = 40


def words(kit: Desk, show: OwnShow, names: str, notice: str = "") -> str:
    """What is said about the own share.

    Args:
        kit: gives the words.
        show: what is shown.
        names: who may see it, fit to stand in a sentence; empty for nobody yet.
        notice: a key of the area `show` that says why it is held; empty where the rep himself held it.
    """
    t = kit.translator.t
    what = t("show", "what.screen")
    if show.kind is not Source.SCREEN:
        title = one_line(show.title, _TITLE_CHARS)
        what = t("show", "what.window", title=isolated(title)) if title else t("show", "what.untitled")
    if show.paused:
        return t("show", notice or "strip.paused", what=what)
    if show.hidden:
        return t("show", "strip.hidden", what=what)
    return t("show", "strip.to", what=what, names=names) if names else t("show", "strip.nobody", what=what)


class ShowStrip(QFrame):
    """One line in the live colour; gone while nothing is shown.

    Args:
        kit: what every widget is handed, and the commands.
    """

    def __init__(self, kit: Desk) -> None:
        super().__init__()
        self._kit = kit
        self.setObjectName("showStrip")
        self.setProperty("kind", "live")
        self.words = ElidedLabel("showStripWords", "strong")
        self.pause, self.stop = button("showStripPause"), button("showStripStop")
        bind(self.pause, kit.actions.pause_show, icon=False)
        bind(self.stop, kit.actions.stop_show, icon=False)
        self.erase = button("showStripErase")
        self.erase.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE_3, SPACE_2, SPACE_3, SPACE_2)
        row.setSpacing(SPACE_2)
        row.addWidget(self.words, 1)
        row.addWidget(self.erase)
        row.addWidget(self.pause)
        row.addWidget(self.stop)
        self.hide()

    def tell(self, text: str, *, paused: bool = False) -> None:
        """Say this, or be gone with nothing; the first button goes on with what is held."""
        go_on = self._kit.translator.t("show", "strip.go_on")
        wanted = go_on if paused else self._kit.actions.pause_show.iconText()
        if self.pause.text() != wanted:
            self.pause.setText(wanted)
            self.pause.setAccessibleName(wanted)
        if text and text != self.words.text():
            self.words.setText(text)
            self.setAccessibleName(text)
        self.setVisible(bool(text))
