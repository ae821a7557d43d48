"""Several reps' controllers and customers on the real relay: assisting, control, single mode, limits."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support_manager.errors import Refused
from support_manager.events import Happening, LeftWhy, Picture, SessionClosed, SessionLeft, SessionOpened
from support_manager.media.engine import PeerKey
from support_manager.protocol import events, requests
from support_manager.protocol.activities import ActivityEnd, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Audience, LeaveReason, MarkKind, Mode, WaitReason
from tests.harness.relay import Client, RelayProcess, page
from tests.harness.reps import Rep, add_rep, memory_ring, offers_media, signed_in


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        add_rep(process, "ana", "--mode", "choice")
        add_rep(process, "bob", "--mode", "choice")
        add_rep(process, "eva", "--mode", "multi")
        add_rep(process, "one", "--mode", "choice", "--limit", "1")
        yield process


@pytest.fixture(autouse=True)
def ring() -> Iterator[None]:
    with memory_ring():
        yield


@pytest.fixture
async def two(relay: RelayProcess, tmp_path: Path) -> AsyncIterator[list[Rep]]:
    async with signed_in(relay, tmp_path, "ana", "bob") as reps:
        yield reps


@pytest.fixture
async def ion(relay: RelayProcess) -> AsyncIterator[Client]:
    async with page(relay.url) as client:
        yield client


async def helping(ana: Rep, ion: Client, *, mode: Mode = Mode.MULTI) -> str:
    """Ana helps Ion."""
    session = await ana.controller.start_session(mode)
    await ion.join("Ion", link=session.view.link)
    await ana.noticed(Happening.JOINED)
    return session.id


async def assisted(ana: Rep, bob: Rep, ion: Client, *, mode: Mode = Mode.MULTI) -> str:
    """Ana helps Ion, and Bob assists her."""
    session_id = await helping(ana, ion, mode=mode)
    number = ana.sees(session_id).view.number
    inside = await bob.controller.assist(f" {number[:3]} {number[3:6]} {number[6:]} ")
    assert inside.id == session_id
    await ana.noticed(Happening.ASSISTANT_JOINED)
    return session_id


async def refused(doing: object) -> ErrorCode:
    with pytest.raises(Refused) as caught:
        await doing  # type: ignore[misc]
    assert isinstance(caught.value.code, ErrorCode)
    return caught.value.code


# --- assisting


@pytest.mark.rule("B-8.1", "B-1.1")
async def test_a_colleague_assists_chats_in_private_and_leaves(two: list[Rep], ion: Client) -> None:
    ana, bob = two
    session_id = await helping(ana, ion)
    await ion.say("from before")
    await ana.until(lambda: ana.sees(session_id).view.chat)
    inside = await bob.controller.assist(ana.sees(session_id).view.number)
    assert inside.role is Role.ASSISTANT
    assert not inside.has_control
    assert [line.text for line in inside.view.chat] == ["from before"], "a colleague reads what was said"
    assert bob.of(SessionOpened) == [SessionOpened(inside, recovered=False)]
    assert (await ana.noticed(Happening.ASSISTANT_JOINED)).name == "Bob"
    await bob.controller.send_chat(session_id, "between us", Audience.REPS)
    await bob.controller.send_chat(session_id, "for all")
    await ana.until(lambda: len(ana.sees(session_id).view.chat) == 3)
    await ion.wait(lambda: "for all" in ion.lines)
    assert "between us" not in ion.lines
    assert await refused(bob.controller.end_session(session_id)) is ErrorCode.NOT_ALLOWED
    assert await refused(bob.controller.assist(inside.view.number)) is ErrorCode.ALREADY_INSIDE
    await bob.controller.leave_session(session_id)
    left = await bob.told(SessionLeft)
    assert (left.why, left.session.id) == (LeftWhy.LEFT, session_id)
    assert len(bob.of(SessionLeft)) == 1
    assert session_id not in bob.controller.sessions
    assert (await ana.noticed(Happening.LEFT)).name == "Bob"
    again = await bob.controller.assist(inside.view.number)
    assert len(again.view.chat) == 3
    assert await refused(ana.controller.leave_session(session_id)) is ErrorCode.NOT_ALLOWED


@pytest.mark.rule("B-8.2")
async def test_each_reason_for_not_assisting_has_its_own_code(
    relay: RelayProcess, two: list[Rep], tmp_path: Path
) -> None:
    ana, bob = two
    for wrong in ("", "12345678", "1234567890", "१२३४५६७८९", "000000000"):
        assert await refused(bob.controller.assist(wrong)) is ErrorCode.WRONG_NUMBER
    single = await ana.controller.start_session(Mode.SINGLE)
    async with signed_in(relay, tmp_path, "eva") as (eva,):
        assert await refused(eva.controller.assist(single.view.number)) is ErrorCode.NO_PRIVILEGE
    await ana.controller.lock_session(single.id, True)
    await ana.until(lambda: ana.sees(single.id).view.locked)
    assert await refused(bob.controller.assist(single.view.number)) is ErrorCode.SESSION_LOCKED
    await ana.controller.end_session(single.id)
    await ana.told(SessionClosed)
    assert await refused(bob.controller.assist(single.view.number)) is ErrorCode.SESSION_ENDED


# --- control


@pytest.mark.rule("B-9.2", "B-9.3", "B-9.4")
async def test_control_goes_there_and_back_and_the_media_hub_with_it(two: list[Rep], ion: Client) -> None:
    ana, bob = two
    session_id = await assisted(ana, bob, ion)
    key = PeerKey(session_id, ana.finds(session_id, "Ion").id)
    await offers_media(ion, ana.finds(session_id, "Ana"), 1)
    await ana.until(lambda: ana.engine.epochs.get(key) == 1)
    ana.engine.connect(key)
    await ana.controller.ask_view(session_id)
    asked = await ion.wait_fact(events.ActivityChanged)
    answer = requests.ActivityAnswer(session_id=session_id, activity_id=asked.activity.id, accept=True)
    await ion.ask("activity.answer", answer)
    ana.engine.show(key)
    await ana.until(lambda: ana.sees(session_id).picture is Picture.LIVE)
    await bob.until(lambda: bob.sees(session_id).picture is Picture.ELSEWHERE)
    assert bob.controller.mailbox(session_id) is None

    await ana.controller.transfer_control(session_id, ana.finds(session_id, "Bob").id)
    assert (await bob.noticed(Happening.CONTROL_GIVEN)).name == "Ana"
    assert (await ana.noticed(Happening.CONTROL_GONE)).name == "Bob"
    for rep, role in ((ana, Role.ASSISTANT), (bob, Role.CONTROLLER)):
        await rep.until(lambda rep=rep, role=role: rep.sees(session_id).role is role)  # type: ignore[misc]
        assert rep.sees(session_id).share is None
        assert rep.sees(session_id).picture is Picture.NONE
        await rep.until(lambda rep=rep: bool(rep.sees(session_id).view.marks))  # type: ignore[misc] - a fact of its own
        assert [mark.kind for mark in rep.sees(session_id).view.marks] == [MarkKind.CONTROL]
    ended = await ion.wait(
        lambda: next(
            (
                fact.activity
                for fact in ion.facts
                if isinstance(fact, events.ActivityChanged) and fact.activity.state is ActivityState.ENDED
            ),
            None,
        )
    )
    assert ended.end is ActivityEnd.CONTROL_TRANSFERRED
    mark = (await ion.wait_fact(events.MarkAdded)).mark
    assert (mark.former, mark.name) == ("Ana", "Bob"), "the customer is told both names"
    await ana.until(lambda: session_id in ana.engine.closed)
    assert await refused(ana.controller.end_session(session_id)) is ErrorCode.NOT_ALLOWED
    assert await refused(ana.controller.ask_view(session_id)) is ErrorCode.NOT_ALLOWED

    await offers_media(ion, bob.finds(session_id, "Bob"), 2)
    await bob.until(lambda: bob.engine.epochs.get(key) == 2)
    bob.engine.connect(key)
    await bob.controller.ask_view(session_id)
    await bob.until(lambda: bob.sees(session_id).picture is Picture.ASKED)

    await bob.controller.transfer_control(session_id, bob.finds(session_id, "Ana").id)
    assert (await ana.noticed(Happening.CONTROL_GIVEN)).name == "Bob"
    await offers_media(ion, ana.finds(session_id, "Ana"), 3)
    await ana.until(lambda: ana.engine.epochs.get(key) == 3)
    assert [offer for offer in bob.engine.offers if offer[0] == key] == [(key, 2, "v=0\r\ns=offer\r\n")]
    assert [len(rep.sees(session_id).view.marks) for rep in two] == [2, 2]


@pytest.mark.rule("B-9.3")
async def test_a_new_hub_asks_whoever_does_not_offer_by_himself(two: list[Rep], ion: Client) -> None:
    ana, bob = two
    session_id = await assisted(ana, bob, ion)
    await ana.controller.transfer_control(session_id, ana.finds(session_id, "Bob").id)
    await bob.noticed(Happening.CONTROL_GIVEN)
    hub = bob.finds(session_id, "Bob").id
    asked = await ion.wait(
        lambda: next((each for name, each in ion.events if name == "signal" and each.sender == hub), None), 15
    )
    assert asked.epoch == 1


@pytest.mark.rule("B-7.9")
async def test_an_assistant_asks_for_control_and_is_heard(two: list[Rep], ion: Client) -> None:
    ana, bob = two
    session_id = await assisted(ana, bob, ion)
    await bob.controller.ask_control(session_id)
    assert (await ana.noticed(Happening.ASKS_CONTROL)).name == "Bob"
    assert ana.sees(session_id).assistants[0].asks_control
    await ana.controller.refuse_control(session_id, ana.finds(session_id, "Bob").id)
    assert (await bob.noticed(Happening.CONTROL_REFUSED)).name == "Ana"
    await bob.controller.ask_control(session_id)
    await bob.controller.ask_control(session_id, False)
    await ana.until(lambda: not ana.sees(session_id).assistants[0].asks_control)
    told = [each.what for each in bob.of(type(await bob.noticed(Happening.CONTROL_REFUSED)))]
    assert told.count(Happening.CONTROL_REFUSED) == 1, "what he took back himself is no news"


@pytest.mark.rule("B-9.6")
async def test_who_gives_away_what_he_no_longer_has_is_told_that_it_moved(
    relay: RelayProcess, two: list[Rep], ion: Client, tmp_path: Path
) -> None:
    ana, bob = two
    session_id = await assisted(ana, bob, ion)
    async with signed_in(relay, tmp_path, "eva") as (eva,):
        await eva.controller.assist(ana.sees(session_id).view.number)
        await ana.until(lambda: len(ana.sees(session_id).assistants) == 2)
        to_bob, to_eva = (ana.finds(session_id, name).id for name in ("Bob", "Eva"))
        results = await asyncio.gather(
            ana.controller.transfer_control(session_id, to_bob),
            ana.controller.transfer_control(session_id, to_eva),
            return_exceptions=True,
        )
        assert [result for result in results if result is None] == [None], "one wins"
        lost = next(result for result in results if result is not None)
        assert isinstance(lost, Refused)
        assert lost.code is ErrorCode.CONTROL_MOVED
        for rep in (ana, bob, eva):
            await rep.until(lambda rep=rep: rep.sees(session_id).view.marks)  # type: ignore[misc]
        assert len({rep.sees(session_id).controller for rep in (ana, bob, eva)}) == 1
        await next(rep for rep in (bob, eva) if rep.sees(session_id).has_control).controller.end_session(session_id)


# --- a controller who is lost


@pytest.mark.rule("B-12.6")
async def test_an_assistant_may_not_take_over_from_somebody_who_is_there(two: list[Rep], ion: Client) -> None:
    ana, bob = two
    session_id = await assisted(ana, bob, ion)
    assert await refused(bob.controller.take_control(session_id)) is ErrorCode.CONTROLLER_PRESENT
    assert ana.sees(session_id).has_control


@pytest.mark.slow
@pytest.mark.rule("B-12.6")
async def test_an_assistant_takes_over_from_who_is_lost_for_a_minute(
    relay: RelayProcess, ion: Client, tmp_path: Path
) -> None:
    async with signed_in(relay, tmp_path, "bob") as (bob,):
        async with signed_in(relay, tmp_path, "ana") as (ana,):
            session_id = await assisted(ana, bob, ion)
            await ana.controller.aclose()
        assert (await bob.noticed(Happening.CONTROLLER_LOST)).name == "Ana"
        deadline = asyncio.get_running_loop().time() + 90
        tries = 0
        while not bob.sees(session_id).has_control:
            assert asyncio.get_running_loop().time() < deadline
            try:
                await bob.controller.take_control(session_id)
            except Refused as refusal:
                assert refusal.code is ErrorCode.CONTROLLER_PRESENT
                tries += 1
                await asyncio.sleep(1)
        assert tries > 30, "not before a minute"
        assert (await bob.noticed(Happening.CONTROL_GIVEN)).name == "Ana"
        await bob.until(lambda: bool(bob.sees(session_id).view.marks))  # a fact of its own
        assert [mark.kind for mark in bob.sees(session_id).view.marks] == [MarkKind.TAKEN_OVER]
        async with signed_in(relay, tmp_path, "ana") as (ana,):
            back = await ana.until(lambda: ana.controller.sessions.get(session_id))
            assert back.role is Role.ASSISTANT, "who comes back finds his session in another's hands"
            assert ana.of(SessionOpened)[0].recovered


# --- single mode and limits


@pytest.mark.rule("B-2.5", "B-5.1", "B-1.2")
async def test_single_mode_lets_in_turns_away_selects_and_locks(
    relay: RelayProcess, two: list[Rep], ion: Client
) -> None:
    ana, _ = two
    session_id = await helping(ana, ion, mode=Mode.SINGLE)
    number = ana.sees(session_id).view.number
    async with page(relay.url) as ida, page(relay.url) as leo, page(relay.url) as mia:
        waits = await ida.join("Ida", number=number)
        assert waits.session.waiting_for is WaitReason.ADMISSION
        assert [each.name for each in waits.session.participants] == ["Ida"], "nothing of anybody else"
        assert (await ana.noticed(Happening.WAITING)).name == "Ida"
        assert [each.name for each in ana.sees(session_id).waiting] == ["Ida"]
        await ana.controller.admit(session_id, ana.finds(session_id, "Ida").id, True)
        await ana.until(lambda: len(ana.sees(session_id).customers) == 2)
        await ion.wait(
            lambda: any(isinstance(f, events.ParticipantChanged) and f.participant.name == "Ida" for f in ion.facts)
        )
        await ana.controller.select_customer(session_id, ana.finds(session_id, "Ida").id)
        assert (await ana.noticed(Happening.CUSTOMER_SELECTED)).name == "Ida"
        customer = ana.sees(session_id).customer
        assert customer is not None
        assert customer.name == "Ida"
        assert ana.sees(session_id).view.marks[-1].kind is MarkKind.CUSTOMER
        await leo.join("Leo", number=number)
        await ana.until(lambda: ana.sees(session_id).waiting)
        await ana.controller.admit(session_id, ana.finds(session_id, "Leo").id, False)
        assert (await leo.wait_fact(events.ParticipantLeft)).reason is LeaveReason.REMOVED
        await ana.until(lambda: not ana.sees(session_id).waiting)
        await ana.controller.lock_session(session_id, True)
        await ana.until(lambda: ana.sees(session_id).view.locked)
        join = requests.SessionJoin(request_id=secrets.token_urlsafe(16), name="Mia", number=number)
        assert await mia.refused("session.join", join) == "session_locked"
        await ana.controller.lock_session(session_id, False)
        await mia.join("Mia", number=number)


@pytest.mark.rule("B-6.3")
async def test_at_the_limit_no_session_starts_and_customers_wait_until_there_is_room(
    relay: RelayProcess, tmp_path: Path, ion: Client
) -> None:
    async with signed_in(relay, tmp_path, "one") as (one,), page(relay.url) as ida:
        first = await one.controller.start_session(Mode.MULTI)
        second = await one.controller.start_session(Mode.MULTI)
        await ion.join("Ion", link=first.view.link)
        await one.until(lambda: one.sees(first.id).customers)
        assert await refused(one.controller.start_session(Mode.MULTI)) is ErrorCode.LIMIT_REACHED
        waits = await ida.join("Ida", link=second.view.link)
        assert waits.session.waiting_for is WaitReason.LIMIT
        assert (await one.noticed(Happening.WAITING)).name == "Ida"
        await one.controller.end_session(first.id)
        await one.until(lambda: one.sees(second.id).customers)
        assert one.sees(second.id).waiting == ()


# --- clicks and answers that go astray


@pytest.mark.rule("B-3.1")
async def test_clicking_start_again_after_no_answer_makes_no_second_session(
    two: list[Rep], monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, _ = two
    from support_manager.errors import AppCode, RelayUnavailable

    desk = ana.controller._desk
    real = desk._send
    swallow = [True]

    async def losing_the_answer(message: requests.Request, reply: type, **more: float) -> object:
        answer = await real(message, reply, **more)
        if isinstance(message, requests.SessionStart) and swallow.pop():
            raise RelayUnavailable(AppCode.TIMED_OUT)
        return answer

    monkeypatch.setattr(desk, "_send", losing_the_answer)
    with pytest.raises(RelayUnavailable):
        await ana.controller.start_session(Mode.MULTI, "T-1")
    swallow.append(False)
    started = await ana.controller.start_session(Mode.MULTI, " T-1 ")
    monkeypatch.undo()
    assert list(ana.controller.sessions) == [started.id]
    known = await real(requests.SessionList(), requests.Sessions)
    assert [each.id for each in known.sessions] == [started.id]
    another = await ana.controller.start_session(Mode.MULTI, "T-1")
    assert another.id != started.id, "answered once, the next click is a new wish"
