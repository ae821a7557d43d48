"""The rep's app as a process of its own, driven by a test through `app_runner`: click, type, read, look, kill."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 20.0
_START_S = 60.0
"""For all of its libraries, from a disk that may be busy and a cache that may be cold."""


class AppFailedError(AssertionError):
    """The app refused a command, or ended."""


class AppProcess:
    """The real app in a process of its own.

    Args:
        environment: of the process, e.g. `Display.environment()`; the keyring must be a harmless one.
        profile: its profile folder.
        arguments: further words of its command line, e.g. `--relay URL`.
        credentials: name and password to be signed in with from the start, through `--sign-in-from-stdin`.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        profile: Path,
        *arguments: str,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self._environment = {**environment, "PYTHONPATH": str(ROOT)}
        self._profile = profile
        self._arguments = list(arguments)
        self._credentials = credentials
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._turn = asyncio.Lock()
        self._late = 0
        """Answers that are still to come, to commands that nobody waits for any more."""
        self.log_path = profile / "app.log"

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it has been started and neither quit nor crashed."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> Self:
        """Start the app and wait until it answers."""
        self._profile.mkdir(parents=True, exist_ok=True)
        ours, theirs = socket.socketpair()
        # A fault in a library leaves the threads' stacks in the log.
        words = [
            sys.executable,
            "-X",
            "faulthandler",
            "-m",
            "tests.harness.app_runner",
            "--control-fd",
            str(theirs.fileno()),
        ]
        words += ["--profile", str(self._profile), *self._arguments]
        if self._credentials:
            words.append("--sign-in-from-stdin")
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *words,
                cwd=ROOT,
                env=self._environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(theirs.fileno(),),
            )
        theirs.close()
        if self._process.stdin is not None:
            if self._credentials:
                name, password = self._credentials
                self._process.stdin.write(json.dumps({"name": name, "password": password}).encode() + b"\n")
            self._process.stdin.close()
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        self._late = 0
        await self.do("ping", answer_s=_START_S)
        return self

    async def do(self, command: str, *, answer_s: float = PATIENCE_S, **arguments: Any) -> Any:
        """Carry out one command of `app_runner.Driver`.

        Raises:
            AppFailedError: with what the app said, and the end of its log when it is gone.
        """
        assert self._reader is not None
        assert self._writer is not None
        async with self._turn:
            try:
                self._writer.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
                await self._writer.drain()
                line = await asyncio.wait_for(self._answer(self._reader), answer_s)
            except (ConnectionError, TimeoutError) as error:
                self._late += 1
                raise AppFailedError(f"{command}: {type(error).__name__}\n{self.log()}") from None
        if not line:
            raise AppFailedError(f"{command}: the app has ended\n{self.log()}")
        answer = json.loads(line)
        if not answer["ok"]:
            raise AppFailedError(f"{command} {arguments}: {answer['error']}")
        return answer["value"]

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        """The next answer; what comes late belongs to a command that was given up, and to no test after that."""
        while self._late:
            if not await reader.readline():
                return b""
            self._late -= 1
        return await reader.readline()

    def log(self) -> str:
        """The last lines of what the app wrote; where a library failed: how that began, with what it said first."""
        if not self.log_path.exists():
            return ""
        whole = self.log_path.read_text(errors="replace")
        fault = whole.rfind("Fatal Python error")
        return whole[max(0, fault - 600) :][:4600] if fault >= 0 else whole[-4000:]

    async def until(
        self, condition: Callable[[Any], bool], command: str, *, within_s: float = PATIENCE_S, **arguments: Any
    ) -> Any:
        """Ask `command` again and again until `condition` holds for its answer; returns that answer."""
        deadline = time.monotonic() + within_s
        value: Any = None
        while True:
            try:
                value = await self.do(command, **arguments)
                if condition(value):
                    return value
            except AppFailedError as error:
                if "LookupError" not in str(error):
                    raise
                value = str(error)
            if time.monotonic() > deadline:
                raise AppFailedError(f"{command} {arguments}: still {value!r} after {within_s} s\n{self.log()}")
            await asyncio.sleep(0.02)

    async def see(self, name: str, *, within_s: float = PATIENCE_S) -> None:
        """Wait until a widget of that object name is on the screen."""
        await self.until(bool, "visible", name=name, within_s=within_s)

    async def click(self, name: str) -> None:
        """Wait for a widget and click it."""
        await self.see(name)
        await self.until(lambda _: True, "click", name=name)

    async def type(self, name: str, text: str, *, enter: bool = False) -> None:
        """Wait for a field, type into it, and press Enter if wanted."""
        await self.see(name)
        await self.do("type", name=name, text=text)
        if enter:
            await self.do("key", name=name, key="Return")

    async def session(
        self, condition: Callable[[dict[str, Any]], bool] = lambda _: True, *, within_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Wait for a session for which `condition` holds; the newest such one."""
        found = await self.until(
            lambda sessions: any(condition(session) for session in sessions), "sessions", within_s=within_s
        )
        return [session for session in found if condition(session)][-1]

    async def code(self, *, above: int = -1, within_s: float = PATIENCE_S) -> int:
        """Wait until a time code above `above` can be read from the painted view."""
        return int(await self.until(lambda value: value is not None and value > above, "timecode", within_s=within_s))

    async def kill9(self) -> None:
        """End the process as a crash would."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._drop_link()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """For a moment the process does nothing at all, so that what it takes part in cannot come to its end."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    async def _drop_link(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def stop(self) -> int:
        """Quit as a person would; returns the exit code. Ends the process if it does not go by itself."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 10)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        await self._drop_link()
        return self._process.returncode or 0

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()
