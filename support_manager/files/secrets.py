"""The secrets that this app shares with its customers: its own key, what it chose for each, and who was told of it."""

import asyncio
import contextlib
import secrets
from functools import cached_property

from support_manager.files.book import FileBook
from support_manager.files.seal import KeyPair, Secret, from_text, to_text
from support_manager.media.engine import PeerKey
from support_manager.protocol.views import ParticipantView


class Secrets:
    """Finds the best secret with a participant, and the one that he means.

    Args:
        book: keeps the chosen ones over a crash.
    """

    def __init__(self, book: FileBook) -> None:
        self._book = book
        self._reached: set[PeerKey] = set()
        """Whom our secret has reached over the data channel."""
        self._waited: set[PeerKey] = set()
        self._came = asyncio.Event()

    @cached_property
    def _keys(self) -> KeyPair:
        """Made with the first session, not at the start of the app."""
        return KeyPair()

    @property
    def public(self) -> str:
        """This app's public key."""
        return self._keys.public

    def chosen(self, peer: PeerKey) -> str:
        """The secret for a participant who is reached right now; chosen once for a session."""
        self._reached.add(peer)
        came, self._came = self._came, asyncio.Event()
        came.set()
        return self._book.secrets.setdefault(_key(peer), to_text(secrets.token_bytes(32)))

    async def wait(self, peer: PeerKey, seconds: float) -> None:
        """Wait until he is reached, so long at most, and only once for each."""
        if peer in self._waited or peer in self._reached:
            return
        self._waited.add(peer)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while peer not in self._reached:
                    await self._came.wait()

    def best(self, session_id: str, participant: ParticipantView) -> Secret:
        """The best secret there is with that participant.

        Raises:
            SealError: his public key is none.
        """
        peer = PeerKey(session_id, participant.id)
        if peer in self._reached:
            return Secret(from_text(self._book.secrets[_key(peer)]), weak=False)
        return self._keys.agree(participant.device.file_key)

    def called(self, session_id: str, participant: ParticipantView, key_id: str) -> Secret | None:
        """The secret that the other end means.

        Raises:
            SealError: his public key is none.
        """
        kept = self._book.secrets.get(_key(PeerKey(session_id, participant.id)))
        known = [Secret(from_text(kept), weak=False)] if kept else []
        if participant.device.file_key:
            known.append(self._keys.agree(participant.device.file_key))
        return next((secret for secret in known if secret.key_id == key_id), None)

    def keep_only(self, session_ids: set[str]) -> None:
        """Forget those of all other sessions."""
        self._reached = {peer for peer in self._reached if peer.session_id in session_ids}
        self._book.secrets = {
            key: value for key, value in self._book.secrets.items() if key.split(" ")[0] in session_ids
        }


def _key(peer: PeerKey) -> str:
    return f"{peer.session_id} {peer.participant_id}"
