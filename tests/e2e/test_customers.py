"""Kinds of customers: two at once, one on a phone, one without a secure page, one who means harm."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from resources import catalog
from support_manager.protocol.events import ParticipantJoined
from tests.harness.centre import Centre, Customer, free_port
from tests.harness.chromium import Chromium
from tests.harness.relay import RelayProcess, rep

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

HOSTILE = '<img src=x onerror="document.title=1"><b>bold</b> \u202eevil\u202c '


def says(area: str, key: str, **places: object) -> str:
    return catalog.sentence("en", area, key, **places)


async def chats(centre: Centre, customer: Customer) -> None:
    await customer.say("can you read this?")
    await centre.app.session(lambda one: [line["text"] for line in one["view"]["chat"]] == ["can you read this?"])


@pytest.mark.rule("B-6.1")
async def test_two_customers_at_once_each_in_his_tab(centre: Centre):
    first, ana = await centre.sharing("Ana P.")
    second, ion = await centre.sharing("Ion B.")
    assert first["id"] != second["id"]
    await ana.say("from Ana")
    await ion.say("from Ion")
    for session, line in ((first, "from Ana"), (second, "from Ion")):
        await centre.app.session(
            lambda one, session=session, line=line: (
                one["id"] == session["id"] and [said["text"] for said in one["view"]["chat"]] == [line]
            )
        )
    shown = await centre.app.code()
    await centre.app.do("choose_tab", session_id=first["id"])
    await centre.app.code(above=shown)
    # One stops; the other's picture goes on.
    await ana.page.bring_to_front()
    await ana.page.click("#stop")
    await centre.app.session(lambda one: one["id"] == first["id"] and one["picture"] == "none")
    await centre.app.do("choose_tab", session_id=second["id"])
    await centre.app.code(above=shown)
    assert await ion.lines() == ["from Ion"]


@pytest.mark.rule("B-2.4")
async def test_a_browser_that_cannot_show_the_screen(centre: Centre):
    session = await centre.start_session()
    ana = await centre.customer()
    await ana.page.add_init_script("delete MediaDevices.prototype.getDisplayMedia;")
    await ana.page.goto(session["view"]["link"])
    await expect(ana.page.locator("#card")).to_contain_text(says("page", "check.screen_no"))
    await ana.page.fill("#field-name", ana.name)
    await ana.page.click("#join-send")
    await centre.app.session(lambda one: len(one["view"]["participants"]) == 2)
    # The rep knows too, before he asks in vain.
    await centre.app.until(lambda texts: says("session", "device.screen.no") in texts, "texts")
    await chats(centre, ana)


@pytest.mark.rule("B-2.4")
async def test_a_page_without_https_says_so_and_chats(whole_centre: Centre, tmp_path: Path):
    # Any name but loopback's own is no secure place to a browser; no name server is needed for this one.
    port = free_port()
    origin = f"http://relay.test:{port}"
    flag = "--host-resolver-rules=MAP relay.test 127.0.0.1"
    async with (
        RelayProcess(tmp_path, "--port", str(port), "--public-url", origin) as relay,
        rep(relay, "maria") as maria,
        Chromium(headless=True, extra_flags=[flag]) as browser,
    ):
        session = await maria.start_session()
        ana = Customer(await browser.first_page(), "Ana P.")
        await ana.page.goto(session.link or "")
        assert not await ana.page.evaluate("isSecureContext")
        await expect(ana.page.locator("#card")).to_contain_text(says("page", "check.screen_insecure"))
        await ana.page.fill("#field-name", ana.name)
        await ana.page.click("#join-send")
        joined = await maria.wait_fact(ParticipantJoined)
        assert joined.participant.device.secure == "no"
        await ana.say("can you read this?")
        await maria.wait(lambda: maria.lines == ["can you read this?"])


@pytest.mark.rule("B-7.4")
async def test_markup_and_direction_marks_stay_plain_text(centre: Centre):
    name = "<b>Ana</b><img src=x>"
    session = await centre.start_session()
    ana = await centre.customer(name)
    errors: list[str] = []
    ana.page.on("requestfailed", lambda request: errors.append(request.url))
    await ana.join(session["view"]["link"])
    await centre.app.session(lambda one: len(one["view"]["participants"]) == 2)
    long = (HOSTILE * 100)[:4000].strip()
    await ana.say(long)
    told = await centre.app.session(lambda one: len(one["view"]["chat"]) == 1)
    line = told["view"]["chat"][0]["text"]
    assert "<img src=x" in line
    # The page: as text, nothing became an element.
    await expect(ana.page.locator("#lines .said")).to_have_count(1)
    assert "<img src=x" in (await ana.lines())[0]
    assert await ana.page.locator("#lines img, #lines b, header img, header b").count() == 0
    # The app: the characters themselves stand on the screen.
    await centre.app.until(lambda texts: any("<b>" in text and "<img" in text for text in texts), "texts")
    # What was written marks no direction for what follows it, neither in the name nor in the line.
    texts = await centre.app.do("texts")
    for text in (line, *texts):
        assert text.count("\u202e") == 0 or text.count("\u202c") >= text.count("\u202e"), text[:80]
    # The rep answers in kind.
    await centre.app.type("chatInput", "<script>document.title = 'taken'</script>", enter=True)
    await ana.page.get_by_text("<script>document.title").wait_for()
    assert await ana.page.title() not in ("taken", "1")
    assert not [url for url in errors if url.endswith("/x")]
