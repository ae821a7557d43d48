"""Programs of tests and benchmarks that talk by lines of JSON: one command in, one answer out; both ends."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, Self

from tests.harness import own_log

_ANSWER_S = 30.0
_LINE_BYTES = 1 << 26


class Servant(Protocol):
    """What a program does."""

    async def do(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command; whatever is raised is told to whoever asked."""

    async def aclose(self) -> None:
        """Stop."""


async def serve(make: Callable[[], Servant]) -> None:
    """Read commands from standard input until it ends or says so; the servant is made inside the loop."""
    own_log.set_up()
    servant = make()
    reader = asyncio.StreamReader(limit=_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        while line := await reader.readline():
            asked = json.loads(line)
            if asked["do"] == "end":
                break
            try:
                answer = await servant.do(asked)
            except Exception as error:  # noqa: BLE001 - told to the other end
                answer = {"error": repr(error)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    finally:
        await servant.aclose()


class Program:
    """The other end: starts `python -m MODULE` and asks it. Use it as an async context manager.

    Args:
        module: with `serve` in it.
        arguments: for it.
        prefix: words before the command, e.g. `SecondHost.prefix()`.
        environment: goes into that of the program.
    """

    def __init__(
        self, module: str, *arguments: str, prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self._module = module
        self._words = [*prefix, sys.executable, "-m", module, *arguments]
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            env=self._environment,
        )
        return self

    async def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Send one command and wait for its answer.

        Raises:
            OSError: if the program failed, or does not answer.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
        async with asyncio.timeout(_ANSWER_S):
            while True:
                line = await process.stdout.readline()
                if not line:
                    raise OSError(f"{self._module} ended")
                if line.startswith(b"{"):
                    break
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise OSError(f"{self._module}: {answer['error']}")
        return answer

    async def __aexit__(self, *exc: object) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            async with asyncio.timeout(5.0):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
