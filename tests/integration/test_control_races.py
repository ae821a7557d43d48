"""Fifty seeded races on a real relay with three real controllers: one outcome each, and all screens agree on it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from support_manager.errors import Refused
from support_manager.events import Happening, SessionClosed, SessionLeft, SessionOpened
from support_manager.protocol import events, requests
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import Mode, SessionView, WaitReason
from tests.harness.relay import Client, RelayProcess, page
from tests.harness.reps import Rep, add_rep, memory_ring, signed_in

LONGEST_HEAD_START_S = 0.006
"""About as long as the relay takes for one act: enough to have either one first."""


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        for name in ("ana", "bob", "eva"):
            add_rep(process, name, "--agent", "--mode", "multi")
        add_rep(process, "one", "--mode", "multi", "--limit", "1")
        yield process


@pytest.fixture(autouse=True)
def ring() -> Iterator[None]:
    with memory_ring():
        yield


def picture(view: SessionView) -> object:
    """What a screen says of a session: state, people, lines across, where it is on its way."""
    people = sorted((each.name, each.role, each.connection) for each in view.participants)
    return view.state, people, view.marks, view.transfer


@dataclass
class Race:
    """Three reps and a customer in one session, and the chance that decides who is first."""

    ana: Rep
    bob: Rep
    eva: Rep
    ion: Client
    session_id: str
    dice: random.Random

    @property
    def reps(self) -> list[Rep]:
        return [self.ana, self.bob, self.eva]

    async def run(self, *acts: Callable[[], Awaitable[object]]) -> list[ErrorCode | None]:
        """Do these at the same time, give or take a few milliseconds; how each was answered."""

        async def one(act: Callable[[], Awaitable[object]], head_start_s: float) -> ErrorCode | None:
            await asyncio.sleep(head_start_s)
            try:
                _ = await act()
            except Refused as refusal:
                assert isinstance(refusal.code, ErrorCode)
                return refusal.code
            return None

        waits = [self.dice.random() * LONGEST_HEAD_START_S for _ in acts]
        return list(await asyncio.gather(*(one(act, wait) for act, wait in zip(acts, waits, strict=True))))

    async def agreed(self, inside: Callable[[], list[Rep]]) -> None:
        """Wait until everybody who is still in the session sees what the relay would tell whoever comes anew, and see
        to it that everybody else has been told why he is out."""
        if inside():
            known = await inside()[0].controller._way.request(requests.SessionList(), requests.Sessions)
            truth = next(picture(each) for each in known.sessions if each.id == self.session_id)
            for rep in inside():
                await rep.until(lambda rep=rep: picture(rep.sees(self.session_id).view) == truth)  # type: ignore[misc]
        for rep in self.reps:
            gone = [*rep.of(SessionLeft), *rep.of(SessionClosed)]
            told = [each for each in gone if each.session.id == self.session_id]
            was_in = any(each.session.id == self.session_id for each in rep.of(SessionOpened))
            is_out = self.session_id not in rep.controller.sessions
            assert len(told) == (was_in and is_out), "told once, and only if so"
        in_charge = [rep for rep in self.reps if self.is_in_charge(rep)]
        assert len(in_charge) <= 1, "never two"

    def is_in_charge(self, rep: Rep) -> bool:
        shown = rep.controller.sessions.get(self.session_id)
        return shown is not None and shown.has_control

    def is_offered(self, rep: Rep) -> bool:
        inbox = rep.controller.inbox
        return inbox is not None and any(each.session_id == self.session_id for each in inbox.items)

    def inside(self) -> list[Rep]:
        return [rep for rep in self.reps if self.session_id in rep.controller.sessions]

    def person(self, name: str) -> str:
        return self.ana.finds(self.session_id, name).id


@pytest.fixture
async def reps(relay: RelayProcess, tmp_path: Path) -> AsyncIterator[list[Rep]]:
    async with signed_in(relay, tmp_path, "ana", "bob", "eva") as made:
        yield made


async def begin(relay: RelayProcess, reps: list[Rep], ion: Client, seed: int, *, assisted: bool = True) -> Race:
    ana, bob, eva = reps
    for each in reps:
        each.events.clear()
    session = await ana.controller.start_session(Mode.MULTI)
    await ion.join("Ion", link=session.view.link)
    if assisted:
        await bob.controller.assist(session.view.number)
        await eva.controller.assist(session.view.number)
    race = Race(ana, bob, eva, ion, session.id, random.Random(seed))
    await ana.until(lambda: len(ana.sees(session.id).view.participants) == (4 if assisted else 2))
    return race


async def finish(race: Race) -> None:
    """End what is left, so that one race is nothing to the next."""
    for rep in race.inside():
        if race.is_in_charge(rep):
            await rep.controller.end_session(race.session_id)
    await race.ana.until(lambda: not race.inside())


@pytest.mark.rule("B-9.6", "B-1.1")
async def test_two_transfers_at_once(relay: RelayProcess, reps: list[Rep]) -> None:
    winners = set()
    for seed in range(16):
        async with page(relay.url) as ion:
            race = await begin(relay, reps, ion, seed)
            bob, eva = race.person("Bob"), race.person("Eva")
            give = race.ana.controller.transfer_control
            answers = await race.run(
                lambda: give(race.session_id, bob),  # noqa: B023 - run before the next round
                lambda: give(race.session_id, eva),  # noqa: B023
            )
            assert sorted(map(str, answers)) == ["None", "control_moved"], seed
            await race.ana.until(lambda: not race.is_in_charge(race.ana))  # noqa: B023
            winner = [race.bob, race.eva][answers.index(None)]
            await winner.until(lambda: race.is_in_charge(winner))  # noqa: B023
            await race.agreed(lambda: race.reps)  # noqa: B023
            assert [each.mark.name for each in ion.facts if isinstance(each, events.MarkAdded)] == [winner.name.title()]
            winners.add(winner.name)
            await finish(race)
    assert winners == {"bob", "eva"}, "chance let either one win"


@pytest.mark.rule("B-9.6", "B-10.3")
async def test_control_against_the_whole_session(relay: RelayProcess, reps: list[Rep]) -> None:
    ana, bob, _ = reps
    outcomes = set()
    targets = await ana.controller.transfer_targets()
    to = [each.account_id for each in targets.agents if each.name == "Bob"]
    for seed in range(10):
        async with page(relay.url) as ion:
            race = await begin(relay, reps, ion, seed)
            eva = race.person("Eva")
            answers = await race.run(
                lambda: ana.controller.transfer_control(race.session_id, eva),  # noqa: B023
                lambda: ana.controller.transfer_session(race.session_id, agents=to),  # noqa: B023
            )
            assert answers.count(None) == 1, (seed, answers)
            if answers[1] is None:
                await ana.until(lambda: race.session_id not in ana.controller.sessions)  # noqa: B023
                await race.agreed(race.inside)
                assert race.inside() == [bob, race.eva]
                assert bob.sees(race.session_id).view.state is SessionState.OFFERED
                await bob.controller.accept_offer(race.session_id)
                await bob.until(lambda: race.is_in_charge(bob))  # noqa: B023
            else:
                await race.eva.until(lambda: race.is_in_charge(race.eva))  # noqa: B023
            await race.agreed(race.inside)
            outcomes.add(answers.index(None))
            await finish(race)
    assert outcomes == {0, 1}


@pytest.mark.rule("B-12.1", "B-9.6")
async def test_transfer_against_end(relay: RelayProcess, reps: list[Rep]) -> None:
    ana, bob, _ = reps
    outcomes = set()
    for seed in range(12):
        async with page(relay.url) as ion:
            race = await begin(relay, reps, ion, seed)
            heir = race.person("Bob")
            answers = await race.run(
                lambda: ana.controller.transfer_control(race.session_id, heir),  # noqa: B023
                lambda: ana.controller.end_session(race.session_id),  # noqa: B023
            )
            assert answers.count(None) == 1, (seed, answers)
            if answers[1] is None:
                await ion.wait_fact(events.SessionEnded)
                await ana.until(lambda: not race.inside())  # noqa: B023
            else:
                await bob.until(lambda: race.is_in_charge(bob))  # noqa: B023
                assert not any(isinstance(fact, events.SessionEnded) for fact in ion.facts)
            await race.agreed(race.inside)
            outcomes.add(answers.index(None))
            await finish(race)
    assert outcomes == {0, 1}


@pytest.mark.rule("B-10.4")
async def test_accept_against_accept(relay: RelayProcess, reps: list[Rep]) -> None:
    ana, bob, eva = reps
    winners = set()
    targets = await ana.controller.transfer_targets()
    to = [each.account_id for each in targets.agents if each.name in ("Bob", "Eva")]
    for seed in range(8):
        async with page(relay.url) as ion:
            race = await begin(relay, reps, ion, seed, assisted=bool(seed % 2))
            await ana.controller.transfer_session(race.session_id, agents=to)
            for rep in (bob, eva):
                await rep.until(lambda rep=rep: race.is_offered(rep))  # type: ignore[misc]  # noqa: B023
            answers = await race.run(
                lambda: bob.controller.accept_offer(race.session_id),  # noqa: B023
                lambda: eva.controller.accept_offer(race.session_id),  # noqa: B023
            )
            assert sorted(map(str, answers)) == ["None", "offer_gone"], seed
            winner = [bob, eva][answers.index(None)]
            await winner.until(lambda: race.is_in_charge(winner))  # noqa: B023
            await race.agreed(race.inside)
            assert len(race.inside()) == (2 if seed % 2 else 1)
            for rep in (bob, eva):
                await rep.until(lambda rep=rep: not race.is_offered(rep))  # type: ignore[misc]  # noqa: B023
            winners.add(winner.name)
            await finish(race)
    assert winners == {"bob", "eva"}


@pytest.mark.rule("B-6.3")
async def test_two_joins_at_the_limit(relay: RelayProcess, tmp_path: Path) -> None:
    async with signed_in(relay, tmp_path, "one", "bob", "eva") as reps:
        one, bob, eva = reps
        for seed in range(4):
            for each in reps:
                each.events.clear()
            dice = random.Random(seed)
            sessions = [await one.controller.start_session(Mode.MULTI) for _ in range(2)]
            for session, helper in product(sessions, (bob, eva)):
                await helper.controller.assist(session.view.number)
            async with page(relay.url) as ion, page(relay.url) as ida:
                races = [
                    Race(one, bob, eva, client, session.id, dice)
                    for client, session in zip((ion, ida), sessions, strict=True)
                ]

                async def join(client: Client, name: str, link: str, head_start_s: float) -> WaitReason | None:
                    await asyncio.sleep(head_start_s)
                    return (await client.join(name, link=link)).session.waiting_for

                answers = await asyncio.gather(
                    join(ion, "Ion", sessions[0].view.link, dice.random() * LONGEST_HEAD_START_S),
                    join(ida, "Ida", sessions[1].view.link, dice.random() * LONGEST_HEAD_START_S),
                )
                assert sorted(map(str, answers)) == ["None", "limit"], seed
                await one.noticed(Happening.WAITING)
                helped = [len(one.sees(each.id).customers) for each in sessions]
                assert sorted(helped) == [0, 1]
                for race in races:
                    await race.agreed(lambda: reps)
                first = answers.index(None)
                await finish(races[first])
                await one.until(lambda: one.sees(sessions[1 - first].id).customers)  # noqa: B023
                let_in = one.sees(sessions[1 - first].id).customers[0]
                assert let_in.role is Role.PRIMARY
                await races[1 - first].agreed(lambda: reps)
                await finish(races[1 - first])
                for race in races:
                    await race.agreed(race.inside)
