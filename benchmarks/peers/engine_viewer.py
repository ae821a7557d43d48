"""The product's viewing half in a window of its own: real media engine, real mailbox, real view, no session around it.

`python -m benchmarks.peers.engine_viewer URL WIDTH HEIGHT`; reads `show`, `hide` and `quit` from standard input.
"""

import asyncio
import sys
from typing import Any

import aiohttp
import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from qasync import QEventLoop

from support_manager.events import Picture
from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.media.engine import AnswerReady, MediaEvent, PeerKey
from support_manager.protocol import signals
from support_manager.tasks import TaskOwner
from ui.i18n import Translator
from ui.theme import Theme
from ui.widgets.share_view import ShareView

PEER = PeerKey("bench", "customer")


class Viewer:
    """One window with one view at its top left corner."""

    def __init__(self, url: str, width: int, height: int) -> None:
        self._url = url
        self._engine = AiortcEngine()
        self._tasks = TaskOwner("viewer")
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._done = asyncio.Event()
        self._window = QWidget(None, Qt.WindowType.FramelessWindowHint)
        self._window.setGeometry(0, 0, width, height)
        self._view = ShareView(Translator("en"), Theme("dark"), self._window)
        self._view.setGeometry(0, 0, width, height)
        self._view.set_picture(Picture.LIVE)

    async def run(self) -> None:
        """Serve until told to quit."""
        self._engine.start(self._heard)
        self._view.set_mailbox(self._engine.mailbox(PEER))
        self._view.watched.connect(lambda seen: self._engine.set_visible(PEER, seen))
        self._window.show()
        _ = self._tasks.spawn(self._commands(), name="commands")
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{self._url}/signal?role=hub") as socket:
            self._socket = socket
            _ = self._tasks.spawn(self._read(socket), name="signals")
            print("ready", flush=True)
            await self._done.wait()
        await self._engine.aclose()
        await self._tasks.aclose()

    async def _commands(self) -> None:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := (await reader.readline()).strip():
            if line == b"quit":
                break
            self._view.setVisible(line == b"show")
        self._done.set()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            body = msgspec.json.decode(message.data, type=dict[str, Any])
            signal = msgspec.convert(body["signal"], signals.Signal)
            if isinstance(signal, signals.Offer):
                self._engine.take_offer(PEER, body["epoch"], signal.sdp, ())
            elif isinstance(signal, signals.Candidate):
                self._engine.add_candidate(PEER, body["epoch"], signal)

    def _heard(self, event: MediaEvent) -> None:
        if isinstance(event, AnswerReady) and self._socket is not None:
            body = {"epoch": event.epoch, "signal": msgspec.to_builtins(signals.Answer(sdp=event.sdp))}
            _ = self._tasks.spawn(self._socket.send_str(msgspec.json.encode(body).decode()), name="answer")


def main() -> None:
    """Run the window."""
    url, width, height = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    app = QApplication(sys.argv[:1])
    with QEventLoop(app) as loop:
        loop.run_until_complete(Viewer(url, width, height).run())


if __name__ == "__main__":
    main()
