"""The refresh token in the system's keyring: asked in a thread, at most 5 s, and never kept anywhere else."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import structlog

from support_manager.errors import AppCode, LocalProblem

T = TypeVar("T")
log = structlog.get_logger(__name__)

TIMEOUT_S = 5.0
ALLOWED_BACKENDS = frozenset(
    {
        "keyring.backends.SecretService.Keyring",
        "keyring.backends.libsecret.Keyring",
        "keyring.backends.kwallet.DBusKeyring",
        "keyring.backends.kwallet.DBusKeyringKWallet4",
        "keyring.backends.macOS.Keyring",
        "keyring.backends.Windows.WinVaultKeyring",
    }
)
"""Those that keep a secret secret. Plain files, `null`, `fail` and whatever a plug-in brings are not among them."""


class CredentialStore:
    """Keeps one secret per relay and account.

    Args:
        service: the name under which entries stand in the keyring; another one for each profile.
        allowed: full names of the back-end classes that may be used.
        timeout_s: how long the keyring may take. A locked one asks the user and blocks for as long as he looks at it.
    """

    def __init__(
        self,
        service: str = "support-manager",
        *,
        allowed: frozenset[str] = ALLOWED_BACKENDS,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._service = service
        self._allowed = allowed
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._stuck: threading.Thread | None = None

    async def load(self, origin: str, account: str) -> str | None:
        """The secret kept for that account, or None.

        Raises:
            LocalProblem: `keyring_unavailable`.
        """
        return await self._ask(lambda ring: ring.get_password(self._service, _entry(origin, account)))

    async def save(self, origin: str, account: str, secret: str) -> None:
        """Keep a secret, in place of an older one. Raises as `load` does."""
        await self._ask(lambda ring: ring.set_password(self._service, _entry(origin, account), secret))

    async def forget(self, origin: str, account: str) -> None:
        """Remove the secret, if there is one. Raises as `load` does."""
        entry = _entry(origin, account)

        def remove(ring: Any) -> None:  # noqa: ANN401 - keyring has no types
            if ring.get_password(self._service, entry) is not None:
                ring.delete_password(self._service, entry)

        await self._ask(remove)

    async def _ask(self, act: Callable[[Any], T]) -> T:
        async with self._turn:
            if self._stuck is not None and self._stuck.is_alive():
                raise LocalProblem(AppCode.KEYRING_UNAVAILABLE, reason="no answer")
            return await self._in_thread(lambda: act(self._backend()))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Run `work` in a daemon thread: one that hangs in a keyring must not keep the app from ending."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(value: Any, error: BaseException | None) -> None:  # noqa: ANN401 - of whatever type T is
            if not done.done():
                if error is None:
                    done.set_result(value)
                else:
                    done.set_exception(error)

        def run() -> None:
            value: Any = None
            error: BaseException | None = None
            try:
                value = work()
            except Exception as problem:  # noqa: BLE001 - a back end raises what it likes
                error = problem
            try:
                loop.call_soon_threadsafe(settle, value, error)
            except RuntimeError:
                log.info("the keyring answered after the end")

        thread = threading.Thread(target=run, name="keyring", daemon=True)
        thread.start()
        try:
            return await asyncio.wait_for(done, self._timeout_s)
        except TimeoutError:
            self._stuck = thread
            raise LocalProblem(AppCode.KEYRING_UNAVAILABLE, reason="no answer") from None
        except LocalProblem:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            log.warning("keyring failed", error=type(error).__name__)
            raise LocalProblem(AppCode.KEYRING_UNAVAILABLE, reason=type(error).__name__) from None

    def _backend(self) -> Any:  # noqa: ANN401 - keyring has no types
        """The best back end that is allowed; the chainer is taken apart, since it would try the others too."""
        import keyring
        from keyring.backends import chainer

        chosen = keyring.get_keyring()
        candidates = list(chosen.backends) if isinstance(chosen, chainer.ChainerBackend) else [chosen]
        for candidate in sorted(candidates, key=lambda each: -float(each.priority)):
            name = f"{type(candidate).__module__}.{type(candidate).__qualname__}"
            if name in self._allowed:
                return candidate
        raise LocalProblem(AppCode.KEYRING_UNAVAILABLE, reason="none")


def _entry(origin: str, account: str) -> str:
    return f"{account} {origin}"
