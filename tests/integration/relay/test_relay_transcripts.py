"""The longest transcript the rules allow reaches whoever may read it: a page that joins or polls, a rep's app."""

import asyncio
import secrets

import pytest

from server_stub.ports import random_bytes
from server_stub.state import customers, decide, leaving, tokens
from server_stub.state.decide import Moment
from server_stub.state.facts import Entry
from server_stub.state.model import Session, apply
from server_stub.store.database import Database
from server_stub.store.journal import Journal, writer_for
from support_manager.protocol import limits, requests
from support_manager.protocol.views import AccountView, LeaveReason
from tests.harness.relay import Client, RelayProcess, page, rep

NUMBERS = ("100000001", "100000002", "100000003")
LINE = "\U0001f600" * (limits.TRANSCRIPT_CHARS // limits.TRANSCRIPT_LINES)
"""As many lines as there may be, of the characters that take most bytes on the wire."""


def full_session(account: AccountView, number: str, token: str) -> list[Entry]:
    """The journal of a session whose transcript can take no more."""
    session, entries = Session(f"session-{number}"), []

    def commit(facts):
        for fact in facts:
            entries.append(Entry(session.id, session.seq + 1, moment.now_ms, fact))
            apply(session, entries[-1])

    moment = Moment(1_800_000_000_000, random_bytes)
    commit(decide.decide_start(account, number, requests.SessionStart(request_id=number), moment))
    join = requests.SessionJoin(request_id=secrets.token_hex(16), name="Maria", number=number)
    commit(customers.decide_join(session, join, "en", token, moment).facts)
    maria = session.members()[1]
    for count in range(limits.TRANSCRIPT_LINES):
        line = requests.ChatSend(
            session_id=session.id, line_id=f"line-{count:04}".ljust(limits.ID_CHARS, "x"), text=LINE
        )
        who = maria if count < limits.CUSTOMER_LINES else session.members()[0]
        commit(decide.decide_chat(session, who, line, moment))
    if number == NUMBERS[0]:
        commit(leaving.decide_leave(session, maria, LeaveReason.LEFT, moment))
    return entries


@pytest.fixture
async def relay(tmp_path):
    process = RelayProcess(tmp_path)
    await asyncio.to_thread(process.add_user, "ana", "Ana")
    (tmp_path / ".test-account-ana").touch()
    async with Database.in_directory(tmp_path) as database:
        async with database.transaction() as connection:
            account_id = (await connection.exec_driver_sql("SELECT id FROM account")).scalar_one()
        account = AccountView(id=account_id, name="ana", display_name="Ana")
        journal = Journal(writer_for(database), lambda _: None, lambda _: None)
        process.tokens = {number: tokens.new_token(random_bytes) for number in NUMBERS}
        for number, token in process.tokens.items():
            await journal.append(full_session(account, number, token))
        await journal.close()
    async with process:
        yield process


@pytest.mark.rule("B-12.5", "B-7.4")
async def test_the_longest_transcript_reaches_everybody_who_may_read_it(relay):
    async with rep(relay) as ana:
        listed = (await ana.ask("session.list", requests.SessionList())).sessions
        assert sorted(view.number for view in listed) == list(NUMBERS)
        assert not any(view.chat for view in listed)
        for view in listed:
            chat = (await ana.resume(view.id)).session.chat
            assert [line.text for line in chat] == [LINE] * limits.TRANSCRIPT_LINES
            assert not (await ana.resume(view.id, None)).session.chat[limits.TRANSCRIPT_LINES :]
        by_seq = requests.SessionResume(session_id=ana.session_id, after_seq=chat[-2].seq)
        assert (await ana.ask("session.resume", by_seq)).session.chat == chat[-1:]

        async with page(relay.url) as newcomer:
            joined = await newcomer.join("Ion", number=NUMBERS[0])
            assert joined.session.chat == ()  # another customer's
        for number, transport in zip(NUMBERS[1:], ("websocket", "polling"), strict=True):
            client = Client(relay.url)
            try:
                await client.connect(transports=(transport,))
                back = await client.resume(f"session-{number}", relay.tokens[number])
                assert len(back.session.chat) == limits.TRANSCRIPT_LINES
                assert (
                    await client.refused("chat.send", {"session_id": f"session-{number}", "line_id": "l", "text": "x"})
                    == "transcript_full"
                )
            finally:
                await client.close()
        assert not [line for line in relay.log if "slow reader" in line]


async def test_whoever_asks_for_it_again_and_again_without_reading_is_cut_off(relay):
    async with rep(relay) as ana:
        await ana.raw("session.list", {})
        client = Client(relay.url)
        try:
            await client.connect()
            client.sio.eio.ws._response.connection.transport.pause_reading()
            resume = {"session_id": f"session-{NUMBERS[1]}", "resume_token": relay.tokens[NUMBERS[1]]}
            for _ in range(12):
                await client.sio.emit("session.resume", resume, callback=print)
            await ana.wait(lambda: any("slow reader" in line for line in relay.log))
        finally:
            await client.close()
