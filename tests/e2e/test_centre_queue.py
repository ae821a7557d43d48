"""A queue with five waiting customers, two of them at its entry page in real browsers: places, and who is next."""

from contextlib import AsyncExitStack

import pytest

from tests.harness.agents import enter, waiting_number
from tests.harness.relay import page
from tests.harness.team import Guest, Team

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def form(team: Team, name: str, problem: str, language: str = "en") -> Guest:
    """A customer who fills in the form of the entry page."""
    guest = await team.guest(name, f"{team.centre.relay.url}/help/support", language)
    await guest.screen("enter")
    await guest.page.fill("#field-problem", problem)
    await guest.page.click("#enter-send")
    await guest.screen("queued")
    return guest


@pytest.mark.rule("B-11.1", "B-11.2", "B-11.3")
async def test_five_wait_and_are_helped_in_order(team: Team):
    elena, dan, radu = team.desks
    await elena.command("presence_away")
    await radu.command("presence_away")
    await dan.command("presence_away")
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(page(team.centre.relay.url)) for _ in range(3)]
        await enter(others[0], "support", "First")
        ana = await form(team, "Ana P.", "The printer stays red.")
        await ana.reads("#card", "queue.place", place=2)
        await ana.reads("#card", "queue.stay", queue="Support")
        await ana.reads("#card", "queue.nobody")
        await enter(others[1], "support", "Third")
        await enter(others[2], "support", "Fourth")
        ion = await form(team, "Ion B.", "Totalul nu mai apare.", "ro")
        await ion.reads("#card", "queue.place", place=5)
        await ion.reads("#card", "queue.nobody")
        await ion.reads_only_his_language()
        await waiting_number(others[2], 4)

        # All agents read them, oldest first, with what they wrote; only who is Online is asked.
        for desk in team.desks:
            heard = await desk.app.until(lambda cards: len(cards) == 5, "spoken", name="inboxCard")
            names = [card.split(",")[0] for card in heard]
            assert names == ["First", "Ana P.", "Third", "Fourth", "Ion B."]
        await dan.reads_text("The printer stays red.")
        await dan.reads_only_his_language()
        assert await dan.app.do("visible", name="inboxDecline") is False
        await dan.command("presence_online")
        await dan.app.see("inboxDecline")
        await ion.reads("#card", "queue.text", queue="Support")

        # They are taken in order; the others move up.
        first = await dan.accept("First")
        await ana.reads("#card", "queue.next")
        await ion.reads("#card", "queue.place", place=4)
        await elena.command("presence_online")
        taken = await elena.accept("Ana P.")
        await ana.screen("waiting")
        await ana.reads("#card", "waiting.new_title", name=elena.name)
        await elena.reads("side.intake", queue="Support")
        await elena.reads_text("The printer stays red.")
        await ion.reads("#card", "queue.place", place=3)
        await elena.sees(ana)
        await dan.app.do("end", session_id=first["id"])
        for name in ("Third", "Fourth"):
            await dan.accept(name)
        await ion.reads("#card", "queue.next")
        await radu.command("presence_online")
        await radu.accept("Ion B.")
        await ion.screen("waiting")
        await ion.reads("#card", "waiting.new_title", name=radu.name)
        await radu.reads("inbox.empty")
        await elena.app.do("end", session_id=taken["id"])
        await ana.screen("over")
        await ana.reads("#card", "over.ended_by_rep.text", name=elena.name)
