"""A real mail server as a process of its own: takes messages, asks for a password, refuses, hangs."""

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
USER, PASSWORD = "relay", "mail secret"


class MailServerProcess:
    """`python -m tests.harness.smtp` on a free port of localhost.

    Args:
        tls: `none`, `starttls` or `tls`.
        authority: whose certificate it shows.
        login: whether it wants `USER` with `PASSWORD`.
        refuse: whether it refuses every recipient.
        hang: whether it takes a connection and never says a word.
    """

    def __init__(
        self,
        *,
        tls: str = "none",
        authority: "Authority | None" = None,
        login: bool = False,
        refuse: bool = False,
        hang: bool = False,
    ) -> None:
        self._command = [sys.executable, "-m", "tests.harness.smtp", "--tls", tls]
        if authority is not None:
            self._command += ["--cert", str(authority.certificate), "--key", str(authority.key)]
        self._command += [
            word for word, wanted in (("--login", login), ("--refuse", refuse), ("--hang", hang)) if wanted
        ]
        self._told: list[dict[str, Any]] = []
        self.port = 0

    @property
    def messages(self) -> list[EmailMessage]:
        """What it has taken so far; the envelope's addresses stand in `X-Envelope-From` and `X-Envelope-To`."""
        found = []
        for told in self._told:
            message = message_from_bytes(told["content"].encode("latin-1"), policy=default)
            assert isinstance(message, EmailMessage)
            message["X-Envelope-From"], message["X-Envelope-To"] = told["sender"], ",".join(told["recipients"])
            found.append(message)
        return found

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the mail server did not start")
        self.port = json.loads(line)["port"]
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told.append(json.loads(line))

    def wait(self, count: int, timeout_s: float = 10.0) -> list[EmailMessage]:
        """Wait for so many messages."""
        deadline = time.monotonic() + timeout_s
        while len(self._told) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self._told)} messages instead of {count}")
            time.sleep(0.02)
        return self.messages

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Authority:
    """A certificate authority of a test's own with one certificate for `localhost`.

    Args:
        folder: where the files go.
    """

    def __init__(self, folder: Path) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        folder.mkdir(parents=True, exist_ok=True)
        self.root, self.certificate, self.key = (folder / f"{name}.pem" for name in ("root", "certificate", "key"))
        now = datetime.now(UTC)

        def certify(name: str, key: Any, by: Any, by_name: str, *extensions: tuple[Any, bool]) -> x509.Certificate:
            builder = (
                x509.CertificateBuilder()
                .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
                .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, by_name)]))
                .public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(minutes=5))
                .not_valid_after(now + timedelta(days=1))
            )
            for extension, critical in extensions:
                builder = builder.add_extension(extension, critical)
            return builder.sign(by, hashes.SHA256())

        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root_id = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        root = certify(
            *("Test root", root_key, root_key, "Test root"),
            *((x509.BasicConstraints(True, None), True), (root_id, False), (usage, True)),
        )
        leaf = certify(
            *("localhost", key, root_key, "Test root"),
            (x509.SubjectAlternativeName([x509.DNSName("localhost")]), False),
            (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_id), False),
        )
        self.root.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        self.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


async def _main() -> None:
    from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", choices=("none", "starttls", "tls"))
    parser.add_argument("--cert")
    parser.add_argument("--key")
    for word in ("login", "refuse", "hang"):
        parser.add_argument(f"--{word}", action="store_true")
    asked = parser.parse_args()
    context = None
    if asked.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(asked.cert, asked.key)

    def say(told: dict[str, Any]) -> None:
        print(json.dumps(told), flush=True)

    class Handler:
        async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 - the library's name
            if asked.refuse:
                return "550 5.1.1 No such person here: <b>try</b> another"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
            content = envelope.content.decode("latin-1")
            say({"sender": envelope.mail_from, "recipients": envelope.rcpt_tos, "content": content})
            return "250 Taken"

    def authenticator(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    def protocol() -> asyncio.BaseProtocol:
        if asked.hang:
            return asyncio.Protocol()
        return SMTP(
            Handler(),
            hostname="mail.test",
            tls_context=context if asked.tls == "starttls" else None,
            require_starttls=asked.tls == "starttls",
            authenticator=authenticator if asked.login else None,
            auth_required=asked.login,
            auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if asked.tls == "tls" else None
    )
    # Not "localhost", which may be two addresses, and one of them nobody's where a network has no IPv6.
    say({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
