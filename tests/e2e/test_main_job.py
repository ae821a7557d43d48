"""The main job on real parts: a link is opened, the screen is seen in the customer's tab, both chat, it ends."""

import pytest

from tests.harness.centre import Centre

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


@pytest.mark.rule("B-2.3", "B-6.1", "B-7.1", "B-7.4", "B-12.1")
async def test_from_link_to_end(centre: Centre):
    session, ana = await centre.joined("Ana P.")
    await centre.app.do("trigger", name="action_ask_view")
    await ana.allow()
    first = await centre.app.code()
    await centre.app.code(above=first)

    await ana.say("It stays red")
    await centre.app.session(lambda one: [line["text"] for line in one["view"]["chat"]] == ["It stays red"])
    await centre.app.type("chatInput", "I can see it", enter=True)
    await ana.page.get_by_text("I can see it").wait_for()

    await centre.app.do("end", session_id=session["id"])
    await ana.screen("over")
