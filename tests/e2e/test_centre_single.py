"""One session, two customers, three reps: the waiting room, whom to help, assisting, and control there and back."""

import pytest
from playwright.async_api import expect

from tests.harness.team import Guest, Team, now_code, people

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def nothing_shown(guest: Guest) -> None:
    await expect(guest.page.locator("#live")).to_be_hidden()


@pytest.mark.rule("B-1.1", "B-1.2", "B-2.5", "B-2.6", "B-5.1", "B-5.3", "B-8.1", "B-9.2", "B-9.3", "B-9.4", "B-12.1")
async def test_two_customers_and_three_reps_in_one_session(team: Team):
    elena, dan, radu = team.desks
    session = await elena.start(single=True)
    number = str(session["view"]["number"])
    ana = await team.joined("Ana P.", session)
    await ana.screen("waiting")
    await elena.reads("state.joined.title", name="Ana P.")

    # The second waits, sees nothing of the first, and is let in.
    ion = await team.joined("Ion B.", session, "ro")
    await ion.screen("let_in")
    await ion.reads("#card", "let_in.title")
    assert "Ana" not in await ion.page.inner_text("body")
    await elena.reads("banner.waits", name="Ion B.")
    await ion.reads_only_his_language()
    await elena.app.click("banner_admit")
    await ion.screen("watching")
    await ion.reads("#card", "watching.text", name=elena.name, primary="Ana P.")
    await ana.reads("#lines", "notice.joined", name="Ion B.")

    # Ana shows her screen; helping Ion ends that on every screen.
    await elena.sees(ana)
    await elena.app.click("person_help")
    await elena.app.click("select_dialog_confirm")
    await ana.screen("watching")
    await nothing_shown(ana)
    await ana.reads("#lines", "notice.share_over_customer")
    await ana.reads("#lines", "mark.customer", name="Ion B.")
    await ion.screen("waiting")
    await ion.reads("#card", "waiting.selected_title", name=elena.name)
    await elena.app.session(lambda one: one["picture"] == "none")
    await elena.sees(ion)

    # Two colleagues come to assist; one of them asks for control and is given it. All sharing ends.
    shown = now_code()
    for colleague in (dan, radu):
        await colleague.assist(number)
        await colleague.reads("banner.assist", name=elena.name)
        await colleague.can("end_session", yes=False)
        await ion.reads("#lines", "notice.joined_sees", name=colleague.name)
    for colleague in (dan, radu):
        await colleague.app.code(above=shown)
    await dan.reads_only_his_language()
    await ion.reads_only_his_language()
    await dan.app.click("banner_ask")
    await elena.reads("banner.asks_control", name=dan.name)
    await elena.app.click("banner_give")
    await dan.can("end_session")
    await elena.reads("banner.assist", name=dan.name)
    await radu.reads("banner.assist", name=dan.name)
    for guest in (ana, ion):
        await guest.reads("#lines", "mark.control", former=elena.name, name=dan.name)
        await nothing_shown(guest)
    await ion.reads("#lines", "notice.share_over_control")
    await ion.reads("#card", "waiting.new_title", name=dan.name)
    for desk in team.desks:
        await desk.app.session(lambda one: one["picture"] == "none" and not one["view"]["activities"])
    await elena.can("end_session", yes=False)
    await dan.reads_only_his_language()
    await ion.reads_only_his_language()

    # Dan asks anew, and the picture arrives at him; then control goes back by the dialog, and so does the picture.
    moved = now_code()
    await dan.sees(ion)
    await dan.app.code(above=moved)
    await dan.command("transfer_control")
    await dan.app.until(lambda _: True, "click_text", words=elena.name)
    await dan.app.click("control_dialog_confirm")
    await elena.can("end_session")
    await dan.reads("banner.assist", name=elena.name)
    await ion.reads("#card", "waiting.new_title", name=elena.name)
    back = now_code()
    await elena.sees(ion)
    await elena.app.code(above=back)

    # One helper leaves, the session ends for all others, and everybody is told.
    await radu.app.click("banner_leave")
    await radu.reads("gone.left", name="Ion B.")
    await ion.reads("#lines", "notice.left", name=radu.name)
    left = {elena.name, dan.name, "Ana P.", "Ion B."}
    await elena.app.session(lambda session: {one["name"] for one in people(session)} == left)
    await elena.command("end_session")
    await elena.app.click("end_dialog_confirm")
    for guest in (ana, ion):
        await guest.screen("over")
        await guest.reads("#card", "over.ended_by_rep.text", name=elena.name)
    await dan.reads("state.ended.title")
    await dan.reads_only_his_language()
    await ion.reads_only_his_language()
