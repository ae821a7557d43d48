"""What one connection is sent: the order of frames, one write for an event and its ack, and slow readers."""

from server_stub.link import QUEUED_BYTES, Link, frame_of


class Transport:
    """A transport as asyncio describes them, which notes each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.waiting = 0
        self.is_aborted = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True


class Socket:
    """The library's, open."""

    closed = closing = False


def direct() -> tuple[Link, Transport]:
    transport = Transport()
    link = Link("eio", "127.0.0.1", Socket(), transport, 0.0)
    link.is_direct = True
    return link, transport


def test_an_event_and_the_ack_after_it_are_one_write_in_this_order():
    link, transport = direct()
    assert link.post(frame_of('42["a"]'))
    assert not link.post(frame_of('42["b"]'))
    assert transport.writes == []
    link.send("31[1]", is_reply=True)
    link.deliver()
    assert transport.writes == [frame_of('42["a"]') + frame_of('42["b"]') + frame_of("431[1]")]


def test_without_an_ack_an_event_goes_out_when_it_is_delivered():
    link, transport = direct()
    link.post(frame_of('42["a"]'))
    assert link.pending() > 0
    link.deliver()
    link.deliver()
    assert transport.writes == [frame_of('42["a"]')]
    assert link.pending() == 0


def test_a_slow_reader_of_events_is_cut_off():
    link, transport = direct()
    transport.waiting = QUEUED_BYTES + 1
    link.post(frame_of('42["a"]'))
    link.deliver()
    assert transport.is_aborted
    assert transport.writes == []


def test_frames_say_their_length_in_bytes():
    for size, head in ((125, b"\x81\x7d"), (126, b"\x81\x7e\x00\x7e"), (65_536, b"\x81\x7f" + (65_536).to_bytes(8))):
        assert frame_of("x" * size) == head + b"x" * size
    assert frame_of("ș") == b"\x81\x02" + "ș".encode()
