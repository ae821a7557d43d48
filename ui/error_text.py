"""Turns an error's code into a sentence and the next step, in the reader's language."""

from support_manager.errors import AppCode, SupportManagerError
from support_manager.protocol.codes import ErrorCode
from ui.i18n import Translator


class ErrorText:
    """Finds the sentences of the area `errors` by code; each says what happened and what to do now.

    Args:
        translator: gives the sentences.
    """

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def of(self, code: ErrorCode | AppCode | str, params: dict[str, str] | None = None, log_id: str = "") -> str:
        """What happened and what to do now, as plain text.

        Args:
            code: of the relay or of the app; an unknown one gives the general sentence.
            params: values for the sentence; missing ones give the general sentence, never an exception.
            log_id: by which the details are found in the log, added where it is given.
        """
        words = self._sentence(str(code), params or {}) or self._sentence(AppCode.INTERNAL_APP.value, {})
        if log_id:
            words += " " + self._translator.t("app", "error.log_id", id=log_id)
        return words

    def of_error(self, error: SupportManagerError, log_id: str = "") -> str:
        """The same for a raised error."""
        return self.of(error.code, error.params, log_id)

    def _sentence(self, key: str, params: dict[str, str]) -> str:
        if not self._translator.has("errors", key):
            return ""
        try:
            # With no place at all a sentence is not filled in, and would show its gaps.
            return self._translator.t("errors", key, **{"code": key, **params})
        except (KeyError, IndexError, ValueError, TypeError):
            # The relay chooses the parameters: a missing or odd one must not cost the rep the whole message.
            return ""
