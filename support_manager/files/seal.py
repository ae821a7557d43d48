"""Seals files for the other end: keys, names, and content chunk by chunk, each in its place and no other.

The scheme, which the customer's page has in `files_seal.js`:

* A *secret* of 32 bytes is shared by the two ends: chosen by the hub and told over the data channel (DTLS from end to
  end), or, where no such channel was up, agreed by ECDH over P-256 with public keys that the relay passes on. That is
  weaker, for a relay that cheats could sit in between, and is marked so on both screens.
* HKDF-SHA256 (RFC 5869) makes a key of it for each transfer, with the transfer's id as salt, and another for its name.
* Content, followed by its SHA-256, is cut into chunks of `FILE_CHUNK_BYTES`; each is sealed with AES-256-GCM. Nonce
  and associated data carry the transfer's id, the chunk's number and whether it is the last (the STREAM construction,
  Hoang, Reyhanitabar, Rogaway, Vizár 2015): a chunk that is swapped, repeated, cut off or of another transfer fails.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec

from support_manager.protocol import limits

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# `cryptography` is imported where it is needed, for the window is to be there before it.

CHUNK = limits.FILE_CHUNK_BYTES
SEALED_CHUNK = CHUNK + limits.FILE_TAG_BYTES
_CONTENT = b"support-manager file content 1"
_NAME = b"support-manager file name 1"
_AGREED = b"support-manager file secret 1"


class SealError(Exception):
    """What came was not sealed by the other end for this place: changed, swapped, repeated, or of something else."""


class Meta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What only the two ends read of a file before it is there."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.FILE_NAME_CHARS)]
    type: Annotated[str, msgspec.Meta(max_length=100)] = ""


class Secret(NamedTuple):
    """A secret that the two ends share."""

    value: bytes
    weak: bool
    """Agreed over the relay, and so no better than the relay is honest."""

    @property
    def key_id(self) -> str:
        """By which the other end knows which secret is meant; it gives nothing away."""
        digest = hashlib.sha256(b"support-manager key id" + self.value).hexdigest()
        return ("e" if self.weak else "c") + digest[:24]


def to_text(raw: bytes) -> str:
    """Bytes in URL-safe base 64 without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_text(text: str) -> bytes:
    """The reverse of `to_text`.

    Raises:
        SealError: it is none.
    """
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise SealError("not base 64") from None


class KeyPair:
    """This app's key for agreeing over the relay; made anew at each start, the secrets made of it are kept."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._private = ec.generate_private_key(ec.SECP256R1())
        point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public = to_text(point)

    def agree(self, other: str) -> Secret:
        """The secret that this and the other end's public key make.

        Raises:
            SealError: the other key is no point of the curve.
        """
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_text(other))
        except ValueError:
            raise SealError("not a public key") from None
        shared = self._private.exchange(ec.ECDH(), theirs)
        salt = b"".join(sorted((from_text(self.public), from_text(other))))
        return Secret(_derive(shared, salt, _AGREED), weak=True)


def _derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(secret)


def _cipher(secret: bytes, transfer: bytes, info: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(_derive(secret, transfer, info))


def _open(key: "AESGCM", nonce: bytes, sealed: bytes | memoryview, data: bytes, what: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return key.decrypt(nonce, sealed, data)
    except InvalidTag:
        raise SealError(what) from None


def seal_meta(secret: Secret, transfer: str, meta: Meta) -> str:
    """A file's name and type for the other end."""
    key = _cipher(secret.value, transfer.encode(), _NAME)
    # One message under this key, so the nonce may be fixed.
    return to_text(key.encrypt(bytes(12), msgspec.json.encode(meta), transfer.encode()))


def open_meta(secret: Secret, transfer: str, sealed: str) -> Meta:
    """The reverse.

    Raises:
        SealError: sealed by somebody else, or not of our making.
    """
    key = _cipher(secret.value, transfer.encode(), _NAME)
    try:
        plain = _open(key, bytes(12), from_text(sealed), transfer.encode(), "name not for us")
        return msgspec.json.decode(plain, type=Meta)
    except (ValueError, msgspec.MsgspecError, UnicodeError):
        raise SealError("name not for us") from None


class ContentSeal:
    """Seals and opens the chunks of one transfer.

    Args:
        secret: shared by the two ends.
        transfer: its id.
        size: of the content, in bytes.
    """

    def __init__(self, secret: Secret, transfer: str, size: int) -> None:
        self._key = _cipher(secret.value, transfer.encode(), _CONTENT)
        self._transfer = transfer.encode()
        self.plain = size + limits.FILE_HASH_BYTES
        self.chunks = -(-self.plain // CHUNK)
        self.length = self.plain + self.chunks * limits.FILE_TAG_BYTES

    def _place(self, index: int) -> tuple[bytes, bytes]:
        last = index == self.chunks - 1
        nonce = index.to_bytes(11, "big") + bytes([last])
        return nonce, self._transfer + nonce

    def plain_size(self, index: int) -> int:
        """Plain bytes of a chunk."""
        return min(CHUNK, self.plain - index * CHUNK)

    def seal(self, index: int, chunk: bytes | memoryview) -> bytes:
        """One chunk, sealed."""
        nonce, data = self._place(index)
        return self._key.encrypt(nonce, chunk, data)

    def open(self, index: int, sealed: bytes | memoryview) -> bytes:
        """The reverse.

        Raises:
            SealError: it is not that chunk of that transfer, as the other end sealed it.
        """
        if len(sealed) != self.plain_size(index) + limits.FILE_TAG_BYTES:
            raise SealError("a chunk of another length")
        nonce, data = self._place(index)
        return _open(self._key, nonce, sealed, data, "a chunk that is not what was sent")
