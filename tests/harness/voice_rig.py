"""A rep at the real app and a customer in real Chromium who talk over devices of a sound server of their own."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from playwright.async_api import Page, expect

from tests.harness.app import AppProcess
from tests.harness.chromium import PATIENCE_MS, Chromium
from tests.harness.display import Display
from tests.harness.listening import microphone_flags
from tests.harness.pulse import PulseServer, Recording
from tests.harness.relay import PASSWORD, RelayProcess
from tests.harness.sound import Heard, compare
from tests.harness.team import Desk

REP, CUSTOMER = "rep", "customer"
_LEAD_S = 0.5
"""A stretch that is looked for begins so long before its time and ends a second after it."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Where one voice goes in and comes out."""

    mouth: Recording
    ear: Recording

    def carried(self, since: float, seconds: float) -> Heard:
        """How what was said then came out; `delay_s` is from mouth to ear."""
        said = self.mouth.since(since, seconds)
        found = compare(said, self.ear.since(since - _LEAD_S, seconds + 2 * _LEAD_S + 0.5))
        return Heard(found.delay_s - _LEAD_S, found.likeness, found.gain_db, found.longest_gap_ms)


class VoiceRig:
    """Both ends in a call; use it as an async context manager inside a network namespace.

    Args:
        place: a folder.
        file: the customer's microphone is this WAV as Chromium's fake device; None: a source of the sound server.
    """

    def __init__(self, place: Path, file: Path | None = None) -> None:
        self._place = place
        self._file = file
        self._stack = AsyncExitStack()
        self.pulse = PulseServer((f"{REP}_ear", f"{CUSTOMER}_ear", "spare_ear"), (REP, CUSTOMER, "spare"))
        """`spare` belongs to nobody."""
        self.app: AppProcess
        self.desk: Desk
        self.page: Page
        self.session: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        stack = self._stack
        try:
            stack.enter_context(self.pulse)
            relay = stack.enter_context(RelayProcess())
            relay.add_user("ana", "Ana")
            display = stack.enter_context(Display(1600, 900, window_manager=True))
            sound = self.pulse.environment()
            rep = {**display.environment(), **sound, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
            rep["LANG"] = "C.UTF-8"
            words = ("--relay", f"http://127.0.0.1:{relay.port}")
            app = AppProcess(rep, self._place / "rep", *words, credentials=("ana", PASSWORD))
            self.app = await stack.enter_async_context(app)
            customer = {**display.environment(), **sound, "PULSE_SINK": f"{CUSTOMER}_ear", "PULSE_SOURCE": CUSTOMER}
            flags = microphone_flags(self._file) if self._file is not None else ()
            browser = await stack.enter_async_context(
                Chromium(customer, width=700, height=800, source=None, extra_flags=flags)
            )
            await browser.context.grant_permissions(["microphone"])
            self.page = await browser.first_page()
            self.desk = Desk(self.app, "Ana", "en")
            await self.desk.sign_in()
            self.session = await self.desk.start()
            await self.page.goto(self.session["view"]["link"])
            await self.page.fill("#field-name", "Maria")
            await self.page.click("#join-send")
            await self.talk()
        except BaseException:
            await stack.aclose()
            raise
        return self

    async def talk(self) -> None:
        """The rep asks, the customer says yes."""
        await self.desk.command("voice")
        await self.page.click("#call-join", timeout=PATIENCE_MS)
        await expect(self.page.locator("#call-words")).to_contain_text("You are talking with", timeout=PATIENCE_MS)

    def ends(self, of: str) -> Ends:
        """Record what `of` says, and what the other one hears, from now on."""
        other = CUSTOMER if of == REP else REP
        return Ends(self.pulse.record_mouth(of), self.pulse.record_speaker(f"{other}_ear"))

    async def says(self, who: str, sound: np.ndarray, *, settle_s: float = 2.0) -> tuple[Ends, float]:
        """Let one of them say this, and wait until it is said.

        Returns:
            The recordings, and from when on they are worth measuring: the first `settle_s` are none of it.
        """
        ends = self.ends(who)
        began = time.monotonic()
        self.pulse.play(who, sound)
        await asyncio.sleep(len(sound) / 48_000 + 1.0)
        return ends, began + settle_s

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()
