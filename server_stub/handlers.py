"""The edge of the relay: decode, authorise, change the state, journal, acknowledge."""

from aiohttp import web

from server_stub.ports import AccountsPort, Clock, RandomBytes, RelaySettings, SystemClock, random_bytes
from server_stub.store.database import Database


class Relay:
    """The relay's core: sessions, their members and what flows between them.

    Args:
        database: open and up to date.
        settings: what the operator decided.
        accounts: who a rep is.
        clock: wall and monotonic time.
        random: unpredictable bytes.
    """

    def __init__(
        self,
        *,
        database: Database,
        settings: RelaySettings,
        accounts: AccountsPort,
        clock: Clock | None = None,
        random: RandomBytes = random_bytes,
    ) -> None:
        self._database = database
        self._settings = settings
        self._accounts = accounts
        self._clock = clock or SystemClock()
        self._random = random

    async def start(self) -> None:
        """Rebuild the live sessions from the journal; before `attach`ed requests arrive."""

    def attach(self, app: web.Application) -> None:
        """Serve Socket.IO under `/socket.io/` of `app`."""

    async def stop(self) -> None:
        """Tell every client `relay_stopping`, flush the journal, close the sockets."""

    def figures(self) -> tuple[int, int]:
        """Live sessions and participants, for `/health`."""
        return 0, 0
