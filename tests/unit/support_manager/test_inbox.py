"""The agent's Inbox: what is new and gone, presence over reconnects, Away by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Any

import pytest

from support_manager.errors import AppCode, Refused, RelayUnavailable, SupportManagerError
from support_manager.events import AppEvent, InboxChanged, OfferArrived, OfferGone
from support_manager.inbox import InboxDesk
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import InboxOpen, Nothing, PresenceSet, Request
from support_manager.protocol.views import InboxItem, InboxKind, InboxView, Presence

IDLE_S = 0.05


def item(name: str, *, offered: bool = True) -> InboxItem:
    return InboxItem(session_id=name, kind=InboxKind.WAITING, customer=name.title(), since=1, offered=offered)


def inbox(*items: InboxItem, chosen: Presence = Presence.ONLINE) -> InboxView:
    return InboxView(presence=chosen, chosen=chosen, items=items)


class Bench:
    """An Inbox, and a relay that says what a test wants."""

    def __init__(self) -> None:
        self.events: list[AppEvent] = []
        self.sent: list[Request] = []
        self.error: SupportManagerError | None = None
        self.opened = inbox()
        self.now: float | None = None
        """The time, once a test takes it into its own hands."""
        self.desk = InboxDesk(self._send, self.events.append, idle_s=IDLE_S, clock=self._clock)

    def _clock(self) -> float:
        return monotonic() if self.now is None else self.now

    async def _send(self, message: Request, reply: type[Any], *, timeout_s: float = 1.0) -> Any:
        self.sent.append(message)
        if self.error is not None:
            raise self.error
        return self.opened if isinstance(message, InboxOpen) else Nothing()

    @property
    def presences(self) -> list[Presence]:
        return [each.presence for each in self.sent if isinstance(each, PresenceSet)]

    def of(self, kind: type) -> list[Any]:
        return [each for each in self.events if isinstance(each, kind)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the condition is about another object
            await asyncio.sleep(0.002)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.desk.aclose()


@pytest.mark.rule("B-11.3")
async def test_a_rep_who_is_no_agent_has_no_inbox(bench: Bench) -> None:
    await bench.desk.open(is_agent=False)
    assert bench.sent == []
    assert bench.events == []
    assert bench.desk.view is None
    with pytest.raises(Refused, match=ErrorCode.NO_PRIVILEGE):
        await bench.desk.set_presence(Presence.BUSY)


@pytest.mark.rule("B-11.3", "B-10.4")
async def test_offers_that_come_and_go_are_told_once_each(bench: Bench) -> None:
    bench.opened = inbox(item("ion"), item("ida", offered=False))
    await bench.desk.open(is_agent=True)
    assert [each.item.session_id for each in bench.of(OfferArrived)] == ["ion"], "also what was there before"
    bench.events.clear()
    bench.desk.take(inbox(item("ion"), item("ida")))
    assert bench.events == [InboxChanged(inbox(item("ion"), item("ida"))), OfferArrived(item("ida"))]
    bench.events.clear()
    bench.desk.take(inbox(item("ida", offered=False)))
    assert bench.of(OfferGone) == [
        OfferGone("ion", "Ion", taken=True),
        OfferGone("ida", "Ida", taken=False),
    ], "one went to somebody else, the other's time ran out"


@pytest.mark.rule("B-11.3")
async def test_what_he_answered_himself_was_not_taken_from_him(bench: Bench) -> None:
    bench.opened = inbox(item("ion"), item("ida"))
    await bench.desk.open(is_agent=True)
    bench.desk.accepting("ion")
    await bench.desk.decline("ida")
    bench.desk.take(inbox())
    assert bench.of(OfferGone) == [OfferGone("ion", "Ion", taken=False), OfferGone("ida", "Ida", taken=False)]
    bench.events.clear()
    bench.desk.take(inbox(item("ion")))
    bench.desk.take(inbox())
    assert bench.of(OfferGone) == [OfferGone("ion", "Ion", taken=True)], "a new offer is a new story"


async def test_an_answer_that_came_to_nothing_counts_as_none(bench: Bench) -> None:
    bench.opened = inbox(item("ion"), item("ida"))
    await bench.desk.open(is_agent=True)
    bench.desk.accepting("ion")
    bench.desk.not_accepted("ion")
    bench.error = RelayUnavailable(AppCode.CONNECTION_LOST)
    with pytest.raises(RelayUnavailable):
        await bench.desk.decline("ida")
    bench.error = Refused(ErrorCode.OFFER_GONE)
    await bench.desk.decline("ida")
    bench.desk.take(inbox())
    assert [each.taken for each in bench.of(OfferGone)] == [True, True]


@pytest.mark.rule("B-11.3")
async def test_ten_idle_minutes_make_away_and_the_next_key_online_again(bench: Bench) -> None:
    await bench.desk.open(is_agent=True)
    await until(lambda: bench.presences == [Presence.AWAY])
    bench.desk.user_active()
    await until(lambda: bench.presences == [Presence.AWAY, Presence.ONLINE])
    await until(lambda: bench.presences[2:] == [Presence.AWAY])


@pytest.mark.rule("B-11.3")
async def test_whoever_keeps_typing_is_not_away(bench: Bench) -> None:
    bench.now = monotonic()
    await bench.desk.open(is_agent=True)
    for _ in range(5):
        bench.now += 0.9 * IDLE_S
        bench.desk.user_active()
        bench.now += 0.9 * IDLE_S
        bench.desk._look()
    assert bench.presences == []
    bench.now += 0.2 * IDLE_S
    bench.desk._look()
    await until(lambda: bench.presences == [Presence.AWAY])


@pytest.mark.rule("B-11.3")
async def test_what_he_chose_himself_is_not_touched(bench: Bench) -> None:
    bench.now = monotonic()
    await bench.desk.open(is_agent=True)
    await bench.desk.set_presence(Presence.BUSY)
    bench.now += 2 * IDLE_S
    bench.desk._look()
    bench.desk.user_active()
    await bench.desk.aclose()
    assert bench.presences == [Presence.BUSY]


@pytest.mark.rule("B-11.3", "B-12.5")
async def test_his_choice_holds_over_a_reconnect_and_ends_with_the_sign_in(bench: Bench) -> None:
    await bench.desk.open(is_agent=True)
    await bench.desk.set_presence(Presence.BUSY)
    await bench.desk.open(is_agent=True)
    await until(lambda: bench.presences == [Presence.BUSY, Presence.BUSY])
    bench.desk.close()
    assert bench.events[-1] == InboxChanged(None)
    bench.desk.user_active()
    await bench.desk.open(is_agent=True)
    await bench.desk.aclose()
    assert len(bench.presences) == 2


@pytest.mark.rule("B-11.3")
async def test_a_choice_that_did_not_get_through_is_none(bench: Bench) -> None:
    await bench.desk.open(is_agent=True)
    bench.error = RelayUnavailable(AppCode.CONNECTION_LOST)
    with pytest.raises(RelayUnavailable):
        await bench.desk.set_presence(Presence.BUSY)
    bench.error = None
    bench.desk.user_active()
    await bench.desk.open(is_agent=True)
    await bench.desk.aclose()
    assert bench.presences == [Presence.BUSY], "tried once, and not again behind his back"


@pytest.mark.rule("B-11.3", "B-12.5")
async def test_away_while_the_relay_was_gone_is_told_when_it_is_back(bench: Bench) -> None:
    await bench.desk.open(is_agent=True)
    bench.error = RelayUnavailable(AppCode.CONNECTION_LOST)
    await until(lambda: bench.presences == [Presence.AWAY])
    bench.error = None
    await bench.desk.open(is_agent=True)
    await until(lambda: bench.presences == [Presence.AWAY, Presence.AWAY])


async def test_without_the_privilege_any_more_there_is_no_inbox(bench: Bench) -> None:
    bench.opened = inbox(item("ion"))
    await bench.desk.open(is_agent=True)
    bench.error = Refused(ErrorCode.NO_PRIVILEGE)
    await bench.desk.open(is_agent=True)
    assert bench.desk.view is None
    assert bench.events[-2:] == [OfferGone("ion", "Ion", taken=False), InboxChanged(None)]
    bench.error = Refused(ErrorCode.RELAY_BUSY)
    with pytest.raises(Refused):
        await bench.desk.open(is_agent=True)
