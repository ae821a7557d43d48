"""Loads what speaks to the network: beside the window's first moments, not before them."""

import asyncio
import importlib

_MODULES = ("aiohttp", "support_manager.relay_client.socket_io")
"""They take a quarter of the time until the window is there, and nothing of it needs them."""


async def load_network() -> None:
    """Import it in a thread; who needs it sooner waits for the import."""
    for name in _MODULES:
        await asyncio.to_thread(importlib.import_module, name)
