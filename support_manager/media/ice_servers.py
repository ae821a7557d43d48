"""The relay's STUN and TURN servers as aiortc takes them."""

import structlog
from aiortc import RTCIceServer
from aiortc.rtcicetransport import parse_stun_turn_uri

from support_manager.protocol import limits
from support_manager.protocol.views import IceServer

log = structlog.get_logger(__name__)


def usable_servers(servers: tuple[IceServer, ...]) -> list[RTCIceServer]:
    """The servers as aiortc takes them; an address that it cannot read is left out. Never None: that means Google's."""
    found = []
    for server in servers[: limits.ICE_SERVERS]:
        urls = [url for url in server.urls[: limits.ICE_URLS] if _readable(url)]
        if urls:
            found.append(
                RTCIceServer(urls=urls, username=server.username or None, credential=server.credential or None)
            )
    return found


def _readable(url: str) -> bool:
    try:
        parse_stun_turn_uri(url)
    except ValueError:
        log.warning("STUN or TURN address left out", url=url)
        return False
    return True
