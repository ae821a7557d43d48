"""Photographs the customer's page, the site and the admin area: light, dark, English, Romanian, wide and narrow.

`python -m tools.looks --web [FOLDER]`: a real relay and Chromium without a screen; a rep who speaks the protocol and
nothing else asks and answers. One contact sheet for each screen: four wide pictures, and below them the phone's four.
"""

import asyncio
import contextlib
import secrets
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import Error, Page, expect
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter

from server_stub.hours import DAYS
from support_manager.protocol import requests
from support_manager.protocol.activities import ActivityKind
from support_manager.protocol.views import ADMIN, Mode
from tests.harness.agents import make_agents, make_queue, set_site
from tests.harness.chromium import Chromium
from tests.harness.relay import PASSWORD, Client, RelayProcess, rep

WIDE, PHONE = (1280, 800), (390, 844)
LANGUAGES, THEMES = ("en", "ro"), ("light", "dark")
_PATIENCE_MS = 10_000
_SCALE = 0.75

PICKER = """
// Without a screen there is nothing to pick: a drawn desktop stands for the picker's choice.
navigator.mediaDevices.getDisplayMedia = async () => {
  const canvas = document.createElement('canvas');
  canvas.width = 1280; canvas.height = 720;
  const pen = canvas.getContext('2d');
  pen.fillStyle = '#3a6ea5'; pen.fillRect(0, 0, 1280, 720);
  pen.fillStyle = '#f4f4f4'; pen.fillRect(180, 90, 760, 480);
  pen.fillStyle = '#222'; pen.font = '32px sans-serif'; pen.fillText('Printer settings', 220, 150);
  setInterval(() => pen.fillRect(0, 700, 1, 1), 200);
  const stream = canvas.captureStream(5);
  stream.getVideoTracks()[0].getSettings = () => ({displaySurface: 'window', width: 1280, height: 720});
  return stream;
};
"""


class Studio:
    """A tab and where its sheets go.

    Args:
        tab: of the browser.
        out: the folder.
    """

    def __init__(self, tab: Page, out: Path) -> None:
        self.tab = tab
        self._out = out

    async def screen(self, name: str) -> None:
        """Wait for a screen of the page's card."""
        await expect(self.tab.locator("#card")).to_have_attribute("data-screen", name, timeout=_PATIENCE_MS)

    async def _speak(self, language: str) -> None:
        if await self.tab.locator("select#language").count():
            await self.tab.select_option("#language", language)

    async def take(self, name: str, speak: Callable[[str], Awaitable[None]] | None = None, whole: bool = False) -> None:
        """All looks of what the tab shows now, on one sheet.

        Args:
            name: of the sheet.
            speak: changes the language; by default the page's own choice does.
            whole: the whole of a long page instead of what is seen first.
        """
        shots: dict[tuple[str, str, int], QImage] = {}
        for language in LANGUAGES:
            await (speak or self._speak)(language)
            for theme in THEMES:
                await self.tab.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                for width, height in (WIDE, PHONE):
                    await self.tab.set_viewport_size({"width": width, "height": height})
                    await self.tab.evaluate("scrollTo(0, 0)")
                    await asyncio.sleep(0.25)  # fades end: not a condition but the eye's
                    shots[language, theme, width] = QImage.fromData(await self.tab.screenshot(full_page=whole))
                    wider = await self.tab.evaluate("document.documentElement.scrollWidth - innerWidth")
                    if wider > 0:
                        print(f"  {name} {language} {theme} {width}: {wider} pixels too wide", flush=True)
        sheet(shots).save(str(self._out / f"{name}.png"))
        print(f"  {name}.png", flush=True)


def sheet(shots: dict[tuple[str, str, int], QImage]) -> QImage:
    """Wide pictures two by two, the phone's in a row below."""
    looks = [(language, theme) for language in LANGUAGES for theme in THEMES]
    rows = [[shots[*look, WIDE[0]] for look in looks[:2]], [shots[*look, WIDE[0]] for look in looks[2:]]]
    rows.append([shots[*look, PHONE[0]] for look in looks])
    rows = [[one.scaledToWidth(round(one.width() * _SCALE), _SMOOTH) for one in row] for row in rows]
    width = max(sum(one.width() + 8 for one in row) for row in rows)
    made = QImage(width, sum(max(one.height() for one in row) + 8 for row in rows), QImage.Format.Format_RGB32)
    made.fill(Qt.GlobalColor.magenta)
    painter, top = QPainter(made), 0
    for row in rows:
        left = 0
        for one in row:
            painter.drawImage(left, top, one)
            left += one.width() + 8
        top += max(one.height() for one in row) + 8
    painter.end()
    return made


