"""Recording with a customer in Firefox: refused, allowed, said to him while it runs, stopped by him (B-7.8)."""

import asyncio

import pytest

from tests.e2e.test_firefox import now, screen
from tests.e2e.test_firefox import tab as _tab
from tests.e2e.test_recording import _no_recordings, finished, folder, frames_of, recorded_for, recording
from tests.harness.centre import Centre
from tests.harness.firefox import FirefoxTab
from tests.harness.players import ffmpeg_plays

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]

tab, no_recordings = _tab, _no_recordings


async def asked(centre: Centre, tab: FirefoxTab) -> None:
    """The rep chooses to record; the customer has the question before him."""
    await centre.app.until(bool, "enabled", name="action_record")
    await centre.app.do("trigger", name="action_record")
    await screen(tab, "record_asked")
    await centre.app.session(lambda one: recording(one) == "asked")
    assert "Maria G. asks to record" in await tab.evaluate("document.querySelector('#title').innerText")


@pytest.mark.rule("B-7.8")
async def test_firefox_refuses_allows_reads_of_it_and_stops_it(centre: Centre, tab: FirefoxTab):
    session = await centre.start_session()
    await tab.goto(session["view"]["link"])
    await tab.type("#field-name", "Ana P.")
    await tab.click("#join-send")
    await screen(tab, "waiting")
    await centre.app.until(bool, "enabled", name="action_ask_view")
    await centre.app.do("trigger", name="action_ask_view")
    await tab.click("#asked-allow")
    await screen(tab, "sharing")
    await centre.app.code()

    await asked(centre, tab)
    await tab.click("#recording-refuse")
    await screen(tab, "sharing")
    await centre.app.session(lambda one: recording(one) is None)
    assert await tab.evaluate("document.querySelector('#recorded').hidden")
    assert not folder(centre).exists()

    await asked(centre, tab)
    assert not folder(centre).exists()
    await tab.click("#recording-allow")
    await tab.until("document.querySelector('#recorded').checkVisibility()", "the notice")
    assert "being recorded by Maria G." in await tab.evaluate("document.querySelector('#recorded').innerText")
    await screen(tab, "sharing")
    await centre.app.session(lambda one: recording(one) == "running")
    await centre.app.see("recordingBar")
    await centre.app.code(above=now())
    await recorded_for(centre, "00:03")
    await tab.click("#recorded-stop")
    await tab.until("document.querySelector('#recorded').hidden", "stopped")
    await centre.app.session(lambda one: recording(one) is None)
    await screen(tab, "sharing")
    await centre.app.code(above=now())
    (path,) = await finished(centre)
    count, seconds = frames_of(path)
    assert seconds > 2.5
    assert count > 5
    assert (await asyncio.to_thread(ffmpeg_plays, path))[1][0] == "Ana P. allows the recording by Maria G."
