"""What one connection is sent: the order of frames, one write for an event and its ack, and slow readers."""

import time
from types import SimpleNamespace

from server_stub.connections import Server
from server_stub.link import PING_S, QUEUED_BYTES, Link, frame_of
from server_stub.settings import LiveSettings


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


class Waiting(Socket):
    """One of the library's, which notes when it is asked whether its peer has answered."""

    sid = "waiting"

    def __init__(self, last_ping: float | None = None) -> None:
        self.last_ping = last_ping
        self.checks = 0

    async def check_ping_timeout(self) -> None:
        self.checks += 1


async def test_the_beat_pings_who_is_due_once_and_closes_who_has_not_answered():
    now_s = 100.0
    settings = LiveSettings(public_url="", bound_url="http://127.0.0.1:1", behind_proxy=False)
    server = Server(SimpleNamespace(), settings, lambda: now_s)
    link, transport = direct()
    link.socket = Waiting()
    link.ping_due_s = 100.5
    polling = Link("other", "127.0.0.1", Waiting(), Transport(), 0.0)
    polling.ping_due_s = 0.0
    server._links = {"eio": link, "other": polling}
    await server.beat()
    assert transport.writes == [], "not yet"
    now_s = 100.5
    await server.beat()
    await server.beat()
    assert transport.writes == [frame_of("2")], "one ping, and none more while it is not answered"
    assert polling.transport.writes == [], "the library pings those that do not write straight"
    link.heard(now_s)
    now_s += PING_S - 0.1
    await server.beat()
    assert len(transport.writes) == 1
    now_s += 0.1
    await server.beat()
    assert transport.writes == [frame_of("2")] * 2
    # A pong that nobody asked for puts nothing off.
    link.heard(now_s)
    due = link.ping_due_s
    now_s += 5
    link.heard(now_s)
    assert link.ping_due_s == due
    # Whoever owes an answer for too long is looked at by the library, which closes him; nobody else is.
    silent, quick = Waiting(time.time() - PING_S - 1), Waiting(time.time())
    server.eio.sockets = {"silent": silent, "quick": quick}
    await server.beat()
    assert (silent.checks, quick.checks) == (1, 0)
