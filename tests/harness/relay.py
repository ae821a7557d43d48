"""The real relay as a process of its own, and small typed clients for the page's and the rep's side of the wire."""

import asyncio
import io
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.request import Request, urlopen

import socketio

from server_stub import cli
from support_manager.protocol import events, requests
from support_manager.protocol.http import SignedIn
from support_manager.protocol.version import PROTOCOL_VERSION
from support_manager.protocol.views import Mode, SessionView
from support_manager.protocol.wire import decode_event, read_ack, to_plain

_ONE_COMMAND = threading.Lock()
ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")
PASSWORD = "correct horse battery"


class RelayProcess:
    """`python -m server_stub serve` on a data folder.

    Args:
        data: the data folder; made and removed by itself when not given.
        options: more command line options.
    """

    def __init__(self, data: Path | None = None, *options: str) -> None:
        self._own = None if data is not None else tempfile.TemporaryDirectory(prefix="relay-")
        self.data = data if data is not None else Path(str(self._own and self._own.name))
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._log: list[str] = []
        self.port = 0
        self.url = ""

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> list[str]:
        """What it wrote to standard error so far, line by line, over all starts."""
        return list(self._log)

    def start(self, timeout_s: float = 20.0) -> Self:
        """Start it and wait for its ready line; the port stays the same over restarts."""
        command = [
            *(sys.executable, "-m", "server_stub", "serve", "--data", str(self.data)),
            *("--host", "127.0.0.1", "--port", str(self.port), *self._options),
        ]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
        )
        process = self._process
        assert process.stdout is not None
        self._reader = threading.Thread(target=self._read_log, args=(process,), daemon=True)
        self._reader.start()
        watchdog = threading.Timer(timeout_s, process.kill)
        watchdog.start()
        try:
            line = process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            process.wait()
            self._reader.join(5)
            raise RuntimeError("the relay did not start:\n" + "\n".join(self._log[-20:]))
        self.url = json.loads(line)["url"]
        self.port = int(self.url.rpartition(":")[2])
        return self

    def _read_log(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self._log.append(line.rstrip("\n"))

    def add_user(self, name: str, display_name: str = "", password: str = PASSWORD, *options: str) -> str:
        """Make an account, with more options of `user add`; returns its password."""
        words = ["user", "add", name, "--display-name", display_name or name, "--password-stdin", *options]
        self.operate(*words, typed=password + "\n")
        return password

    def operate(self, *words: str, typed: str = "") -> None:
        """Carry out one of the operator's commands on this relay's data, while it runs or while it does not; blocks.

        It is the command without its process, whose start takes longer than all the rest; commands as processes are
        tested in test_cli.py.

        Raises:
            RuntimeError: with what the command said.
        """
        failures: list[BaseException] = []

        def work() -> None:
            # One at a time: standard input and Alembic's context are the process's own.
            with _ONE_COMMAND:
                given, sys.stdin = sys.stdin, io.StringIO(typed)
                try:
                    asked = cli._parser().parse_args([*words, "--data", str(self.data)])
                    asked.run(asked)
                except BaseException as failure:  # noqa: BLE001 - raised where it was asked for
                    failures.append(failure)
                finally:
                    sys.stdin = given

        thread = threading.Thread(target=work, name=" ".join(words[:2]))
        thread.start()
        thread.join(30)
        if failures:
            raise RuntimeError(getattr(failures[0], "sentence", str(failures[0]))) from failures[0]
        if thread.is_alive():
            raise RuntimeError(f"{' '.join(words)}: not done in time")

    def kill9(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to stop; returns its exit code."""
        return self._end(signal.SIGTERM)

    def restart(self) -> Self:
        """Start it again on the same port and data."""
        if self._process is not None:
            self.stop()
        return self.start()

    def _end(self, number: int) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(number)
        try:
            code = process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is process.stderr and self._reader is not None:
                self._reader.join(5)
            if stream is not None:
                stream.close()
        return code

    def sign_in(self, name: str, password: str = PASSWORD) -> SignedIn:
        """Sign in over HTTP as the app does."""
        body = json.dumps({"name": name, "password": password, "v": PROTOCOL_VERSION}).encode()
        ask = Request(self.url + "/api/sign-in", body, {"Content-Type": "application/json"})
        with urlopen(ask, timeout=10) as reply:
            return read_ack(json.load(reply), SignedIn)

    def __enter__(self) -> Self:
        return self.start()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.__exit__)

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            if self._own is not None:
                self._own.cleanup()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


class Client:
    """One connection to a relay that speaks the protocol strictly; every event is kept in order.

    Args:
        url: of the relay.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.sio = socketio.AsyncClient(reconnection=False, handle_sigint=False)
        self.events: list[tuple[str, Any]] = []
        self._changed = asyncio.Event()
        self._answers: set[asyncio.Future[Any]] = set()
        self.sio.on("*", self._on_event)
        self.sio.on("disconnect", self._on_disconnect)
        self.session: SessionView | None = None
        self.resume_token = ""

    async def _on_event(self, name: str, payload: object) -> None:
        self.events.append((name, decode_event(name, payload)))
        self._changed.set()

    async def _on_disconnect(self, *_: object) -> None:
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(ConnectionError("disconnected"))
        self._changed.set()

    async def connect(
        self, *, transports: tuple[str, ...] = ("websocket",), address: str = "", **hello: object
    ) -> Self:
        """Connect with a `Hello` and wait for `welcome`; `address` is whose a proxy says the connection is."""
        auth = {"v": PROTOCOL_VERSION, "client": "page", "locale": "en", **hello}
        headers = {"X-Forwarded-For": address} if address else {}
        await self.sio.connect(self.url, headers=headers, auth=auth, transports=list(transports), wait_timeout=10)
        await self.wait_event("welcome")
        return self

    async def raw(self, event: str, payload: object) -> Any:
        """Send anything and return the ack as it is.

        Raises:
            ConnectionError: the connection broke before the ack; the library's own `call` would wait on.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers.add(answer)
        try:
            await self.sio.emit(event, payload, callback=lambda *ack: answer.done() or answer.set_result(*ack))
            async with asyncio.timeout(10):
                return await answer
        finally:
            self._answers.discard(answer)

    async def ask(self, event: str, payload: object) -> Any:
        """Send a request and return its typed reply.

        Raises:
            ProtocolError: with the relay's code.
        """
        return read_ack(await self.raw(event, to_plain(payload)), requests.REQUESTS[event][1])

    async def refused(self, event: str, payload: object) -> str:
        """Send a request that must be refused; returns the code."""
        ack = await self.raw(event, to_plain(payload))
        assert ack["ok"] is False, ack
        return str(ack["code"])

    @property
    def session_id(self) -> str:
        """The session this client is in."""
        assert self.session is not None
        return self.session.id

    @property
    def facts(self) -> list[Any]:
        """What session events told, in order."""
        return [event.fact for name, event in self.events if name == "session.event"]

    @property
    def lines(self) -> list[str]:
        """Texts of the chat as this client knows it: the snapshot's and those of later events, without doubles."""
        seen: dict[int, str] = {}
        for line in self.session.chat if self.session is not None else ():
            seen[line.seq] = line.text
        for fact in self.facts:
            if isinstance(fact, events.ChatAdded):
                seen[fact.line.seq] = fact.line.text
        return [seen[seq] for seq in sorted(seen)]

    async def wait(self, condition: Callable[[], T], timeout_s: float = 10.0) -> T:
        """Wait until `condition` is true; it is asked after every event and every 50 ms."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"not seen: {condition}; events: {[name for name, _ in self.events]} {self.facts}")
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), 0.05)
            except TimeoutError:
                continue

    async def wait_event(self, name: str, timeout_s: float = 10.0) -> Any:
        """The first event of that name."""
        return await self.wait(lambda: next((event for n, event in self.events if n == name), None), timeout_s)

    async def wait_fact(self, kind: type[T], timeout_s: float = 10.0) -> T:
        """The last fact of that type."""
        return await self.wait(
            lambda: next((fact for fact in reversed(self.facts) if isinstance(fact, kind)), None), timeout_s
        )

    async def say(self, text: str, line_id: str = "") -> requests.ChatSent:
        """Send a chat line."""
        line_id = line_id or secrets.token_urlsafe(12)
        return await self.ask("chat.send", requests.ChatSend(session_id=self.session_id, line_id=line_id, text=text))

    async def join(
        self, name: str = "Maria", *, number: str | None = None, link: str | None = None, request_id: str = ""
    ) -> requests.Joined:
        """Join as a customer."""
        token = link.partition("#")[2] if link is not None else None
        request = requests.SessionJoin(
            request_id=request_id or secrets.token_urlsafe(16), name=name, number=number, link_token=token
        )
        joined: requests.Joined = await self.ask("session.join", request)
        self.session, self.resume_token = joined.session, joined.resume_token
        return joined

    async def start_session(self, mode: Mode = Mode.MULTI) -> SessionView:
        """Start a session as a rep."""
        started = await self.ask(
            "session.start", requests.SessionStart(request_id=secrets.token_urlsafe(16), mode=mode)
        )
        self.session = started.session
        return started.session

    async def assist(self, number: str) -> SessionView:
        """Come into a colleague's session."""
        request = requests.SessionAssist(request_id=secrets.token_urlsafe(16), number=number)
        inside: requests.Inside = await self.ask("session.assist", request)
        self.session = inside.session
        return inside.session

    async def resume(self, session_id: str, token: str | None = None) -> requests.Resumed:
        """Come back."""
        resumed: requests.Resumed = await self.ask(
            "session.resume", requests.SessionResume(session_id=session_id, resume_token=token)
        )
        self.session = resumed.session
        self.resume_token = resumed.resume_token or self.resume_token
        return resumed

    async def close(self) -> None:
        """Disconnect; as abrupt as a page that is gone."""
        await self.sio.disconnect()


@asynccontextmanager
async def page(url: str, **hello: object) -> AsyncIterator[Client]:
    """A customer's page, connected."""
    client = Client(url)
    try:
        yield await client.connect(**hello)
    finally:
        await client.close()


@asynccontextmanager
async def rep(relay: RelayProcess, name: str = "ana", *options: str) -> AsyncIterator[Client]:
    """A rep's app, signed in and connected; makes the account, with these options, when it does not exist."""
    marker = relay.data / f".test-account-{name}"
    if not marker.exists():
        await asyncio.to_thread(relay.add_user, name, name.title(), PASSWORD, *options)
        marker.touch()
    signed_in = await asyncio.to_thread(relay.sign_in, name)
    client = Client(relay.url)
    try:
        yield await client.connect(client="app", access=signed_in.access_token)
    finally:
        await client.close()
