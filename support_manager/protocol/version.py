"""The protocol's version and the rule by which two versions get along.

Rule: a peer announces the version it speaks in its `Hello`. The relay accepts every version from `OLDEST_SUPPORTED`
to `PROTOCOL_VERSION`. Within one version only optional fields and new relay events may be added: clients ignore
fields and events from the relay that they do not know, the relay refuses unknown fields from clients. Anything else
raises the version, from the first release on: until then app and relay come from one tree. Names that were retired
are listed in `RESERVED` and are never used again.
"""

PROTOCOL_VERSION = 1
OLDEST_SUPPORTED = 1

RESERVED: dict[str, str] = {}
"""Retired event and field names, each with the reason; a test keeps them out of the registry."""


def is_compatible(version: int) -> bool:
    """Say whether the relay can talk to a client that announces `version`."""
    return OLDEST_SUPPORTED <= version <= PROTOCOL_VERSION
