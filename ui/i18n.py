"""The translator: gives every visible sentence in the chosen language, and tells when the language changes."""

from PySide6.QtCore import QDateTime, QLocale, QObject, Signal

from resources.catalog import LANGUAGES, best_language, load, sentence


class Translator(QObject):
    """Finds sentences by area and key; widgets connect `retranslate` to `changed`.

    Args:
        language: `en`, `ro`, or empty for the system's.
        parent: the owner.
    """

    changed = Signal()

    def __init__(self, language: str = "", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._language = ""
        self._take(language)

    @property
    def language(self) -> str:
        """The language in use, never empty."""
        return self._language

    @property
    def locale(self) -> QLocale:
        """For numbers, dates and times in the language in use."""
        return QLocale(self._language)

    def time(self, at: int) -> str:
        """A time of the day as the language in use writes it, like every other time in the app.

        Args:
            at: milliseconds since 1970, UTC; shown in the computer's time zone.
        """
        return self.locale.toString(QDateTime.fromMSecsSinceEpoch(at).time(), QLocale.FormatType.ShortFormat)

    def set_language(self, language: str) -> None:
        """Switch to `language` (empty: the system's) without a restart."""
        if self._take(language):
            self.changed.emit()

    def _take(self, language: str) -> bool:
        found = best_language(language or QLocale.system().name())
        if found == self._language:
            return False
        self._language = found
        return True

    def t(self, area: str, key: str, **places: object) -> str:
        """The sentence under `key` of `area`, its places filled in.

        Raises:
            KeyError: for a key or place that does not exist; `make check` finds both before a person does.
        """
        return sentence(self._language, area, key, **places)

    def has(self, area: str, key: str) -> bool:
        """Whether there is a sentence under `key` in the source language."""
        return key in load(LANGUAGES[0], area)
