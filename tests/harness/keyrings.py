"""A keyring in memory: works like a real one and lives as long as the test."""

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class MemoryRing(KeyringBackend):
    """Keeps everything, refuses nothing."""

    priority = 9  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError
