"""What two who signal may say to each other, in bytes: a flood is refused to who makes it, and to nobody else."""

import pytest

from server_stub.link import QUEUED_BYTES
from server_stub.state.refused import Refused
from server_stub.state.signalling import SIGNAL_BYTES_BURST, SIGNAL_BYTES_PER_SECOND, SignalBook
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode


def passed(book, who, now_s, times=100, size=limits.SDP_CHARS):
    """How many bytes of a flood of the longest offers get through."""
    through = 0
    for _ in range(times):
        try:
            book.spend(who, "hub", size, now_s)
            through += size
        except Refused as refused:
            assert refused.code is ErrorCode.TOO_FAST
    return through


def test_a_flood_of_long_offers_is_refused_to_who_makes_it_alone():
    book = SignalBook()
    assert passed(book, "flooder", 0.0) <= SIGNAL_BYTES_BURST
    assert passed(book, "flooder", 0.0) == 0
    # The other one connects meanwhile: an offer of usual length and all its candidates.
    book.spend("ana", "hub", 20_000, 0.0)
    for _ in range(limits.CANDIDATES_PER_EPOCH):
        book.spend("ana", "hub", 300, 0.0)
    # And the hub answers him.
    book.spend("hub", "ana", 20_000, 0.0)


def test_the_flood_of_a_whole_minute_is_far_from_what_cuts_a_reader_off():
    book = SignalBook()
    through = sum(passed(book, "flooder", second, times=20) for second in range(60))
    assert through <= SIGNAL_BYTES_BURST + 60 * SIGNAL_BYTES_PER_SECOND
    assert through < QUEUED_BYTES


def test_who_connects_anew_every_few_seconds_is_never_refused():
    book = SignalBook()
    for time in range(0, 600, 3):
        book.spend("ana", "hub", 20_000, float(time))
        for _ in range(limits.CANDIDATES_PER_EPOCH // 2):
            book.spend("ana", "hub", 300, float(time))


@pytest.mark.parametrize("size", [1, limits.SDP_CHARS])
def test_a_new_hub_is_another_conversation(size):
    book = SignalBook()
    passed(book, "ana", 0.0)
    book.spend("ana", "another", size, 0.0)
