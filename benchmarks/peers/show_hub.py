"""The app's media engine in a process of its own, showing its X server's whole screen; see `tests.harness.hub_process`.

Besides what that program does: `show` with `name`, `width` and `height`.
"""

import asyncio
from typing import Any

from typing_extensions import override

from support_manager.media.engine import PeerKey
from tests.harness.hub_process import Engine
from tests.harness.programs import serve
from ui.devices.x11_screens import X11Screen


class ShowingEngine(Engine):
    """The engine of a rep who shows his screen."""

    @override
    async def do(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command."""
        if asked["do"] != "show":
            return await super().do(asked)
        screen = X11Screen("screen", 0, 0, asked["width"], asked["height"])
        self._engine.begin_show(PeerKey("bench", asked["name"]), screen)
        return {}


if __name__ == "__main__":
    asyncio.run(serve(ShowingEngine))
