"""TLS trust: the system's certificates, or exactly the one certificate that the rep accepted for a relay."""

import asyncio
import hashlib
import hmac
import re
import ssl

import truststore
from typing_extensions import override

from support_manager.errors import AppCode, CertificateProblem, RelayUnavailable
from support_manager.relay_client.address import host_and_port

_PROBE_S = 10.0
_FINGERPRINT = re.compile(r"^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$")


def fingerprint_of(certificate: bytes) -> str:
    """The SHA-256 of a DER certificate as browsers and `openssl x509 -fingerprint` show it: `AB:CD:…`."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


def is_fingerprint(text: str) -> bool:
    """Say whether `text` has the form that `fingerprint_of` gives."""
    return _FINGERPRINT.match(text) is not None


def context_for(pin: str | None) -> ssl.SSLContext:
    """The TLS context for one relay.

    Args:
        pin: the fingerprint accepted for it. With one, that certificate and no other is trusted, whoever signed it:
            neither names nor dates nor signers matter any more, the key behind that very certificate does.
    """
    if pin is None:
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _pinned_context(pin)


def _pinned_context(pin: str) -> ssl.SSLContext:
    class PinnedObject(ssl.SSLObject):
        """Ends the handshake unless the peer's certificate is the accepted one, before any byte of ours is sent."""

        @override
        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert(binary_form=True)
            seen = "" if certificate is None else fingerprint_of(certificate)
            if not hmac.compare_digest(seen, pin):
                raise ssl.SSLCertVerificationError("the certificate is not the accepted one")

    class NoSocket(ssl.SSLSocket):
        """Only asyncio uses this context, through `wrap_bio`; a plain socket would not be checked, so there is none."""

        @override
        def do_handshake(self, block: bool = False) -> None:
            raise ssl.SSLCertVerificationError("this context is for asyncio only")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # replaced by the stricter check of PinnedObject
    context.sslobject_class = PinnedObject
    context.sslsocket_class = NoSocket
    return context


async def seen_fingerprint(origin: str) -> str:
    """Ask the relay for its certificate, send nothing, and return its fingerprint for the rep to compare.

    Raises:
        RelayUnavailable: `relay_unreachable` when no handshake comes about.
    """
    host, port = host_and_port(origin)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # looking, not trusting: the connection is closed at once
    try:
        async with asyncio.timeout(_PROBE_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, TimeoutError) as error:
        raise RelayUnavailable(AppCode.RELAY_UNREACHABLE, host=host) from error
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return fingerprint_of(certificate)


async def certificate_problem(origin: str, pin: str | None) -> CertificateProblem:
    """What to tell the rep after TLS failed on trust: never seen before, or another one than he accepted."""
    host, _ = host_and_port(origin)
    code = AppCode.CERTIFICATE_UNKNOWN if pin is None else AppCode.CERTIFICATE_CHANGED
    return CertificateProblem(code, host=host, fingerprint=await seen_fingerprint(origin))
