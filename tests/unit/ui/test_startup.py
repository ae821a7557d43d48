"""What follows once the window is there: the kept sign-in, where it is that relay's."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from tests.harness.fake_intents import FakeIntents
from tests.harness.widgets import settle
from ui.app import arguments, build
from ui.crash import CrashHook
from ui.startup import _after_first_paint

KEPT = "https://relay.example.org"


@pytest.mark.parametrize(
    ("words", "is_resumed"),
    [
        ((), True),
        (("--relay", KEPT), True),
        (("--relay", f"{KEPT}/"), True),
        (("--relay", "Relay.Example.org:443"), True),
        (("--relay", f"{KEPT}/join#1"), True),
        (("--relay", f"{KEPT}:8443"), False),
        (("--relay", "http://127.0.0.1:8080"), False),
        (("--relay", "no address at all"), False),
        (("--relay", "http://relay.example.org"), False),
    ],
)
async def test_the_kept_sign_in_is_taken_up_however_its_relay_is_spelt(
    qapp, tmp_path: Path, words: tuple[str, ...], is_resumed: bool
):
    intents = FakeIntents()
    intents._settings = msgspec.structs.replace(intents.settings, relay_url=KEPT, stay_signed_in=True)
    options = arguments(words)
    app = build(intents, qapp, CrashHook(tmp_path), relay_url=options.relay)
    _after_first_paint(app, options, "")
    await asyncio.sleep(0)  # the first step of what was begun
    await app.work.aclose()
    assert (("start",) in intents.asked) is is_resumed
    app.dispose()
    settle()
