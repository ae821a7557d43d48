"""A real Chromium's screen, through the real engine, painted by the real view and read back from its pixels."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from PySide6.QtWidgets import QApplication

from support_manager.events import Picture
from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.media.engine import AnswerReady, MediaEvent, PeerKey
from tests.harness import netns, timecode
from tests.harness.chromium import Chromium
from tests.harness.display import Display
from tests.harness.sharing_page import SharingSite
from ui.i18n import Translator
from ui.theme import Theme
from ui.widgets.share_view import ShareView

PEER = PeerKey("session", "customer")
SCREEN = (1280, 800)
PATIENCE_S = 20.0

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not netns.inside(), reason="media needs `python -m tests.harness.netns -- pytest …`"),
]


class Stage:
    """The engine, the view, and the loop of both: Qt's events are served between asyncio's."""

    def __init__(self) -> None:
        self.engine = AiortcEngine()
        self.view = ShareView(Translator("en"), Theme("dark"))
        self._answer: asyncio.Future[str] | None = None

    async def answer(self, sdp: str) -> str:
        self._answer = asyncio.get_running_loop().create_future()
        self.engine.take_offer(PEER, 1, sdp, ())
        return await self._answer

    def heard(self, event: MediaEvent) -> None:
        if isinstance(event, AnswerReady) and self._answer is not None:
            self._answer.set_result(event.sdp)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, what
            QApplication.processEvents()
            await asyncio.sleep(0.005)

    def painted_age_ms(self) -> float:
        """The age of the code that the painted widget shows; infinite where none can be read."""
        value = timecode.read_image(self.view.grab().toImage())
        return timecode.age_ms(value, time.time() * 1000) if value is not None else float("inf")


async def with_stage(qapp: QApplication, body: Callable[[Stage], Awaitable[None]]) -> None:
    stage = Stage()
    stage.engine.start(stage.heard)
    box = stage.engine.mailbox(PEER)
    stage.view.set_mailbox(box)
    stage.view.set_picture(Picture.LIVE)
    stage.view.watched.connect(lambda seen: stage.engine.set_visible(PEER, seen))
    stage.view.resize(1000, 700)
    stage.view.show()
    try:
        async with (
            Display(*SCREEN) as display,
            SharingSite(stage.answer) as site,
            Chromium(display.environment(), width=SCREEN[0], height=SCREEN[1]) as browser,
        ):
            sharing = await browser.first_page()
            await sharing.goto(site.url)
            scene = await browser.new_page()
            await scene.goto((timecode.PAGES / "timecode.html").as_uri())
            await sharing.evaluate("share()")
            await body(stage)
    finally:
        stage.view.set_mailbox(None)
        stage.view.close()
        await stage.engine.aclose()


async def test_what_the_customer_sees_is_what_is_painted(qapp):
    async def body(stage: Stage) -> None:
        await stage.until(lambda: stage.painted_age_ms() < 2000, "no picture was painted")
        ages = []
        for _ in range(5):
            before = stage.painted_age_ms()
            await stage.until(lambda before=before: stage.painted_age_ms() != before, "the picture stands still")
            ages.append(stage.painted_age_ms())
        assert min(ages) > 0
        full = stage.engine.mailbox(PEER).full()
        assert full is not None
        assert (full.width, full.height) == SCREEN

    await with_stage(qapp, body)


async def test_a_hidden_view_costs_nothing_and_shows_a_fresh_picture_again(qapp):
    async def body(stage: Stage) -> None:
        await stage.until(lambda: stage.painted_age_ms() < 2000, "no picture was painted")
        box = stage.engine.mailbox(PEER)
        stage.view.hide()
        converted, received = box.figures().converted, box.figures().received
        await stage.until(lambda: box.figures().received > received + 2, "nothing is received while hidden")
        assert box.figures().converted <= converted + 1
        shown = time.time() * 1000
        stage.view.show()

        def fresh() -> bool:
            value = timecode.read_image(stage.view.grab().toImage())
            return value is not None and timecode.age_ms(value, shown) < 0

        await stage.until(fresh, "no fresh picture after showing the view again")

    await with_stage(qapp, body)
