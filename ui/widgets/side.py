"""A side of the window that folds away to a narrow strip, from which it comes back."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QStackedLayout, QVBoxLayout, QWidget

from ui.areas import focused_in
from ui.widgets.kit import ROW, SPACE_1, SPACE_2, SPACE_3, Kit, icon_button, label, name_it

FOLDED = 40
"""The width of the strip that stays, in px."""


class Side(QFrame):
    """A heading with a fold button over some content.

    Args:
        kit: what every widget gets.
        name: object name; `NAMEFold` and `NAMEUnfold` are the buttons.
        title_key: of the heading.
        icon: of both buttons.
        content: what folds away.
        least: narrowest width of the unfolded side, in px.
        parent: as of every widget.
    """

    folded_changed = Signal(bool)

    def __init__(
        self,
        kit: Kit,
        name: str,
        title_key: str,
        icon: str,
        content: QWidget,
        least: int,
        parent: QWidget | None = None,
    ) -> None:
        # From the outermost part to the innermost: a tree that comes under another part is dressed anew, all of it.
        super().__init__(parent)
        self._kit = kit
        self._title_key = title_key
        self._least = least
        self._icon, self._news_key, self._news = icon, "", 0
        self.setObjectName(name)
        self.setProperty("kind", "panel")
        self._title: QLabel = label(f"{name}Title", "caption")
        self._fold = icon_button(f"{name}Fold")
        self._unfold = icon_button(f"{name}Unfold")
        for made in (self._fold, self._unfold):
            made.setIcon(kit.theme.icon(icon, "text-muted"))
        self._fold.clicked.connect(lambda: self.set_folded(True))
        self._unfold.clicked.connect(lambda: self.set_folded(False))

        self._pages = QStackedLayout(self)
        self._pages.setContentsMargins(0, 0, 0, 0)
        open_page = QWidget(self)
        top = QWidget(open_page)
        heading = QHBoxLayout(top)
        heading.setContentsMargins(SPACE_3, 0, SPACE_2, 0)
        heading.addWidget(self._title, 1)
        heading.addWidget(self._fold)
        top.setFixedHeight(ROW + SPACE_2)
        column = QVBoxLayout(open_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(top)
        column.addWidget(content, 1)
        strip = QWidget(self)
        strip_column = QVBoxLayout(strip)
        strip_column.setContentsMargins(SPACE_1 + 2, SPACE_1 + 2, SPACE_1 + 2, SPACE_1)
        strip_column.addWidget(self._unfold)
        strip_column.addStretch(1)
        self._pages.addWidget(open_page)
        self._pages.addWidget(strip)
        self._apply(False)
        kit.on_words(self.retranslate)

    @property
    def folded(self) -> bool:
        """Whether only the strip is shown."""
        return self._pages.currentIndex() == 1

    def set_folded(self, folded: bool) -> None:
        """Fold or unfold; says so when that changed anything."""
        if folded == self.folded:
            return
        focused = focused_in(self)
        had_focus = focused is not None and self.isAncestorOf(focused)
        self._apply(folded)
        if had_focus:
            self.take_focus()
        self.folded_changed.emit(folded)

    def take_focus(self) -> None:
        """Put the focus on the button that is there now."""
        (self._unfold if self.folded else self._fold).setFocus()

    def set_news(self, news_key: str, news: int) -> None:
        """Say on the button of the folded side what waits inside: words, and how many; none: nothing waits."""
        if (news_key, news) != (self._news_key, self._news):
            self._news_key, self._news = news_key, news
            self._unfold.setIcon(self._kit.theme.icon(self._icon, "accent" if news else "text-muted"))
            self.retranslate()

    def set_title_key(self, title_key: str) -> None:
        """Give the side another heading."""
        if title_key != self._title_key:
            self._title_key = title_key
            self.retranslate()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        title = self._kit.say(self._title_key)
        self._title.setText(title)
        name_it(self._fold, self._kit.say("side.fold", title=title))
        unfold = self._kit.say("side.unfold", title=title)
        name_it(self._unfold, f"{unfold} ({self._kit.say(self._news_key, count=self._news)})" if self._news else unfold)

    def _apply(self, folded: bool) -> None:
        self._pages.setCurrentIndex(1 if folded else 0)
        self.setMinimumWidth(FOLDED if folded else self._least)
        self.setMaximumWidth(FOLDED if folded else 16_777_215)
