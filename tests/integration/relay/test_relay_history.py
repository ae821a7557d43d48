"""History, notes and surveys on a real relay: found, read, noted, kept apart from strangers, and over a power cut."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import select, update

from server_stub.audit import check_chain
from server_stub.live import MEMBER_FACTS_BURST, MEMBER_FACTS_PER_SECOND
from server_stub.store import tables
from server_stub.store.pruning import prune
from support_manager.protocol import limits, requests
from support_manager.protocol.activities import ActivityKind
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import SessionState
from support_manager.protocol.views import Audience, Mode, SurveyAnswer
from tests.harness.agents import make_agents, on_database
from tests.harness.relay import RelayProcess, page, rep


@pytest.fixture(scope="module")
def relay(tmp_path_factory):
    data = tmp_path_factory.mktemp("relay")
    asyncio.run(make_agents(data, "ana", "ion", "dana", "radu", "lena", "paul"))
    with RelayProcess(data) as process:
        yield process


async def find(client, search="", **more):
    return await client.ask("history.list", requests.HistoryList(search=search, **more))


async def read(client, session_id):
    return await client.ask("history.read", requests.HistoryRead(session_id=session_id))


def noting(session_id, outcome="", notes="", seen=("", "")):
    read = {"seen_outcome": seen[0], "seen_notes": seen[1]}
    return requests.HistoryNote(session_id=session_id, outcome=outcome, notes=notes, **read)


async def noted(client, session_id):
    kept = await client.ask("history.notes", requests.HistoryNotes(session_id=session_id))
    return kept.outcome, kept.notes


def rating(session_id, stars, comment=""):
    return requests.SurveySend(session_id=session_id, rating=stars, comment=comment)


async def end(client):
    await client.ask("session.end", requests.SessionEnd(session_id=client.session_id))


async def one_session(client, customer, name="Maria", *lines):
    """A session from its start to its end, with a customer who says something."""
    session = await client.start_session()
    await customer.join(name, link=session.link)
    for line in lines:
        await customer.say(line)
    await end(client)
    return session.id


async def acts_of(relay, session_id):
    async def work(database):
        async with database.reading() as connection:
            of = tables.audit.c
            rows = await connection.execute(select(of.kind, of.who, of.what).where(of.session_id == session_id))
            found = [tuple(row) for row in rows]
        assert (await check_chain(database)).broken_at is None
        return found

    return await on_database(relay.data, work)


@pytest.mark.rule("B-7.4", "B-12.7")
async def test_a_session_is_found_read_noted_and_rated_by_who_was_in_it(relay):
    async with rep(relay, "ana") as ana, rep(relay, "ion") as ion, page(relay.url) as maria:
        session = await ana.start_session()
        early = rating(session.id, 5)
        await maria.join("Ștefania Pop", link=session.link)
        assert await maria.refused("survey.send", early) == ErrorCode.NOT_ALLOWED
        await ion.assist(session.number)
        await maria.say("Imprimanta SCOATE fum.")
        private = requests.ChatSend(
            session_id=session.id, line_id="private", text="Între noi: cartușul?", audience=Audience.REPS
        )
        await ion.ask("chat.send", private)
        await ana.ask("history.note", noting(session.id, " Rezolvat\n", "Tuș nou.\r\nGata."))
        assert await noted(ana, session.id) == ("Rezolvat", "Tuș nou.\nGata.")
        assert (await find(ana)).entries == ()  # it lives
        assert await ana.refused("history.read", requests.HistoryRead(session_id=session.id)) == "session_unknown"
        assert await ion.refused("history.note", noting(session.id, "mine")) == ErrorCode.NOT_ALLOWED
        assert await ion.refused("history.notes", requests.HistoryNotes(session_id=session.id)) == ErrorCode.NOT_ALLOWED
        await end(ana)
        # At once: nobody waits for what the relay writes a moment later.
        (entry,) = (await find(ana)).entries
        assert (entry.session_id, entry.number, entry.mode, entry.lines) == (session.id, session.number, Mode.MULTI, 2)
        assert (entry.customers, entry.reps) == (("Ștefania Pop",), ("Ana", "Ion"))
        assert (entry.outcome, entry.notes) == ("Rezolvat", "Tuș nou.\nGata.")
        assert (await read(ana, session.id)).survey == ()
        for stars, comment in ((2, "Mă rog."), (4, "Bine.\u202e"), (4, "Bine.")):
            await maria.ask("survey.send", rating(session.id, stars, comment))
        for who in (ana, ion):
            got = await read(who, session.id)
            assert (got.survey, got.kept) == ((SurveyAnswer(name="Ștefania Pop", rating=4, comment="Bine."),), True)
            assert [line.text for line in got.chat] == ["Imprimanta SCOATE fum.", "Între noi: cartușul?"]
            assert [line.sender in got.yours for line in got.chat] == [False, who is ion]
            assert len(got.yours) == 1
        digits = f"{session.number[:3]} {session.number[3:6]} {session.number[6:]}"
        for words in ("stefania", "ŞTEFANIA pop", "Ion", digits, "scoate FUM", "cartusul", "tus NOU", "rezolvat maria"):
            found = [each.session_id for each in (await find(ion, words)).entries]
            assert found == ([] if "maria" in words else [session.id]), words
        read_before = await noted(ana, session.id)
        await ana.ask("history.note", noting(session.id, "Redeschis", "", read_before))
        assert [each.outcome for each in (await find(ana, "redeschis")).entries] == ["Redeschis"]
        assert (await find(ana, "rezolvat")).entries == ()
        # What is said again, or is nobody's business, changes nothing.
        await ana.ask("history.note", noting(session.id, "Redeschis", ""))
        account = (await ana.wait_event("welcome")).account
    said = [act for act in await acts_of(relay, session.id) if act[0] in ("session_noted", "session_rated")]
    assert said == [
        ("session_noted", account.id, "outcome and notes"),
        ("session_rated", "customer", "survey"),
        ("session_rated", "customer", "survey"),
        ("session_noted", account.id, "outcome and notes"),
    ]


@pytest.mark.rule("B-2.5", "B-5.3", "B-7.2", "B-7.3", "B-7.9")
async def test_each_act_of_the_people_in_a_session_is_in_the_audit_log(relay):
    async with AsyncExitStack() as stack:
        ana, ion = [await stack.enter_async_context(rep(relay, name)) for name in ("ana", "ion")]
        maria, radu = [await stack.enter_async_context(page(relay.url)) for _ in range(2)]
        session = await ana.start_session(Mode.SINGLE)
        here = {"session_id": session.id}
        await maria.join("Maria", link=session.link)
        await radu.join("Radu", number=session.number)
        second = {**here, "participant_id": radu.session.you}
        await ana.ask("customer.admit", {**second, "accept": True})
        theirs = await ion.assist(session.number)
        for request_id, kind, who in (("s", ActivityKind.SHOW, ana), ("d", ActivityKind.DRAW, maria)):
            await who.ask("activity.offer", {**here, "request_id": request_id, "kind": kind})
        await ion.ask("control.ask", here)
        await ana.ask("control.refuse", {**here, "participant_id": theirs.you})
        await ana.ask("customer.select", second)
        for client in (ion, radu):
            await client.ask("session.leave", here)
        await end(ana)
        await find(ana)  # writes what waits
        one, other = [(await client.wait_event("welcome")).account.id for client in (ana, ion)]
    found = [(kind, who, what.partition(", ")[2]) for kind, who, what in await acts_of(relay, session.id)]
    assert found == [
        ("session_started", one, ""),
        ("session_joined", "customer", f"customer {maria.session.you}"),
        ("session_waiting", "customer", f"customer {radu.session.you}"),
        ("session_let_in", one, f"customer {radu.session.you}"),
        ("session_assisted", other, ""),
        ("show_started", one, ""),
        ("draw_started", "customer", f"customer {maria.session.you}"),
        ("control_asked", other, ""),
        ("control_refused", one, f"to {other}"),
        ("show_stopped", "relay", "customer_switched"),
        ("draw_stopped", "relay", "customer_switched"),
        ("session_selected", one, f"customer {radu.session.you}"),
        ("session_left", other, "left"),
        ("session_left", "customer", f"customer {radu.session.you}, left"),
        ("session_selected", "relay", f"customer {maria.session.you}"),
        ("session_ended", one, "ended_by_rep"),
    ]


async def test_whoever_comes_and_goes_for_ever_does_not_fill_the_audit_log(relay):
    begun, codes = time.monotonic(), []
    async with rep(relay, "ana") as ana:
        session = await ana.start_session()
        for _ in range(8):
            async with page(relay.url) as restless:  # each within what one connection may send
                for number in range(limits.EVENTS_BURST // 2 - 5):
                    join = {"request_id": f"come-{len(codes)}-{number}", "name": "X", "number": session.number}
                    ack = await restless.raw("session.join", join)
                    codes.append("" if ack["ok"] else ack["code"])
                    if codes[-1]:
                        break
                    await restless.ask("session.leave", {"session_id": session.id})
            if codes[-1]:
                break
        await find(ana)  # writes what waits
    kinds = [kind for kind, *_ in await acts_of(relay, session.id)]
    # Each coming is two facts: that he is there, and that the session is active.
    most = (MEMBER_FACTS_BURST + MEMBER_FACTS_PER_SECOND * (time.monotonic() - begun)) // 2
    assert (codes.count(""), codes[-1]) == (kinds.count("session_joined"), "too_fast")
    assert kinds.count("session_left") == codes.count("") <= most


@pytest.mark.rule("B-12.7")
async def test_what_is_not_ones_own_does_not_exist(relay):
    async with rep(relay, "ana") as ana, rep(relay, "dana") as dana, page(relay.url) as maria:
        mine = await one_session(ana, maria, "Maria", "A secret word: heliotrope")
        for event, payload in (
            ("history.read", requests.HistoryRead(session_id=mine)),
            ("history.notes", requests.HistoryNotes(session_id=mine)),
            ("history.note", noting(mine, "taken over")),
            ("survey.send", rating(mine, 1)),
        ):
            for other in (payload, msg_with(payload, "no-such-session")):
                assert await dana.refused(event, other) == ErrorCode.SESSION_UNKNOWN, event
            assert await dana.refused(event, msg_with(payload, "' OR 1=1 --")) == ErrorCode.BAD_MESSAGE, event
        for words in ("", "heliotrope", "%", "_", "Ana"):
            assert (await find(dana, words)).entries == ()
        assert await ana.refused("survey.send", rating(mine, 5)) == ErrorCode.SESSION_ENDED
        for event, payload in (
            ("history.list", requests.HistoryList()),
            ("history.read", requests.HistoryRead(session_id=mine)),
            ("history.notes", requests.HistoryNotes(session_id=mine)),
            ("history.note", noting(mine)),
        ):
            assert await maria.refused(event, payload) == ErrorCode.NOT_ALLOWED
        async with page(relay.url) as stranger:
            assert await stranger.refused("survey.send", rating(mine, 1)) == ErrorCode.SESSION_UNKNOWN
        for wrong in ({"rating": 0}, {"rating": 6}, {"rating": True}, {"rating": 3, "comment": "x" * 1_001}):
            answer = await maria.raw("survey.send", {"session_id": mine, **wrong})
            assert answer == {"ok": False, "code": "bad_message"}, wrong
        (entry,) = [each for each in (await find(ana)).entries if each.session_id == mine]
        assert (entry.outcome, (await read(ana, mine)).survey) == ("", ())


@pytest.mark.rule("B-9.2", "B-12.7")
async def test_who_takes_over_overwrites_no_notes_that_he_has_not_read(relay):
    async with rep(relay, "ana") as ana, rep(relay, "ion") as ion, page(relay.url) as maria:
        session = await ana.start_session()
        await maria.join("Maria", link=session.link)
        inside = await ion.assist(session.number)
        await ana.ask("history.note", noting(session.id, "partly", "Serial number 12."))
        give = requests.ControlTransfer(session_id=session.id, to=inside.you)
        await ana.ask("control.transfer", give)
        await end(ion)
        assert await ion.refused("history.note", noting(session.id, "solved")) == ErrorCode.NOTES_CHANGED
        assert await noted(ion, session.id) == await noted(ana, session.id) == ("partly", "Serial number 12.")
        solved = noting(session.id, "solved", "Serial number 12.", await noted(ion, session.id))
        await ion.ask("history.note", solved)
        assert await noted(ana, session.id) == ("solved", "Serial number 12.")


def msg_with(payload, session_id):
    fields = {name: getattr(payload, name) for name in payload.__struct_fields__}
    return type(payload)(**{**fields, "session_id": session_id})


async def test_a_search_finds_signs_that_mean_something_to_a_database(relay):
    lines = ("100% sure", "file_name", "O'Brien", "back\\slash", "a/b", "ab", 'say "hello"', "x" * 120)
    async with AsyncExitStack() as stack:
        radu = await stack.enter_async_context(rep(relay, "radu"))
        for line in lines:
            maria = await stack.enter_async_context(page(relay.url))
            await one_session(radu, maria, "Nobody", line)

        async def found(words):
            texts = []
            for entry in (await find(radu, words)).entries:
                texts += [line.text for line in (await read(radu, entry.session_id)).chat]
            return texts

        for words, expected in (
            ("100%", ["100% sure"]),
            ("%", ["100% sure"]),
            ("file_name", ["file_name"]),
            ("e_n", ["file_name"]),
            ("filexname", []),
            ("_", ["file_name"]),
            ("o'brien", ["O'Brien"]),
            ("'", ["O'Brien"]),
            ("\\", ["back\\slash"]),
            ("a/b", ["a/b"]),
            ('"HELLO" say', ['say "hello"']),
            ("x" * 100, ["x" * 120]),
            ("y" * 100, []),
            ("100% file_name", []),
        ):
            assert await found(words) == expected, words
        assert len(await found(" \t ")) == len(lines)
        too_long = await radu.raw("history.list", {"search": "x" * (limits.SEARCH_CHARS + 1)})
        assert too_long == {"ok": False, "code": "bad_message"}
        one_letter_words = " ".join("abcdefghijklmnopqrstuvwxyz")
        assert await found(one_letter_words) == []


async def test_pages_leave_nobody_out_also_where_several_ended_in_one_moment(relay):
    ids = []
    async with AsyncExitStack() as stack:
        lena = await stack.enter_async_context(rep(relay, "lena"))
        for _ in range(7):
            session = await lena.start_session()
            await end(lena)
            ids.append(session.id)
        assert [each.session_id for each in (await find(lena)).entries] == ids[::-1]

        async def one_moment(database):
            async with database.transaction() as connection:
                times = (10, 20, 20, 20, 30, 40, 50)
                for session_id, at in zip(ids, times, strict=True):
                    here = tables.history.c.session_id == session_id
                    await connection.execute(update(tables.history).where(here).values(ended_at=at))

        await on_database(relay.data, one_moment)
        for limit in (1, 2, 3, 4, 7, 100):
            before, seen, pages = None, [], 0
            while True:
                page_of = await find(lena, limit=limit, before=before)
                seen += [(each.ended_at, each.session_id) for each in page_of.entries]
                pages += 1
                if not page_of.more:
                    break
                before = page_of.entries[-1].ended_at
            assert [at for at, _ in seen] == [50, 40, 30, 20, 20, 20, 10], limit
            assert sorted(session_id for _, session_id in seen) == sorted(ids), limit
            assert pages == {1: 5, 2: 4, 3: 3, 4: 2}.get(limit, 1)
        assert (await find(lena, before=10)).entries == ()
        for wrong in ({"limit": 0}, {"limit": 101}, {"before": -1}):
            assert (await lena.raw("history.list", wrong))["code"] == "bad_message"


@pytest.mark.rule("B-12.7", "B-12.5")
async def test_a_power_cut_loses_no_note_no_survey_and_no_session():
    async with RelayProcess() as relay:
        async with rep(relay, "paul") as paul, page(relay.url) as maria, page(relay.url) as ion:
            over = await one_session(paul, maria, "Maria", "The printer smokes.")
            session = await paul.start_session()
            joined = await ion.join("Ion", link=session.link)
            await paul.ask("history.note", noting(session.id, "half way", "Ask for the serial number."))
            relay.kill9()
        await asyncio.to_thread(relay.start)
        async with rep(relay, "paul") as paul, page(relay.url) as maria:
            # Cut off before it was written down, and there nevertheless.
            (entry,) = (await find(paul, "smokes")).entries
            assert entry.session_id == over
            await paul.ask("history.note", noting(over, "solved", "After the cut."))
            await paul.resume(session.id)
            await end(paul)
            await maria.resume(session.id, joined.resume_token)
            assert maria.session.state is SessionState.ENDED
            await maria.ask("survey.send", rating(session.id, 3, "Slow."))
            relay.kill9()
        await asyncio.to_thread(relay.start)
        async with rep(relay, "paul") as paul:
            live, first = (await find(paul)).entries
            assert (first.outcome, first.notes) == ("solved", "After the cut.")
            assert (live.outcome, live.notes) == ("half way", "Ask for the serial number.")
            assert [answer.rating for answer in (await read(paul, session.id)).survey] == [3]
        await asyncio.to_thread(relay.stop)
        await on_database(relay.data, forget_all)
        await asyncio.to_thread(relay.start)
        async with rep(relay, "paul") as paul:
            # Its rating stays, without a name and a word.
            assert (await read(paul, session.id)).survey == (SurveyAnswer(rating=3),)
            got = await read(paul, over)
            assert (got.kept, got.chat, got.marks, got.entry.customers) == (False, (), (), ())
            assert got.entry.notes == "After the cut."
            assert [each.session_id for each in (await find(paul, "AFTER the cut")).entries] == [over]
            assert (await find(paul, "smokes")).entries == ()
            await paul.ask("history.note", noting(over, "solved for good", seen=await noted(paul, over)))
            assert (await read(paul, over)).entry.outcome == "solved for good"


async def forget_all(database):
    """What the relay does when `keep_days` are over; nobody waits so long."""
    later = time.time_ns() // 1_000_000 + 1_000
    assert await prune(database, ended_before_ms=later, now_ms=later) == 2


async def test_who_changes_his_mind_without_end_is_slowed_down(relay):
    async with rep(relay, "paul") as paul, page(relay.url) as maria:
        session_id = await one_session(paul, maria)
        answers = [await maria.raw("survey.send", {"session_id": session_id, "rating": n % 5 + 1}) for n in range(12)]
        assert [answer["ok"] for answer in answers] == [True] * 10 + [False] * 2
        assert answers[-1]["code"] == ErrorCode.TOO_FAST
        assert [answer.rating for answer in (await read(paul, session_id)).survey] == [5]
