"""A banner that came where another one was takes no click that was aimed at the other."""

import pytest_asyncio
from PySide6.QtWidgets import QPushButton

from support_manager.protocol.roles import Role
from support_manager.protocol.views import Mode
from tests.harness.session_script import person
from tests.harness.session_window import WindowUnderTest, drain, until
from ui.panels.banners import Banners


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest()
    yield made
    await made.work.aclose()
    made.close()


def waiting(desk: WindowUnderTest, session_id: str, *names: str) -> None:
    snapshot = desk.intents.sessions[session_id]
    kept = tuple(one for one in snapshot.view.participants if one.role is not Role.WAITING)
    people = tuple(person(name, id=name.lower(), role=Role.WAITING) for name in names)
    desk.intents.change(session_id, view={"participants": (*kept, *people)})
    drain()


async def test_the_next_one_who_waits_is_not_let_in_by_a_click_meant_for_the_last(desk, monkeypatch):
    session = desk.intents.open(mode=Mode.SINGLE)
    desk.intents.join(session.id)
    waiting(desk, session.id, "Ion", "Eva")
    admit = desk.find("banner_admit", QPushButton)
    assert admit.isEnabled()
    monkeypatch.setattr(Banners, "underMouse", lambda _self: True)
    waiting(desk, session.id, "Eva")
    (after,) = [one for one in desk.window.findChildren(QPushButton, "banner_admit") if one.isVisible()]
    assert after is not admit
    assert not after.isEnabled(), "the mouse was over the banner of another"
    await until(after.isEnabled)
    # Without a mouse over it there is nothing to wait for.
    monkeypatch.setattr(Banners, "underMouse", lambda _self: False)
    waiting(desk, session.id, "Leo")
    assert desk.find("banner_admit", QPushButton).isEnabled()
