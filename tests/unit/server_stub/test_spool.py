"""The relay's pieces on the disk: written over any edge, read back, forgotten after a start of the machine."""

import os

import pytest

from server_stub.spool import SEGMENT, Spool, is_same_start


def test_pieces_of_any_size_lie_in_their_places_and_are_read_back(tmp_path):
    spool = Spool(tmp_path / "one", 3 * SEGMENT)
    spool.open()
    content = os.urandom(2 * SEGMENT + 1_000)
    step = 61_003
    pieces = [content[at : at + step] for at in range(0, len(content), step)]
    spool.write(0, pieces[:100])
    spool.write(100 * step, pieces[100:])
    again = Spool(tmp_path / "one", 3 * SEGMENT)
    again.open()
    assert (again.kept, again.head) == (0, len(content))
    got = b""
    while len(got) < len(content):
        got += again.read(len(got), len(content))
    assert got == content


def test_a_second_write_at_a_place_cuts_off_what_a_failed_one_left(tmp_path):
    spool = Spool(tmp_path / "one", SEGMENT)
    spool.open()
    spool.write(0, [b"abc", b"defgh"])
    spool.write(3, [b"XY"])
    assert spool.read(0, 100) == b"abcXY"


def test_what_is_skipped_to_is_where_it_goes_on(tmp_path):
    spool = Spool(tmp_path / "one", 4 * SEGMENT)
    spool.open()
    spool.write(0, [bytes(SEGMENT + 5)])
    spool.skip(2 * SEGMENT + 7)
    assert (spool.kept, spool.head, spool.stored) == (2 * SEGMENT + 7, 2 * SEGMENT + 7, 7)
    with pytest.raises(FileNotFoundError):
        spool.read(0, 5)


def test_only_the_same_start_of_the_machine_counts(tmp_path):
    boot = tmp_path / "boot_id"
    root = tmp_path / "files"
    boot.write_bytes(b"first")
    assert not is_same_start(root, boot)
    assert is_same_start(root, boot)
    boot.write_bytes(b"second")
    assert not is_same_start(root, boot)
    assert not is_same_start(root, tmp_path / "nothing there")
