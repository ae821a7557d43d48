"""The row of drawing tools over a shared picture: what to draw with, undo, clear, and the end of it."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QToolButton, QWidget

from ui.i18n import Translator
from ui.theme import Theme
from ui.widgets.kit import ICON, ROW, SPACE_1, SPACE_2, icon_button, name_it
from ui.widgets.pencil import Pencil, Tool

_ICONS = {
    Tool.POINTER: "mouse-pointer-2",
    Tool.PEN: "pencil",
    Tool.ARROW: "move-up-right",
    Tool.BOX: "square",
}
_COLOURS = 4


class DrawingTools(QFrame):
    """A small bar of icon buttons.

    Args:
        translator: gives the words (area `draw`).
        theme: gives icons and colours.
        pencil: whose colour is chosen here.
        parent: the owner.

    Signals:
        tool_chosen: another tool; the argument is a `Tool`.
        undo_wanted, clear_wanted, done_wanted.
    """

    tool_chosen = Signal(object)
    undo_wanted = Signal()
    clear_wanted = Signal()
    done_wanted = Signal()

    def __init__(self, translator: Translator, theme: Theme, pencil: Pencil, parent: QWidget) -> None:
        super().__init__(parent)
        self._translator, self._theme, self._pencil = translator, theme, pencil
        self.setObjectName("drawingTools")
        self.setProperty("kind", "bar")
        self.setFixedHeight(ROW + SPACE_1)
        self.setAutoFillBackground(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE_1, 0, SPACE_1, 0)
        row.setSpacing(2)
        self._group = QButtonGroup(self)
        self._tools: dict[Tool, QToolButton] = {}
        for tool in Tool:
            made = self._tools[tool] = icon_button(f"draw_{tool.value}")
            made.setCheckable(True)
            made.setChecked(tool is pencil.tool)
            made.clicked.connect(lambda _=False, tool=tool: self.tool_chosen.emit(tool))
            self._group.addButton(made)
            row.addWidget(made)
        self._colour = icon_button("draw_colour")
        self._colour.clicked.connect(self._next_colour)
        self._undo, self._clear, self._done = (icon_button(f"draw_{name}") for name in ("undo", "clear", "done"))
        self._undo.clicked.connect(self.undo_wanted)
        self._clear.clicked.connect(self.clear_wanted)
        self._done.clicked.connect(self.done_wanted)
        parts: tuple[QWidget, ...] = (
            *(self._colour, self._line(), self._undo, self._clear),
            *(self._line(), self._done),
        )
        for part in parts:
            row.addWidget(part)
        theme.changed.connect(self._draw_icons)
        translator.changed.connect(self.retranslate)
        self._draw_icons()
        self.retranslate()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        say = self._translator.t
        self.setAccessibleName(say("draw", "tools"))
        for tool, made in self._tools.items():
            name_it(made, say("draw", f"tool.{tool.value}"))
        name_it(self._colour, say("draw", "colour", number=self._pencil.colour + 1))
        name_it(self._undo, say("draw", "undo"))
        name_it(self._clear, say("draw", "clear"))
        name_it(self._done, say("draw", "done"))

    def _next_colour(self) -> None:
        self._pencil.colour = (self._pencil.colour + 1) % _COLOURS
        self._draw_icons()
        self.retranslate()

    def _draw_icons(self) -> None:
        for tool, made in self._tools.items():
            made.setIcon(self._theme.icon(_ICONS[tool]))
        self._undo.setIcon(self._theme.icon("undo-2"))
        self._clear.setIcon(self._theme.icon("eraser"))
        self._done.setIcon(self._theme.icon("x"))
        swatch = QPixmap(ICON)
        swatch.fill(self._theme.draw_color(self._pencil.colour))
        self._colour.setIcon(QIcon(swatch))

    @staticmethod
    def _line() -> QFrame:
        made = QFrame()
        made.setProperty("kind", "divider")
        made.setFixedSize(1, ROW - SPACE_2)
        return made
