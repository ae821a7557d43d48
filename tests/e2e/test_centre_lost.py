"""A rep whose app is gone for good: an assistant takes over, a queue gets its customer back, any other session ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.harness.team import Team

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]
LOST_S = 90.0


@pytest_asyncio.fixture(loop_scope="session")
async def hurried(team: Team) -> AsyncIterator[Team]:
    """A session without its rep ends sooner here than after ten minutes."""
    await asyncio.to_thread(team.operator, "setting", "set", "session_without_controller_s", "75")
    yield team
    await asyncio.to_thread(team.operator, "setting", "set", "session_without_controller_s", "600")


@pytest.mark.rule("B-12.6")
async def test_a_lost_controller_with_an_assistant_from_a_queue_and_alone(hurried: Team):
    elena, dan, radu = hurried.desks
    helped = await dan.start()
    ana = await hurried.joined("Ana P.", helped)
    await ana.screen("waiting")
    await elena.assist(str(helped["view"]["number"]))
    await elena.reads("banner.assist", name=dan.name)

    ion = await hurried.guest("Ion B.", f"{hurried.centre.relay.url}/help/support", "ro")
    await ion.page.fill("#field-problem", "Totalul nu mai apare.")
    await ion.page.click("#enter-send")
    await ion.screen("queued")
    await dan.accept("Ion B.")
    await ion.screen("waiting")

    alone = await dan.start()
    eva = await hurried.joined("Eva C.", alone)
    await eva.screen("waiting")

    await dan.app.kill9()
    await elena.app.until(lambda enabled: enabled is False, "usable", name="banner_take")
    for guest, step, places in (
        (ana, "lost.soon_helper", {"helpers": elena.name}),
        (ion, "lost.soon_queue", {}),
        (eva, "lost.soon_alone", {}),
    ):
        await guest.page.bring_to_front()
        await guest.reads("#card", "waiting.lost_title", name=dan.name)
        await guest.reads("#card", step, name=dan.name, **places)

    # After a minute the assistant may take over, and the queue has its customer back, at its head.
    await elena.reads("banner.lost", name=dan.name, within_s=LOST_S)
    await elena.app.click("banner_take")
    await ana.reads("#lines", "mark.taken_over", name=elena.name, former=dan.name)
    await ana.reads("#card", "waiting.new_title", name=elena.name)
    await elena.sees(ana)
    await ion.screen("queued", LOST_S * 1000)
    await ion.reads("#card", "queue.next")
    await radu.accept("Ion B.")
    await ion.reads("#card", "waiting.new_title", name=radu.name)

    # The one with nobody ends, with the reason.
    await eva.screen("over", LOST_S * 1000)
    await eva.reads("#card", "over.controller_lost.title")

    # Whoever comes back finds himself an assistant where a colleague has taken over, and nowhere else.
    await hurried.restart(dan)
    await dan.reads("banner.assist", name=elena.name)
    await elena.can("end_session")
    assert len(await dan.app.do("sessions")) == 1
