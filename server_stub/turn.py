"""TURN: short-lived credentials for members of sessions, and the configuration of the coturn that takes them."""

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from support_manager.protocol import limits

VALID_S = 600
"""How long credentials open a relayed address; one that is open goes on (coturn asks for them once an allocation)."""

DENIED_PEERS = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *("224.0.0.0/4", "240.0.0.0/4"),
    *("::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32"),
    *("2002::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
)
"""Networks that are nobody's on the internet, or lead into an IPv4 that is (RFC 6890, RFC 4291, RFC 6052, RFC 3056).

Not `::` itself: coturn 4.6.1 reads a span that begins there as every address there is, and refuses it by itself.
"""


def credentials(secret: str, participant_id: str, now_s: float) -> tuple[str, str]:
    """User name and password that coturn's `use-auth-secret` takes until they run out.

    Args:
        secret: shared with coturn.
        participant_id: coturn counts allocations by it.
        now_s: seconds since 1970.

    See draft-uberti-behave-turn-rest-00, section 2.2.
    """
    username = f"{int(now_s) + VALID_S}:{participant_id}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


@dataclass(frozen=True, kw_only=True)
class TurnPlan:
    """What an operator says about his TURN server."""

    host: str
    port: int = 3478
    tls_port: int = 5349
    certificate: str = ""
    """On the TURN server; empty: no TLS."""
    key: str = ""
    external_ip: str = ""
    """Public address where the server itself has a private one."""
    lowest_port: int = 49_152
    highest_port: int = 65_535
    per_user: int = 128
    """Allocations of one participant; a rep who is the hub has one or more for everybody he helps."""
    total: int = 2_400
    kilobytes_per_s: int = 2_500
    """Of one allocation, in each direction."""
    allowed: tuple[str, ...] = ()
    """Networks (CIDR) into which it may relay although they are private."""


def urls_of(plan: TurnPlan) -> str:
    """The addresses that members of sessions are told: fastest first, the one that passes most firewalls last."""
    host = f"[{plan.host}]" if ":" in plan.host else plan.host
    found = [f"turn:{host}:{plan.port}?transport={way}" for way in ("udp", "tcp")]
    if plan.certificate:
        found.append(f"turns:{host}:{plan.tls_port}?transport=tcp")
    return " ".join(found)


def config_of(plan: TurnPlan, secret: str) -> str:
    """The text of `turnserver.conf` for coturn 4.5.2 and later."""
    lines = [
        "# Written by support-relay turn-config. Holds a secret: only coturn's own user may read it (chmod 600).",
        f"realm={plan.host}",
        f"server-name={plan.host}",
        f"listening-port={plan.port}",
        f"min-port={plan.lowest_port}",
        f"max-port={plan.highest_port}",
        *([f"external-ip={plan.external_ip}"] if plan.external_ip else []),
        "",
        "# Nobody without credentials of the relay, which run out",
        "use-auth-secret",
        f"static-auth-secret={secret}",
        "stale-nonce=600",
        "fingerprint",
        "",
        "# TLS",
        *_tls(plan),
        "",
        "# Nothing else is offered, nothing is told",
        "no-cli",
        "no-tcp-relay",
        "no-rfc5780",
        "no-stun-backward-compatibility",
        "response-origin-only-with-rfc5780",
        "no-software-attribute",
        "no-dynamic-ip-list",
        "no-dynamic-realms",
        "",
        "# Bounds",
        f"user-quota={plan.per_user}",
        f"total-quota={plan.total}",
        f"max-bps={plan.kilobytes_per_s * 1000}",
        "max-allocate-timeout=20",
        "",
        "# Never into anybody's own network",
        "no-multicast-peers",
        *(f"denied-peer-ip={span_of(network)}" for network in DENIED_PEERS),
        *(f"allowed-peer-ip={span_of(network)}" for network in plan.allowed),
        "",
        "log-file=stdout",
        "simple-log",
    ]
    return "\n".join(lines) + "\n"


def _tls(plan: TurnPlan) -> list[str]:
    if not plan.certificate:
        return ["no-tls", "no-dtls"]
    return [
        f"tls-listening-port={plan.tls_port}",
        f"cert={plan.certificate}",
        f"pkey={plan.key}",
        "no-dtls",
        "no-tlsv1",
        "no-tlsv1_1",
    ]


def span_of(network: str) -> str:
    """A network (CIDR) as coturn's first and last address.

    Raises:
        ValueError: when it is none.
    """
    found = ipaddress.ip_network(network, strict=False)
    first, last = _plain(found.network_address), _plain(found.broadcast_address)
    return first if first == last else f"{first}-{last}"


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    # The short forms of IPv6 differ between libraries where they hold an IPv4 address; the long one does not.
    return str(address) if address.version == 4 else address.exploded


def split_urls(text: str) -> Sequence[str]:
    """The addresses of the setting `turn_urls`."""
    return text.split()[: limits.ICE_URLS]
