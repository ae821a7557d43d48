"""The guided tour: relay, apps and real Chromium customers on virtual screens; one whole morning in screenshots."""

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.harness.centre import Centre, Customer, Seat
from tests.harness.team import Team
from tools.demo_activities import ActivitiesTour, write_voice
from tools.demo_team import TeamTour

OUT = Path(__file__).resolve().parent.parent / "build" / "demo"
"""Where the pictures go by default."""
SETTLE_S = 0.6


class Tour:
    """Walks through the main job and photographs it.

    Args:
        centre: relay, app and the first customer's seat.
        second: the second customer's seat.
        out: the folder for the pictures.
    """

    def __init__(self, centre: Centre, second: Seat, out: Path) -> None:
        self.centre = centre
        self.second = second
        self.out = out
        self._count = 0

    async def photograph(self, what: str, seat: Seat | None = None, *, settle_s: float = SETTLE_S) -> None:
        """Save a screenshot of the rep's screen, or of a customer's."""
        # Not a condition but the eye's: hover and focus effects end, a first picture sharpens.
        await asyncio.sleep(settle_s)
        self._count += 1
        path = self.out / f"{self._count:02d}-{what}.png"
        await asyncio.to_thread((seat.display if seat else self.centre.rep_display).screenshot, path)
        print(f"  {path.name}", flush=True)

    async def dress(self, theme: str, language: str) -> None:
        """Change the app's look and language, as in its preferences."""
        await self.centre.app.do("settings", theme=theme, language=language)

    async def join(self, seat: Seat, name: str, session: dict[str, object], *, by_number: bool) -> Customer:
        """Bring one customer in."""
        view = session["view"]
        assert isinstance(view, dict)
        customer = await seat.customer(name)
        if by_number:
            await customer.join(f"{self.centre.relay.url}/join", str(view["number"]))
        else:
            await customer.join(str(view["link"]))
        await customer.screen("waiting")
        return customer

    async def lose_the_relay(self) -> None:
        """Take the relay away for a moment: pictures go on, and everybody comes back by himself."""
        relay, app = self.centre.relay, self.centre.app
        await asyncio.to_thread(relay.kill9)
        await app.until(lambda link: link == "reconnecting", "link")
        await self.photograph("reconnecting")
        await asyncio.to_thread(relay.start)
        await app.until(lambda link: link == "online", "link")

        def all_back(sessions: list[dict[str, Any]]) -> bool:
            people = [one for session in sessions for one in session["view"]["participants"]]
            return len(sessions) == 2 and all(one["connection"] == "online" for one in people)

        await app.until(all_back, "sessions")

    async def walk(self) -> None:
        """The tour itself."""
        app, centre = self.centre.app, self.centre
        await app.do("maximize")
        await app.do("settings", notifications=False)
        await self.photograph("start")
        await app.click("startButton")
        first = await app.session()
        await self.photograph("waiting-for-the-customer")
        await app.do("trigger", name="action_invite")
        await self.photograph("invite")
        await app.do("key", name="invitePanel", key="Escape")

        ana = await self.join(centre.seat, "Ana P.", first, by_number=False)
        await self.photograph("customer-joined", centre.seat)
        await self.photograph("ask-to-see")
        await app.until(bool, "enabled", name="action_ask_view")
        await app.do("trigger", name="action_ask_view")
        await ana.screen("asked")
        await self.photograph("customer-is-asked", centre.seat)
        await ana.allow()
        await app.until(lambda found: found[0]["picture"] in ("live", "static"), "sessions")
        await ana.say("Good morning! The red light has been blinking since yesterday.")
        await app.until(lambda found: len(found[0]["view"]["chat"]) == 1, "sessions")
        await app.type("chatInput", "Good morning, Ana. I can see it: paper is stuck in tray 2.", enter=True)
        await ana.page.get_by_text("paper is stuck").wait_for()
        await app.click("leftSideFold")
        await self.photograph("live-light", settle_s=4)
        await self.photograph("customer-shares", centre.seat)
        await self.dress("dark", "en")
        await app.do("trigger", name="action_show_figures")
        await self.photograph("live-dark-with-figures")

        await app.do("trigger", name="action_show_figures")
        await self.dress("light", "ro")
        await app.do("trigger", name="action_start_session")
        second = await app.session(lambda one: one["id"] != first["id"])
        ion = await self.join(self.second, "Ion V.", second, by_number=True)
        await app.until(bool, "enabled", name="action_ask_view")
        await app.do("trigger", name="action_ask_view")
        await ion.screen("asked")
        await self.photograph("client-intrebat", self.second)
        await ion.allow()
        await app.session(lambda one: one["id"] == second["id"] and one["picture"] in ("live", "static"))
        await ion.say("Totalul nu mai apare, doar #REF!")
        await app.session(lambda one: one["id"] == second["id"] and len(one["view"]["chat"]) == 1)
        await self.photograph("doua-file-romana")
        await self.photograph("client-partajeaza", self.second)
        await self.dress("light", "en")
        await self.lose_the_relay()
        await app.do("end", session_id=second["id"])
        await ion.screen("over")
        await self.photograph("session-ended")
        await self.dress("dark", "ro")
        await app.do("settings", notifications=True)
        await ana.say("It prints again, thank you!")
        await app.session(lambda one: one["id"] == first["id"] and len(one["view"]["chat"]) == 3)
        await self.photograph("alt-client-scrie")
        await app.do("end", session_id=first["id"])
        await ana.screen("over")
        await self.photograph("customer-session-ended", centre.seat)


async def tour(out: Path) -> None:
    """Bring everything up, walk, and take it down again.

    Args:
        out: the folder for the pictures, which is there.
    """
    print("The guided tour: a relay, four apps and Chromium customers on virtual screens.", flush=True)
    async with AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="support-demo-")))
        centre = await stack.enter_async_context(Centre(place, scene="desk_printer.html"))
        second = await stack.enter_async_context(Seat("ro", "desk_table.html"))
        async with asyncio.timeout(180):
            first = Tour(centre, second, out)
            await first.walk()
        await centre.seat.close_tabs()
        await second.close_tabs()
        team = await stack.enter_async_context(Team(centre, SUPPORT_TEST_SOUND=str(write_voice(place))))
        async with asyncio.timeout(180):
            await TeamTour(team, second, first.photograph).walk()
        async with asyncio.timeout(180):
            await ActivitiesTour(team, first.photograph, place).walk()


def main() -> int:
    """Run the tour."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, default=OUT, help="the folder for the screenshots")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("[0-9][0-9]-*.png"):
        old.unlink()
    asyncio.run(tour(out))
    print(f"Done: {len(list(out.glob('*.png')))} screenshots in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
