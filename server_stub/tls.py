"""The relay's own TLS: loads certificate and key, or says in one sentence why it cannot."""

import ssl
from pathlib import Path

from server_stub.failures import OperatorError


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server's TLS context: 1.2 and newer, the interpreter's ciphers, no compression, no client certificates.

    Args:
        certificate: PEM file with the relay's certificate first and the intermediate ones after it.
        key: PEM file with its private key, without a pass phrase.

    Raises:
        OperatorError: when a file is missing, unreadable, not PEM, or the key belongs to another certificate.
    """
    for name, file in (("certificate", certificate), ("key", key)):
        try:
            with file.open("rb") as opened:
                opened.read(1)
        except FileNotFoundError:
            raise OperatorError(
                f"The {name} file {file} does not exist; give the right path with --tls-{_option(name)}."
            ) from None
        except OSError as error:
            raise OperatorError(
                f"The {name} file {file} cannot be read ({error.strerror}); let the relay's user read it."
            ) from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password callback OpenSSL would ask on the terminal and hang a service that has none.
        context.load_cert_chain(certificate, key, password=_no_pass_phrase)
    except _PassPhraseWantedError:
        raise OperatorError(
            f"The key {key} is protected by a pass phrase; store it without one, readable by the relay only."
        ) from None
    except ssl.SSLError as error:
        if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            raise OperatorError(
                f"The key {key} does not belong to the certificate {certificate}; give the pair that was made together."
            ) from None
        raise OperatorError(
            f"The certificate {certificate} or the key {key} is not what it should be: --tls-cert takes the "
            "certificate and --tls-key its key, both in PEM form."
        ) from None
    return context


class _PassPhraseWantedError(Exception):
    pass


def _no_pass_phrase() -> str:
    raise _PassPhraseWantedError


def _option(name: str) -> str:
    return "cert" if name == "certificate" else "key"
