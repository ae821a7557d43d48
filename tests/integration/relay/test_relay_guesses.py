"""What guessing numbers from many addresses comes to on a real relay: slow answers, one record, nothing to learn."""

import asyncio
import contextlib
import secrets
import statistics
import time

import pytest
from sqlalchemy import select

from server_stub.joining import SLOW_ANSWER_S
from server_stub.store import tables
from support_manager.protocol import limits, requests
from tests.harness.agents import on_database
from tests.harness.relay import RelayProcess, page, rep

PER_ADDRESS = limits.WRONG_NUMBERS_PER_MINUTE_PER_ADDRESS
GUESSERS = limits.WRONG_NUMBERS_PER_MINUTE_PER_SITE // PER_ADDRESS
MORE = 16
"""As many as may be forgiven while the first ones guess and are answered."""
PAIRS = 8
WRONG = "100000000"


async def took(client, number):
    """How a join by number is answered, and after how long."""
    begun = time.monotonic()
    ack = await client.raw("session.join", {"request_id": secrets.token_hex(8), "name": "x", "number": number})
    return "joined" if ack["ok"] else ack["code"], time.monotonic() - begun


def apart(answers, numbers, ended):
    """By how much the median answers to wrong and to ended numbers differ, none of which says which it is."""
    assert {code for code, _ in answers} == {"wrong_number"}
    both = [
        [s for (_, s), number in zip(answers, numbers, strict=True) if (number == ended) is e] for e in (True, False)
    ]
    return abs(statistics.median(both[0]) - statistics.median(both[1]))


async def records(relay):
    async def work(database):
        async with database.reading() as connection:
            found = await connection.execute(select(tables.audit).where(tables.audit.c.kind == "wrong_numbers"))
            return [row.what for row in found]

    return await on_database(relay.data, work)


@pytest.mark.rule("B-2.7")
async def test_after_a_hundred_wrong_numbers_all_answers_are_slow_and_wrong_and_ended_take_as_long():
    options = ("--behind-proxy", "--public-url", "https://support.example.org")
    async with RelayProcess(None, *options) as relay, rep(relay) as ana, contextlib.AsyncExitStack() as leave:
        live, over = await ana.start_session(), await ana.start_session()
        await ana.ask("session.end", requests.SessionEnd(session_id=over.id))
        ended = over.number
        everybody = await asyncio.gather(
            *(
                leave.enter_async_context(page(relay.url, address=f"198.51.100.{n}"))
                for n in range(GUESSERS + MORE + 2 * PAIRS + 1)
            )
        )
        guessers, rest = everybody[:GUESSERS], everybody[GUESSERS:]

        async def guess(client, first):
            return [await took(client, (WRONG, ended)[(first + n) % 2]) for n in range(PER_ADDRESS)]

        rounds = await asyncio.gather(*(guess(client, n) for n, client in enumerate(guessers)))
        numbers = [(WRONG, ended)[(first + n) % 2] for first in range(GUESSERS) for n in range(PER_ADDRESS)]
        assert apart([each for answers in rounds for each in answers], numbers, ended) < 0.05
        assert not await records(relay)

        # What has been forgiven meanwhile is made up for by those who come first.
        numbers = [WRONG] * MORE + [WRONG, ended] * PAIRS + [live.number]
        answers = await asyncio.gather(*(took(client, number) for client, number in zip(rest, numbers, strict=True)))
        slow = answers[MORE:]
        assert slow[-1][0] == "joined"
        assert min(seconds for _, seconds in slow) >= SLOW_ANSWER_S, slow
        assert apart(slow[:-1], numbers[MORE:-1], ended) < 0.1, slow
        async with asyncio.timeout(10):
            while not (found := await records(relay)):
                pass
        assert found == ["over the site's limit"], "one for all of them"
