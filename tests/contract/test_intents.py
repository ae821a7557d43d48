"""The tests' controller has the members, signatures and order of events of the real one."""

import asyncio
import inspect
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support_manager.controller import Controller
from support_manager.errors import Refused
from support_manager.events import AppEvent, Failed, Link, LinkChanged
from support_manager.intents import Intents
from support_manager.media.engine import MediaEngine
from support_manager.protocol.codes import ErrorCode
from tests.harness.fake_intents import FakeIntents
from tests.harness.relay import PASSWORD, RelayProcess
from tests.harness.session_script import ScriptedIntents

MEMBERS = [name for name, _ in inspect.getmembers(Intents) if not name.startswith("_")]


@pytest.mark.parametrize("kind", [Controller, FakeIntents, ScriptedIntents])
@pytest.mark.parametrize("name", MEMBERS)
def test_member_is_there_with_the_same_signature(kind: type, name: str):
    wanted = inspect.getattr_static(Intents, name)
    if isinstance(wanted, property):
        # The fakes keep plain attributes, which their tests set; for a window they read alike.
        plain = kind is not Controller and hasattr(kind(), name)
        assert plain or isinstance(inspect.getattr_static(kind, name), property)
    else:
        found = inspect.getattr_static(kind, name)
        assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(wanted)
        ours = [(each.name, each.kind, each.default) for each in inspect.signature(wanted).parameters.values()]
        theirs = [(each.name, each.kind, each.default) for each in inspect.signature(found).parameters.values()]
        assert theirs == ours


def no_engine() -> MediaEngine:
    raise AssertionError("no picture is asked for here")


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        process.add_user("maria", "Maria Georgescu")
        yield process


def shape(event: AppEvent) -> str:
    """What matters of an event: its kind, and of the connection its state."""
    return f"{type(event).__name__} {event.link.value}" if isinstance(event, LinkChanged) else type(event).__name__


async def until_online(intents: Intents) -> None:
    deadline = time.monotonic() + 15
    while intents.link is not Link.ONLINE:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def story(intents: Intents, url: str) -> list[str]:
    """Sign in, start, end, sign out; what was told."""
    told: list[AppEvent] = []
    stop = intents.subscribe(told.append)
    marks: list[str] = []

    def chapter(name: str) -> None:
        marks.append(name)
        kinds = dict.fromkeys(shape(event) for event in told if not isinstance(event, Failed))
        marks.extend(kinds)
        told.clear()

    account = await intents.sign_in(url, "maria", PASSWORD, stay=False)
    assert account == intents.account
    await until_online(intents)
    chapter("signed in")
    snapshot = await intents.start_session()
    assert list(intents.sessions) == [snapshot.id]
    chapter("started")
    await intents.end_session(snapshot.id)
    assert not intents.sessions
    chapter("ended")
    with pytest.raises(Refused) as caught:
        await intents.end_session(snapshot.id)
    assert caught.value.code is ErrorCode.SESSION_UNKNOWN
    intents.open_link("support-manager:start")
    intents.open_link("support-manager:nonsense?x=1")
    marks.extend(type(event).__name__ for event in told)
    told.clear()
    await intents.sign_out()
    assert intents.account is None
    chapter("signed out")
    stop()
    stop()
    intents.open_link("support-manager:start")
    assert not told
    return marks


async def test_the_same_story_is_told_in_the_same_order(relay: RelayProcess, tmp_path: Path):
    controller = Controller.for_profile(tmp_path, no_engine)
    try:
        real: Any = await story(controller, relay.url)
    finally:
        await controller.aclose()
    assert await story(FakeIntents(), relay.url) == real
