"""A new session's tab is there at once: its parts are put together from the outermost to the innermost."""

from typing import Any

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from tests.harness.session_window import WindowUnderTest, drain


class Dressings(QObject):
    """Counts how often widgets are given their style, which is most of the time that a new tab takes."""

    count = 0

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() is QEvent.Type.StyleChange
        return False


async def test_a_new_tab_is_dressed_about_twice_and_not_with_every_part_around_it(qapp: Any) -> None:
    """A tree that comes under another widget is dressed anew, all of it; inside out that made 5.5 times for each."""
    desk = WindowUnderTest(email_at_start=False)
    desk.window.show()
    desk.intents.open("000000001")
    drain()
    before = set(desk.window.findChildren(QWidget))
    dressings = Dressings()
    qapp.installEventFilter(dressings)
    desk.intents.open("000000002")
    drain()
    qapp.removeEventFilter(dressings)
    made = set(desk.window.findChildren(QWidget)) - before
    assert len(made) > 100
    assert len(made) <= dressings.count < 3 * len(made)
    await desk.work.aclose()
    desk.close()
