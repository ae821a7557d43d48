"""What a session's tab says, from the events alone."""

import pytest
from PySide6.QtCore import QCoreApplication

from support_manager.events import Happening, Picture, SignedOut
from support_manager.protocol.activities import ActivityKind
from support_manager.protocol.views import Connection, EndReason
from tests.harness.session_script import REP, ScriptedIntents, line
from ui.models.sessions import SessionModel, Stage


@pytest.fixture
def script(qapp: QCoreApplication) -> tuple[ScriptedIntents, SessionModel]:
    intents, model = ScriptedIntents(), SessionModel()
    intents.subscribe(model.take)
    return intents, model


def stage(model: SessionModel, session_id: str) -> Stage:
    entry = model.entry(session_id)
    assert entry is not None
    return entry.stage


@pytest.mark.rule("B-6.2", "B-12.4")
def test_every_stage_follows_from_the_events(script):
    intents, model = script
    session = intents.open().id
    assert stage(model, session) is Stage.WAITING
    intents.join(session)
    assert stage(model, session) is Stage.JOINED
    for picture, wanted in (
        (Picture.ASKED, Stage.ASKED),
        (Picture.CONNECTING, Stage.CONNECTING),
        (Picture.LIVE, Stage.SHARING),
        (Picture.STATIC, Stage.SHARING),
        (Picture.PAUSED, Stage.PAUSED),
        (Picture.LOST, Stage.PICTURE_LOST),
        (Picture.TOO_LARGE, Stage.PICTURE_LOST),
    ):
        intents.picture(session, picture)
        assert stage(model, session) is wanted
    intents.picture(session, Picture.NONE)
    intents.notice(session, Happening.STOPPED)
    assert stage(model, session) is Stage.STOPPED
    intents.picture(session, Picture.ASKED)
    intents.picture(session, Picture.NONE)
    assert stage(model, session) is Stage.JOINED, "an old answer must not outlive a new question"
    intents.notice(session, Happening.DENIED)
    assert stage(model, session) is Stage.DENIED
    intents.customer(session, connection=Connection.LOST)
    assert stage(model, session) is Stage.CUSTOMER_LOST
    intents.customer(session, connection=Connection.CLOSED_PAGE)
    assert stage(model, session) is Stage.CLOSED_PAGE
    intents.change(session, view={"participants": (REP,)})
    intents.notice(session, Happening.LEFT)
    assert stage(model, session) is Stage.LEFT
    intents.join(session)
    assert stage(model, session) is Stage.JOINED
    intents.end(session, EndReason.EXPIRED)
    assert stage(model, session) is Stage.ENDED


def test_an_old_refusal_does_not_hide_a_running_picture(script):
    intents, model = script
    session = intents.open().id
    intents.join(session)
    intents.notice(session, Happening.DENIED)
    intents.picture(session, Picture.LIVE)
    assert stage(model, session) is Stage.SHARING
    assert intents.sessions[session].share.kind is ActivityKind.VIEW


@pytest.mark.rule("B-6.2")
def test_unread_and_attention_until_looked_at(script):
    intents, model = script
    session = intents.open().id
    intents.join(session)
    intents.say(session, line("one"), line("two"))
    entry = model.entry(session)
    assert (entry.unread, entry.attention) == (2, Happening.CHAT)
    model.look_at(session)
    assert (entry.unread, entry.attention) == (0, None)
    intents.say(session, line("three"))
    assert entry.unread == 0, "the rep is looking at it"
    model.look_at(None)
    intents.say(session, line("four"))
    assert entry.unread == 1


def test_own_lines_are_never_unread(script):
    intents, model = script
    session = intents.open().id
    intents.say(session, line("mine", sender="rep", name="Maria"))
    assert model.entry(session).unread == 0


def test_ended_sessions_stay_until_closed_and_go_with_the_sign_out(script):
    intents, model = script
    first, second = intents.open().id, intents.open().id
    intents.end(first)
    assert model.ids() == [first, second]
    model.close(first)
    assert model.ids() == [second]
    intents.emit(SignedOut())
    assert model.ids() == []
