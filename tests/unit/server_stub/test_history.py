"""Notes after control has gone to somebody else, and what several customers answer to the survey (B-12.7)."""

import pytest

from server_stub.history import Remembering
from server_stub.link import Link
from server_stub.live import LiveSessions
from server_stub.members import Members
from server_stub.ports import SystemClock, random_bytes
from server_stub.records import Records
from server_stub.settings import LiveSettings
from server_stub.state import control, decide, transfer
from server_stub.state.facts import Joined
from server_stub.state.refused import Refused
from server_stub.state.registry import Registry
from server_stub.store.database import Database
from server_stub.tasks import TaskOwner
from support_manager.protocol import requests
from support_manager.protocol.requests import Noted
from support_manager.protocol.roles import Role
from support_manager.protocol.views import AGENT, AccountView, Device, EndReason, SurveyAnswer


class Relay:
    """The sessions and what is asked about them, without connections."""

    def __init__(self, database: Database, tasks: TaskOwner) -> None:
        self.live = LiveSessions(database, Registry(b"key"), SystemClock(), random_bytes)
        self.records = Records(database, tasks, lambda: None)
        members = Members(LiveSettings(public_url="", bound_url="http://127.0.0.1:1", behind_proxy=False))
        members.open(self.live)
        self._handlers = Remembering(members, self.records, database, SystemClock()).handlers()

    async def ask(self, event, link, **fields):
        return await self._handlers[event](link, requests.REQUESTS[event][0](**fields))

    async def refused(self, event, link, **fields):
        with pytest.raises(Refused) as refusal:
            await self.ask(event, link, **fields)
        return refusal.value.code

    async def change(self, session, decision):
        await self.live.change(session, decision)


@pytest.fixture
async def relay(tmp_path):
    tasks = TaskOwner("test")
    async with Database.in_directory(tmp_path) as database:
        made = Relay(database, tasks)
        await made.records.open(made.live)
        yield made
        await made.live.close()
        await tasks.aclose()


def agent(name):
    link = Link(name, "10.0.0.1", None, None, 0)
    link.account = AccountView(id=f"{name}-1", name=name, display_name=name.title(), privileges=(AGENT,))
    return link


async def helped(relay, link):
    """A customer of the queue `support`, accepted by that agent."""
    form = requests.QueueEnter(request_id="form-0123456789", queue="support", name="Maria", problem="Printer")

    def decision(moment):
        return transfer.decide_queue_enter("123456789", "support", "Support", form, "en", "t" * 43, moment).facts

    await relay.live.start("form", "s-1", decision)
    session = relay.live.registry.get("s-1")
    await relay.change(session, lambda moment: transfer.decide_accept(session, link.account, moment)[0])
    return session


@pytest.mark.rule("B-9.2", "B-12.7")
async def test_who_takes_over_reads_the_notes_and_replaces_none_unread(relay):
    ana, ion, dana = (agent(name) for name in ("ana", "ion", "dana"))
    session = await helped(relay, ana)
    await relay.change(session, lambda moment: control.decide_assist(session, ion.account, "r", moment)[0])
    here = {"session_id": session.id}
    assert await relay.ask("history.notes", ana, **here) == Noted()
    await relay.ask("history.note", ana, **here, outcome=" partly", notes="Serial:\r\n12.\n")
    kept = Noted(outcome="partly", notes="Serial:\n12.")
    for event in ("history.notes", "history.note"):
        assert await relay.refused(event, ion, **here) == "not_allowed", event
        assert await relay.refused(event, dana, **here) == "session_unknown", event
    me, to = session.holder(Role.CONTROLLER), session.rep_of("ion-1").id
    await relay.change(session, lambda moment: control.decide_transfer_control(session, me, to, moment))
    await relay.change(session, lambda moment: decide.decide_end(session, EndReason.ENDED_BY_REP, to, moment))
    assert await relay.refused("history.note", ion, **here, outcome="solved") == "notes_changed"
    assert await relay.ask("history.notes", ion, **here) == await relay.ask("history.notes", ana, **here) == kept
    # As the app keeps what was typed: the relay compares what it would have kept of it.
    seen = {"seen_outcome": " partly", "seen_notes": "Serial:\r\n12.\n"}
    await relay.ask("history.note", ion, **here, outcome="solved", notes="Serial:\n12.\nNew driver.", **seen)
    kept = Noted(outcome="solved", notes="Serial:\n12.\nNew driver.")
    assert await relay.ask("history.notes", ana, **here) == kept


@pytest.mark.rule("B-1.2", "B-12.7")
async def test_each_customer_answers_the_survey_for_himself(relay):
    ana = agent("ana")
    session = await helped(relay, ana)
    watching = Joined(
        participant_id="ion",
        role=Role.SECONDARY,
        name="Ion",
        locale="en",
        device=Device(),
        request_id="join",
        token_hash="hash",
    )
    await relay.change(session, lambda _: [watching])
    maria, ion = (Link(name, "10.0.0.2", None, None, 0) for name in ("maria", "ion"))
    maria.bound[session.id], ion.bound[session.id] = session.holder(Role.PRIMARY).id, "ion"
    await relay.change(session, lambda moment: decide.decide_end(session, EndReason.ENDED_BY_REP, None, moment))
    here = {"session_id": session.id}
    assert (await relay.ask("history.read", ana, **here)).survey == ()
    for link, rating, comment in ((maria, 1, "It smokes."), (ion, 5, "Fine."), (maria, 2, "It still smokes.\u202e")):
        await relay.ask("survey.send", link, **here, rating=rating, comment=comment)
    answered = (await relay.ask("history.read", ana, **here)).survey
    assert sorted(answered, key=lambda answer: answer.name) == [
        SurveyAnswer(name="Ion", rating=5, comment="Fine."),
        SurveyAnswer(name="Maria", rating=2, comment="It still smokes."),
    ]
