"""A page server that also passes signals between one customer and one hub, in place of a relay."""

import json
from pathlib import Path
from typing import Self

from aiohttp import WSMsgType, web

from support_manager.protocol.signals import MEDIA_LINES

PAGES = Path(__file__).parent / "pages"
CUSTOMER_PAGE = Path(__file__).parents[2] / "resources" / "customer_page"


class Signalling:
    """Listens on loopback. Use it as an async context manager."""

    def __init__(self) -> None:
        self._runner: web.AppRunner | None = None
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/lines.json", self._lines)
        app.router.add_get("/signal", self._signal)
        app.router.add_static("/page", CUSTOMER_PAGE)
        app.router.add_static("/", PAGES)
        self._runner = web.AppRunner(app, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        for socket in self._sockets.values():
            await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _lines(self, _request: web.Request) -> web.Response:
        return web.Response(text=json.dumps(MEDIA_LINES), content_type="application/json")

    async def _signal(self, request: web.Request) -> web.WebSocketResponse:
        role = request.query["role"]
        other = {"participant": "hub", "hub": "participant"}[role]
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets[role] = socket
        async for message in socket:
            target = self._sockets.get(other)
            if message.type is WSMsgType.TEXT and target is not None and not target.closed:
                await target.send_str(message.data)
        if self._sockets.get(role) is socket:
            del self._sockets[role]
        return socket
