"""Signalling between a participant and the hub: the participant always offers, the hub always answers.

aiortc has neither rollback nor ICE restart, so a new path means a new connection under a higher epoch: the hub sends
`NeedOffer`, the participant answers it with an `Offer` whose epoch is higher than every one before.
The media lines of every offer stand in the fixed order of `MEDIA_LINES`.
"""

import msgspec

from support_manager.protocol.fields import CandidateLine, MediaId, MediaIndex, Sdp

MEDIA_LINES: tuple[str, ...] = (
    "share_up",
    "share_down",
    "voice",
    "camera_up",
    "camera_down_1",
    "camera_down_2",
    "camera_down_3",
    "camera_down_4",
    "data",
)
"""The m-lines of every offer, in this order, seen from the participant; activities only replace tracks."""

CHANNEL_LABEL = "control"
"""Label of the one data channel (opened by the participant, ordered, reliable); see `channel`."""


class _Signal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class Offer(_Signal, frozen=True, kw_only=True, tag="offer"):
    """Participant → hub: a connection with the fixed media lines."""

    sdp: Sdp


class Answer(_Signal, frozen=True, kw_only=True, tag="answer"):
    """Hub → participant."""

    sdp: Sdp


class Candidate(_Signal, frozen=True, kw_only=True, tag="candidate"):
    """One trickled ICE candidate; an empty line ends them (RFC 8838)."""

    candidate: CandidateLine
    sdp_mid: MediaId | None = None
    sdp_mline_index: MediaIndex | None = None


class NeedOffer(_Signal, frozen=True, kw_only=True, tag="need_offer"):
    """Hub → participant: please offer anew, with an epoch of at least the one this signal carries."""


class Bye(_Signal, frozen=True, kw_only=True, tag="bye"):
    """Either side closes that connection on purpose."""


Signal = Offer | Answer | Candidate | NeedOffer | Bye
