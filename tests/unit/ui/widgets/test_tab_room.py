"""Many tabs in a narrow bar: whole ones only, the chosen one among them."""

import pytest

from tests.harness.session_window import WindowUnderTest, drain


@pytest.fixture
async def desk(qapp):
    made = WindowUnderTest()
    yield made
    made.close()


@pytest.mark.rule("B-6.2")
async def test_tabs_that_do_not_fit_are_not_there_by_halves(desk):
    for number in range(12):
        desk.intents.open(f"48211990{number:02}"[:9])
    desk.window.resize(1000, 700)
    drain()
    bar = desk.window.tabs
    for session_id in (*bar.ids(), bar.ids()[0]):
        bar.choose(session_id)
        drain()
        seen = [tab for tab in bar._tabs if tab.geometry().right() >= 0 and tab.geometry().left() < bar.width()]
        assert len(seen) > 1
        assert all(tab.geometry().left() >= 0 and tab.geometry().right() < bar.width() for tab in seen), "no slivers"
        assert seen[-1].geometry().right() == bar.width() - 1, "and no gap at the end"
        assert any(tab.session_id == session_id for tab in seen)