_SMOOTH = Qt.TransformationMode.SmoothTransformation


async def _ask(client: Client, kind: ActivityKind) -> None:
    assert client.session is not None
    view = (await client.ask("session.resume", requests.SessionResume(session_id=client.session_id))).session
    customer = next(one.id for one in view.participants if one.id != view.you)
    request = requests.ActivityAsk(
        session_id=client.session_id, request_id=secrets.token_urlsafe(16), kind=kind, subject=customer
    )
    await client.ask("activity.ask", request)


async def customers_page(relay: RelayProcess, studio: Studio) -> None:
    """From a wrong link to the survey."""
    tab = studio.tab
    await tab.goto(f"{relay.url}/join")
    await studio.screen("join")
    await studio.take("page-join")
    await tab.fill("#field-number", "100000001")
    await tab.fill("#field-name", "Ana Popescu")
    await tab.click("#join-send")
    await expect(tab.locator("#hint")).not_to_be_empty(timeout=_PATIENCE_MS)
    await studio.take("page-wrong-number")
    async with rep(relay, "maria") as maria:
        session = await maria.start_session(Mode.MULTI)
        await tab.goto(session.link)
        await tab.fill("#field-name", "Ana Popescu")
        await tab.click("#join-send")
        await studio.screen("waiting")
        await maria.say("Good morning, Ana. Please show me the window with the printer's settings.")
        await tab.fill("#text", "Good morning! The red light has been blinking since yesterday.")
        await tab.press("#text", "Enter")
        await studio.take("page-waiting")
        await _ask(maria, ActivityKind.VIEW)
        await studio.screen("asked")
        await studio.take("page-asked")
        await tab.click("#asked-allow")
        await studio.screen("sharing")
        await studio.take("page-sharing")
        await _ask(maria, ActivityKind.VOICE)
        await expect(tab.locator("#call-join")).to_be_visible(timeout=_PATIENCE_MS)
        await studio.take("page-call-asked")
        await tab.click("#call-join")
        await expect(tab.locator("#call-leave")).to_be_visible(timeout=_PATIENCE_MS)
        await studio.take("page-call")
        await _ask(maria, ActivityKind.VIDEO)
        await asyncio.sleep(0.5)
        await studio.take("page-call-camera-asked")
        await _ask(maria, ActivityKind.RECORDING)
        await asyncio.sleep(0.5)
        await studio.take("page-call-recording-asked")
        with tempfile.TemporaryDirectory() as folder:
            letter = Path(folder) / "Invoice for the new printer.pdf"
            letter.write_bytes(bytes(300_000))
            await tab.set_input_files("#files-input", letter)
            await asyncio.sleep(1.0)
            await studio.take("page-files", whole=True)
        await maria.ask("session.end", requests.SessionEnd(session_id=session.id))
        await studio.screen("over")
        await studio.take("page-over-survey", whole=True)
        await _summary(studio)
        await tab.click("label:has(#rating-5)")
        await tab.click("#survey-send")
        await expect(tab.locator("#thanks")).to_be_visible(timeout=_PATIENCE_MS)
        await studio.take("page-over-thanks")
        await tab.goto(f"{relay.url}/join?again{session.link[session.link.index('#') :]}")
        await tab.fill("#field-name", "Ana Popescu")
        await tab.click("#join-send")
        await asyncio.sleep(1.0)
        await studio.take("page-wrong-link")


