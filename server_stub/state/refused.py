"""The one exception by which a rule says no."""

from support_manager.protocol.codes import ErrorCode


class Refused(Exception):  # noqa: N818 - it is no error: the program works as it should
    """A request is refused; `code` is what the sender is told."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.value)
        self.code = code
