"""A real coturn, configured by the operator's own command, on an address of this network namespace."""

import asyncio
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.harness.netns import ADDRESS
from tests.harness.relay import ROOT

BENCH_NETWORK = "198.18.0.0/15"
"""The addresses of the tests' own networks; coturn refuses them like every private range unless told otherwise."""


class Coturn:
    """`turnserver` with the configuration that `support-relay turn-config` wrote for a relay's data folder.

    Args:
        data: the relay's data folder; its settings then name this server.
        host: its address.
        port: UDP and TCP.
        options: more options of `turn-config`.
        allow: private networks into which it may relay.
        prefix: words before the command, e.g. of another network namespace.
    """

    def __init__(
        self,
        data: Path,
        *options: str,
        host: str = ADDRESS,
        port: int = 3478,
        allow: tuple[str, ...] = (BENCH_NETWORK,),
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.data = data
        self.host, self.port = host, port
        self._options = options
        self._allow = allow
        self._prefix = prefix
        self._file = data.parent / f"{data.name}-turnserver.conf"
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self.log: list[str] = []

    @property
    def secret(self) -> str:
        """The secret in its configuration."""
        found = re.search(r"^static-auth-secret=(.+)$", self._file.read_text(), re.MULTILINE)
        assert found is not None
        return found[1]

    def configure(self) -> str:
        """Write the configuration; returns its text."""
        command = [sys.executable, "-m", "server_stub", "turn-config", self.host, "--data", str(self.data)]
        command += ["--listen-port", str(self.port), "--out", str(self._file), *self._options]
        for network in self._allow:
            command += ["--allow-peer", network]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return self._file.read_text()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.configure)
        self._process = await asyncio.create_subprocess_exec(
            *(*self._prefix, "turnserver", "-c", str(self._file), "--listening-ip", self.host, "--relay-ip", self.host),
            *("--pidfile", str(self._file.with_suffix(".pid")), "--userdb", str(self._file.with_suffix(".db"))),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reader = asyncio.get_running_loop().create_task(self._read(), name="coturn's log")
        async with asyncio.timeout(20):
            while not any("Total auth threads" in line or "IO method (auth thread)" in line for line in self.log):
                if self._process.returncode is not None:
                    raise RuntimeError("coturn did not start:\n" + "\n".join(self.log[-20:]))
                await asyncio.sleep(0.02)
        return self

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.log.append(line.decode(errors="replace").rstrip())

    async def __aexit__(self, *exc: object) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()
        if self._reader is not None:
            await self._reader


def make_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """A certificate for an address, signed by itself, and its key; whoever trusts the first trusts the server."""
    certificate, key = folder / "turn.crt", folder / "turn.key"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=turn",
    ]
    subprocess.run(
        [*command, "-addext", f"subjectAltName=IP:{host}", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    return certificate, key
