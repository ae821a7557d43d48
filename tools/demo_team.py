"""The tour's second half: several reps and customers in one session, assisting, passing on, the Inbox, a queue."""

from collections.abc import Awaitable, Callable

from tests.harness.centre import Seat
from tests.harness.team import Desk, Team

Photograph = Callable[..., Awaitable[None]]

PROBLEM = "Since this morning the printer's red light blinks. I have switched it off and on twice."
MESSAGE = "Ana's driver is new and correct; the red light stays. You know this model better than I do."


class TeamTour:
    """Walks three reps through assisting, transfers and a queue, and photographs it.

    Args:
        team: the reps.
        second: the second customer's seat.
        photograph: takes a picture of the reps' screen, or of a seat.
    """

    def __init__(self, team: Team, second: Seat, photograph: Photograph) -> None:
        self._team = team
        self._second = second
        self._photograph = photograph

    async def _in_front(self, desk: Desk, theme: str) -> None:
        """Bring one rep's window before the others', in that look."""
        await desk.app.do("settings", theme=theme)
        await desk.app.do("maximize")
        await desk.app.do("front")

    async def walk(self) -> None:
        """The second half itself."""
        elena, dan, radu = self._team.desks
        seat = self._team.centre.seat
        url = self._team.centre.relay.url
        for desk in self._team.desks:
            # One virtual tray shows the messages of all: over the wrong window.
            await desk.app.do("settings", notifications=False)
        await self._in_front(elena, "light")
        session = await elena.start(single=True)
        ana = await self._team.joined("Ana P.", session)
        await ana.screen("waiting")
        await elena.command("ask_view")
        await ana.allow()
        await elena.app.session(lambda one: one["picture"] in ("live", "static"))
        ion = await self._second.customer("Ion V.")
        await ion.join(str(session["view"]["link"]))
        await ion.screen("let_in")
        await elena.reads("banner.waits", name="Ion V.")
        await self._photograph("single-mode-somebody-waits", settle_s=3)
        await self._photograph("client-asteapta", self._second)
        await elena.app.click("banner_admit")
        await ion.screen("watching")
        await self._photograph("single-mode-participants")
        await self._photograph("client-urmareste", self._second)
        await dan.assist(str(session["view"]["number"]))
        await dan.reads("banner.assist", name=elena.name)
        await self._in_front(dan, "dark")
        await dan.app.click("banner_ask")
        await dan.app.session(lambda one: one["picture"] in ("live", "static"))
        await self._photograph("asistent-intunecat", settle_s=2)

        await self._in_front(elena, "dark")
        await elena.command("transfer_session")
        await elena.app.until(lambda _: True, "key", name="transfer_dialog_tabs", key="Right")
        await elena.app.until(lambda _: True, "click_named", prefix="transfer_", words=radu.name)
        await elena.app.type("transfer_dialog_message", MESSAGE)
        await self._photograph("transfer-session-dark")
        await elena.app.click("transfer_dialog_confirm")
        await ana.screen("passed_on")
        await self._photograph("customer-is-passed-on", seat)
        await self._in_front(radu, "light")
        await radu.reads("inbox.from_rep", name=elena.name)
        await self._photograph("inbox-offer")
        await radu.accept("Ana P.")
        await ana.screen("waiting")
        await self._photograph("customer-is-taken-over", seat)

        await self._photograph_queue(elena, dan, radu, url)
        await self._team.end_all()

    async def _photograph_queue(self, elena: Desk, dan: Desk, radu: Desk, url: str) -> None:
        for desk in (elena, dan, radu):
            await desk.command("presence_away")
        eva = await self._team.guest("Eva C.", f"{url}/help/support")
        await eva.page.fill("#field-problem", PROBLEM)
        await self._photograph("entry-page", self._team.centre.seat)
        await eva.page.click("#enter-send")
        await eva.screen("queued")
        other = await self._second.customer("Vlad")
        await other.page.goto(f"{url}/help/support")
        await other.page.fill("#field-name", "Vlad T.")
        await other.page.fill("#field-problem", "Nu mai pot deschide tabelul cu prețuri.")
        await self._photograph("formular-de-intrare", self._second)
        await other.page.click("#enter-send")
        await other.screen("queued")
        await self._photograph("loc-la-rand", self._second)
        await dan.command("presence_online")
        await self._in_front(dan, "dark")
        await dan.app.see("inboxDecline")
        await self._photograph("mesaje-primite-intunecat")
        await self._in_front(dan, "light")
        await dan.accept("Eva C.")
        await self._photograph("din-coada")