async def _summary(studio: Studio) -> None:
    """What the customer saves: a file for each language, opened as a page of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for language in LANGUAGES:
            await studio.tab.select_option("#language", language)
            async with studio.tab.expect_download() as saved:
                await studio.tab.click("#summary-save")
            await (await saved.value).save_as(Path(folder) / f"{language}.html")
        tab = await studio.tab.context.new_page()
        other = Studio(tab, studio._out)

        async def speak(language: str) -> None:
            await tab.goto(f"file://{folder}/{language}.html")

        await other.take("page-summary", speak)
        await tab.close()


async def queues_page(relay: RelayProcess, studio: Studio) -> None:
    """A queue's form, the place in line, two closed queues, an unknown one, a second customer who waits."""
    tab = studio.tab
    screens = (
        ("support", "enter", "enter"),
        ("night", "closed", "closed"),
        ("shut", "closed", "closed-for-good"),
        ("nobody", "no_queue", "no_queue"),
    )
    for address, name, words in screens:
        await tab.goto(f"{relay.url}/help/{address}")
        await studio.screen(name)
        await studio.take(f"page-queue-{words}")
    await tab.goto(f"{relay.url}/help/support")
    await studio.screen("enter")
    await tab.fill("#field-name", "Ana Popescu")
    await tab.fill("#field-problem", "The printer blinks since this morning.")
    await tab.click("#enter-send")
    await studio.screen("queued")
    await studio.take("page-queued")
    async with rep(relay, "maria") as maria:
        session = await maria.start_session(Mode.SINGLE)
        first = Client(relay.url)
        try:
            await first.connect()
            await first.join("Ion Vasilescu", link=session.link)
            await tab.evaluate("localStorage.clear(); sessionStorage.clear()")
            await tab.goto(session.link)
            await tab.reload()
            await tab.fill("#field-name", "Ana Popescu")
            await tab.click("#join-send")
            await studio.screen("let_in")
            await studio.take("page-let-in")
        finally:
            await first.close()


async def site(relay: RelayProcess, studio: Studio) -> None:
    """Start, signing in, the rep's page, and every page of the admin area."""
    tab = studio.tab

    def at(address: str) -> Callable[[str], Awaitable[None]]:
        async def speak(language: str) -> None:
            await tab.goto(f"{relay.url}{address}{'&' if '?' in address else '?'}lang={language}")

        return speak

    await studio.take("site-start", at("/"))
    await studio.take("site-not-found", at("/nowhere"))
    await tab.goto(f"{relay.url}/sign-in?lang=en")
    await tab.fill("#name", "root")
    await tab.fill("#password", "not the password")
    await tab.press("#password", "Enter")
    await studio.take("site-sign-in", at("/sign-in"))
    await tab.fill("#name", "root")
    await tab.fill("#password", PASSWORD)
    await tab.press("#password", "Enter")
    await tab.wait_for_url(lambda url: "/sign-in" not in url)
    async with rep(relay, "maria") as maria, rep(relay, "root") as root:
        for one in (maria, root):
            session = await one.start_session(Mode.MULTI)
            customer = Client(relay.url)
            await customer.connect()
            await customer.join("Ana Popescu", link=session.link)
            await customer.close()
        await studio.take("site-desk", at("/desk"))
        for page in PAGES:
            await studio.take(f"admin{page.replace('/', '-')}", at(f"/admin{page}"), whole=page != "/settings")
        await tab.goto(f"{relay.url}/admin/accounts?lang=en")
        links = await tab.eval_on_selector_all("main table a", "all => all.map((one) => one.getAttribute('href'))")
        if links:
            await studio.take("admin-account", at(links[-1]), whole=True)


PAGES = ("", "/accounts", "/accounts/new", "/queues", "/queues/new", "/sessions", "/settings", "/mail", "/audit")
PARTS = {"page": customers_page, "queue": queues_page, "site": site}


async def photograph(out: Path, wanted: list[str]) -> int:
    """Make the sheets.

    Args:
        out: their folder.
        wanted: of `page`, `queue` and `site`; all when empty.
    """
    failed = 0
    data = Path(tempfile.mkdtemp(prefix="support-looks-"))
    await make_agents(data, "maria", "dan")
    await make_agents(data, "root", privileges=(ADMIN,))
    await make_queue(data, "support", "maria", "dan")
    later = DAYS[(datetime.now(UTC).weekday() + 2) % 7]
    await make_queue(data, "night", "dan", hours=f"{later} 09:00-17:00")
    await make_queue(data, "shut", "dan", hours="never")
    await set_site(data, company="Example Repairs")
    devices = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with RelayProcess(data) as relay:
        async with Chromium(headless=True, locale="en-GB", extra_flags=devices) as browser:
            await browser.context.add_init_script(PICKER)
            for name in wanted or PARTS:
                tab = await browser.new_page()
                tab.on("dialog", lambda dialog: dialog.accept())
                try:
                    await PARTS[name](relay, Studio(tab, out))
                except (Error, AssertionError, TimeoutError) as failure:
                    print(f"  {name}: {type(failure).__name__}: {failure}", flush=True)
                    await tab.screenshot(path=str(out / f"{name}-failed.png"))
                    failed = 1
                with contextlib.suppress(Error):
                    await tab.close(run_before_unload=False)
    return failed
