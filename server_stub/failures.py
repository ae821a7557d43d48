"""What an operator reads when the relay cannot go on: one sentence that says what to do."""


class OperatorError(Exception):
    """The relay or a command cannot do what was asked; the text is whole and meant for the operator's eyes."""

    def __init__(self, sentence: str, *, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.exit_code = exit_code
