"""The bar under a shared screen: that it is shared and since when, its figures on demand, and the view's commands."""

import time

from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QWidget
from typing_extensions import override

from support_manager.events import Picture, PictureStats
from support_manager.protocol.activities import Source
from ui.models.sessions import SessionEntry, Stage
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import ROW, SPACE_1, SPACE_2, SPACE_3, Desk, bind, button, icon_button, label, set_kind
from ui.widgets.number_label import tabular
from ui.widgets.share_overlay import figure_words
from ui.widgets.state_dot import StateDot, mark_of

_TOOLS = ("zoom_out", "zoom_in", "view_fit", "view_actual", "screenshot", "save_screenshot", "full_screen")
_SOURCES = {
    Source.SCREEN: "source.screen",
    Source.WINDOW: "source.window",
    Source.TAB: "source.tab",
}
_SPARE = ("save_screenshot", "zoom_out", "zoom_in", "view_actual")
"""What goes first where the bar is narrow, after the word «Stop viewing»."""


class ViewBar(QFrame):
    """Its width decides nothing: figures and words give way first, the commands stay."""

    def __init__(self, kit: Desk) -> None:
        super().__init__()
        self._kit = kit
        self._entry: SessionEntry | None = None
        self._figures_text = ""
        self.setObjectName("viewBar")
        self.setProperty("kind", "status")
        self.setFixedHeight(ROW + SPACE_2)
        self._dot = StateDot(kit, "viewDot")
        self._words = label("viewWords", "live")
        self._words.setFont(tabular(self._words.font()))
        self._figures = ElidedLabel("viewFigures", "secondary")
        self._figures.setFont(tabular(self._figures.font()))
        self._figures.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE_3, 0, SPACE_2, 0)
        row.setSpacing(SPACE_1)
        row.addWidget(self._dot)
        row.addWidget(self._words)
        row.addSpacing(SPACE_2)
        row.addWidget(self._figures, 1)
        point = icon_button("view_point")
        bind(point, kit.actions.point)
        row.addWidget(point)
        self._show_figures = icon_button("viewShowFigures")
        bind(self._show_figures, kit.actions.show_figures)
        row.addWidget(self._show_figures)
        tools: dict[str, QToolButton] = {}
        for name in _TOOLS:
            tools[name] = icon_button(f"view_{name}")
            bind(tools[name], kit.actions[name])
            row.addWidget(tools[name])
        row.addSpacing(SPACE_1)
        stop, stop_icon = button("viewStop", "quiet"), icon_button("viewStopIcon")
        self._stop, self._stop_icon = stop, stop_icon
        for made in (stop, stop_icon):
            bind(made, kit.actions.stop_view)
            row.addWidget(made)
        self._spare = [tools[name] for name in _SPARE]
        self._clock = QTimer(self, interval=1_000)
        self._clock.timeout.connect(self._tick)
        kit.actions.show_figures.toggled.connect(self._tick)
        kit.on_words(self._tick)

    def take(self, entry: SessionEntry) -> None:
        """Show the state of this session's view."""
        self._entry = entry
        if entry.snapshot.picture is Picture.NONE:
            self._clock.stop()
        elif not self._clock.isActive():
            self._clock.start()
        self._tick()

    def _fit(self) -> None:
        """Leave out what there is no room for; every command is in the menu Session too.

        Figures that were asked for come before the spare commands; half a figure is worse than none.
        """
        wanted = self._figures.fontMetrics().horizontalAdvance(self._figures_text)
        shown = wanted > 0 and self._leave_out(wanted)
        if not shown:
            self._leave_out(0)
        self._figures.setText(self._figures_text if shown else "")

    def _leave_out(self, figures_px: int) -> bool:
        """Hide one command after the other until the rest fits; whether it does."""
        parts: list[QWidget] = [self._stop, *self._spare]
        for part in parts:
            part.show()
        self._stop_icon.hide()
        self._figures.setMinimumWidth(figures_px)
        layout = self.layout()
        for part in parts:
            if layout is None or layout.minimumSize().width() <= self.width():
                return True
            part.hide()
            if part is self._stop:
                self._stop_icon.show()
        return layout is None or layout.minimumSize().width() <= self.width()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _tick(self) -> None:
        entry = self._entry
        if entry is None:
            return
        say = self._kit.say
        key = {
            Stage.CONNECTING: "view.connecting",
            Stage.PAUSED: "view.paused",
            Stage.PICTURE_LOST: "view.lost",
        }.get(entry.stage)
        words = say(key) if key is not None else self._sharing(entry)
        if entry.snapshot.picture is Picture.TOO_LARGE:
            words = self._kit.translator.t("view", "view.too_large.short")
        before = len(self._words.text()), len(self._figures_text)
        self._words.setText(words)
        kinds = {Stage.SHARING: "live", Stage.PICTURE_LOST: "warning"}
        set_kind(self._words, "kind", kinds.get(entry.stage, "muted"))
        self._dot.set_state(mark_of(entry), words)
        shown = self._kit.actions.show_figures.isChecked() and entry.figures is not None
        self._figures_text = self._figures_of(entry.figures) if shown and entry.figures is not None else ""
        if before != (len(words), len(self._figures_text)):
            self._fit()
        elif self._figures.text():
            self._figures.setText(self._figures_text)

    def _sharing(self, entry: SessionEntry) -> str:
        """What is shared, in the words of the customer's own picker, and since when."""
        share, since = entry.snapshot.share, self._since(entry)
        key = _SOURCES.get(share.source) if share is not None and share.source is not None else None
        return (
            self._kit.say("view.sharing", time=since)
            if key is None
            else self._kit.translator.t("show", key, time=since)
        )

    def _figures_of(self, stats: PictureStats) -> str:
        return figure_words(self._kit.translator, stats)

    @staticmethod
    def _since(entry: SessionEntry) -> str:
        share = entry.snapshot.share
        seconds = max(0, int(time.time() - share.changed_at / 1000)) if share is not None and share.changed_at else 0
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes:02}:{seconds % 60:02}"
