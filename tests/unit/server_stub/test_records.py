"""What is written of sessions beside their journal: history, handling times, acts in the audit log; also late."""

from types import SimpleNamespace

import pytest
from sqlalchemy import select

from resources.catalog import load, sentence
from server_stub import records as records_module
from server_stub.admin.audit_words import Names, what_words
from server_stub.audit import Record, check_chain
from server_stub.directory import Directory
from server_stub.live import LiveSessions
from server_stub.ports import SystemClock, random_bytes
from server_stub.records import Records
from server_stub.settings import LiveSettings
from server_stub.state import control, customers, decide, leaving, transfer
from server_stub.state.facts import Left, Locked
from server_stub.state.refused import Refused
from server_stub.state.registry import Registry
from server_stub.store import tables
from server_stub.store.database import Database, StoreError
from server_stub.tasks import TaskOwner
from support_manager.protocol import limits, requests
from support_manager.protocol.requests import Noted
from support_manager.protocol.roles import Role
from support_manager.protocol.views import AGENT, AccountView, Connection, EndReason, LeaveReason, Mode

ANA = AccountView(id="a-1", name="ana", display_name="Ana", privileges=(AGENT,))
ION = AccountView(id="i-1", name="ion", display_name="Ion", privileges=(AGENT,))


@pytest.fixture
async def database(tmp_path):
    async with Database.in_directory(tmp_path) as opened:
        yield opened


@pytest.fixture
async def live(database):
    sessions = LiveSessions(database, Registry(b"key"), SystemClock(), random_bytes)
    yield sessions
    await sessions.close()


@pytest.fixture
async def tasks():
    owner = TaskOwner("test")
    yield owner
    await owner.aclose()


async def entered(live, number="123456789"):
    """A customer in the queue `support`."""
    form = requests.QueueEnter(request_id=f"form-{number}-0123456789", queue="support", name="Maria", problem="Printer")

    def decision(moment):
        return transfer.decide_queue_enter(number, "support", "Support", form, "en", "t" * 43, moment).facts

    await live.start(f"form {number}", f"s-{number}", decision)
    return live.registry.get(f"s-{number}")


async def say(live, session, who, text):
    request = requests.ChatSend(session_id=session.id, line_id=text[:8], text=text)
    await live.change(session, lambda moment: decide.decide_chat(session, who, request, moment))


async def accept(live, session, account):
    await live.change(session, lambda moment: transfer.decide_accept(session, account, moment)[0])


async def end(live, session):
    by = session.holder(Role.CONTROLLER)
    await live.change(session, lambda moment: decide.decide_end(session, EndReason.ENDED_BY_REP, by and by.id, moment))


async def rows(database, table):
    async with database.transaction() as connection:
        return (await connection.execute(select(table))).all()


@pytest.mark.rule("B-12.7")
async def test_a_session_that_is_over_is_in_the_history_of_all_its_reps(database, live, tasks):
    written = []
    records = Records(database, tasks, lambda: written.append(1))
    await records.open(live)
    session = await entered(live)
    await accept(live, session, ANA)
    await live.change(session, lambda moment: control.decide_assist(session, ION, "r", moment)[0])
    await say(live, session, session.holder(Role.PRIMARY), "It SMOKES, I think.")
    await end(live, session)
    await records.flush()
    (row,) = await rows(database, tables.history)
    assert (row.session_id, row.customers, row.reps, row.queue_id) == (
        "s-123456789",
        ["Maria"],
        ["Ana", "Ion"],
        "support",
    )
    assert (row.end_reason, row.lines, row.outcome) == ("ended_by_rep", 1, "")
    assert row.handling_ms == row.ended_at - session.marks[-1].at
    for words in ("maria", "printer", "it smokes"):
        assert words in row.search
    for words in ("ion", "123456789"):
        assert words in row.lasting
    reps = {(row.account_id, row.was_controller) for row in await rows(database, tables.history_rep)}
    assert reps == {("a-1", True), ("i-1", False)}
    assert written == [1]
    acts = [(row.kind, row.who, row.session_id) for row in await rows(database, tables.audit)]
    assert acts == [
        ("session_entered", "customer", session.id),
        ("session_accepted", "a-1", session.id),
        ("session_assisted", "i-1", session.id),
        ("session_ended", "a-1", session.id),
    ]
    assert (await check_chain(database)).broken_at is None


async def test_what_a_rep_noted_while_it_lived_stays(database, live, tasks):
    records = Records(database, tasks, lambda: None)
    await records.open(live)
    session = await entered(live)
    await accept(live, session, ANA)
    async with database.transaction() as connection:
        noted = {"outcome": "solved", "notes": "New toner."}
        values = {"session_id": session.id, **records_module.history_of(session), **noted}
        await connection.execute(tables.history.insert().values(values))
    await end(live, session)
    await records.flush()
    (row,) = await rows(database, tables.history)
    assert (row.outcome, row.notes, row.ended_at) == ("solved", "New toner.", session.ended_at)


@pytest.mark.rule("B-12.7")
async def test_notes_replace_only_what_their_writer_has_read(database, live, tasks):
    records = Records(database, tasks, lambda: None)
    await records.open(live)
    session = await entered(live)
    await accept(live, session, ANA)

    async def note(account, noted, seen):
        act = Record(1, "session_noted", account.id, "outcome and notes", session.id)
        return await records.note(session.id, session, noted, act, seen=seen)

    nothing, of_ana = Noted(), Noted(outcome="partly", notes="Serial number 12.")
    assert await records.noted(session.id) == nothing
    with pytest.raises(Refused, match="notes_changed"):
        await note(ANA, of_ana, Noted(notes="what was never there"))
    assert await note(ANA, of_ana, nothing)
    await end(live, session)
    await records.flush()
    with pytest.raises(Refused, match="notes_changed"):
        await note(ION, Noted(outcome="solved"), nothing)
    assert await records.noted(session.id) == of_ana
    # Her app asks again where it had no answer: that is no change, whatever she had read.
    assert await note(ANA, of_ana, nothing)
    of_both = Noted(outcome="solved", notes=of_ana.notes)
    assert await note(ION, of_both, of_ana)
    assert await records.noted(session.id) == of_both
    acts = [row.who for row in await rows(database, tables.audit) if row.kind == "session_noted"]
    assert acts == [ANA.id, ION.id]


@pytest.mark.rule("B-1.2", "B-12.7")
async def test_each_customers_last_answer_counts_and_wipes_no_others(database, live, tasks):
    records = Records(database, tasks, lambda: None)
    await records.open(live)
    session = await entered(live)
    await end(live, session)
    answers = [("maria", 2, "So so."), ("ion", 5, "Fine."), ("maria", 1, "It smokes again."), ("ion", 5, "Fine.")]
    for whose, stars, comment in answers:
        act = Record(1, "session_rated", "customer", "survey", session.id)
        await records.rate(session, whose, stars, comment, act)
    kept = {(row.participant_id, row.rating, row.comment) for row in await rows(database, tables.survey_answer)}
    assert kept == {("maria", 1, "It smokes again."), ("ion", 5, "Fine.")}
    (row,) = await rows(database, tables.history)
    assert row.ended_at == session.ended_at
    acts = [row.kind for row in await rows(database, tables.audit)]
    assert acts.count("session_rated") == 3, "the same again is no answer"


async def test_who_was_never_helped_counts_for_no_handling_time(database, live, tasks):
    records = Records(database, tasks, lambda: None)
    await records.open(live)
    session = await entered(live)
    await end(live, session)
    await records.flush()
    (row,) = await rows(database, tables.history)
    assert (row.handling_ms, row.queue_id) == (None, "support")


async def test_a_relay_cut_off_before_it_wrote_writes_at_its_next_start(database, live, tasks):
    session = await entered(live)
    await accept(live, session, ANA)
    await end(live, session)
    assert await rows(database, tables.history) == []
    for _ in range(2):
        await Records(database, tasks, lambda: None).open(live)
        (row,) = await rows(database, tables.history)
        assert (row.session_id, row.reps) == (session.id, ["Ana"])


async def test_a_disk_that_fails_loses_no_record(database, live, tasks, monkeypatch):
    monkeypatch.setattr(records_module, "GROUP_S", 0)
    monkeypatch.setattr(records_module, "_AGAIN_S", 0)
    records = Records(database, tasks, lambda: None)
    await records.open(live)
    session = await entered(live)
    await records.flush()
    failures = []

    async def locked(connection, over):
        failures.append(over.id)
        raise StoreError("database_locked")

    with monkeypatch.context() as patch:
        patch.setattr(records_module, "_write_history", locked)
        await end(live, session)
        await records.flush()
    assert failures
    await records.flush()
    (row,) = await rows(database, tables.history)
    assert row.session_id == session.id
    assert [row.kind for row in await rows(database, tables.audit)] == ["session_entered", "session_ended"]


@pytest.mark.rule("B-11.2")
async def test_the_mean_is_that_of_the_queues_last_twenty(database):
    values = {
        "number": "123456789",
        "mode": "multi",
        "started_at": 0,
        "customers": [],
        "reps": [],
        "queue_name": "",
        "tracking_code": "",
        "outcome": "",
        "notes": "",
        "lines": 0,
        "search": "",
    }
    async with database.transaction() as connection:
        for number in range(30):
            handled = None if number == 29 else 1_000 if number < 9 else 60_000
            row = {"session_id": f"s-{number}", "queue_id": "support", "ended_at": number, "handling_ms": handled}
            await connection.execute(tables.history.insert().values(**values, **row))
        other = {"session_id": "other", "queue_id": "other", "ended_at": 99, "handling_ms": 5}
        await connection.execute(tables.history.insert().values(**values, **other))
    directory = Directory(database, LiveSettings(public_url="", bound_url="http://127.0.0.1:1", behind_proxy=False))
    await directory.reload()
    assert limits.WAIT_SAMPLES == 20
    assert directory.handling_ms == {"support": 60_000}
    assert await directory.reload() is False


async def test_locking_and_turning_away_are_on_record(database, live, tasks):
    records = Records(database, tasks, lambda: None)
    await records.open(live)
    session = await entered(live)
    await accept(live, session, ANA)
    customer = session.customers()[0]
    facts = [Locked(locked=True), Left(participant_id=customer.id, reason=LeaveReason.REMOVED), Locked(locked=False)]
    await live.change(session, lambda _: facts)
    await records.flush()
    kinds = [(row.kind, row.who) for row in await rows(database, tables.audit)]
    expected = [(f"session_{act}", ANA.id) for act in ("locked", "turned_away", "unlocked")]
    assert kinds[-3:] == expected


async def in_single_mode(live):
    """A session of Ana's, to which several customers may come."""
    ana = AccountView(id="a-1", name="ana", display_name="Ana", privileges=(AGENT,), modes=(Mode.SINGLE,))
    request = requests.SessionStart(request_id="start", mode=Mode.SINGLE)
    await live.start(ana.id, "s-1", lambda moment: decide.decide_start(ana, "123456789", request, moment))
    return live.registry.get("s-1")


async def join(live, session, name, room=None):
    """A customer joins by the number; gives his id."""
    request = requests.SessionJoin(request_id=f"join-{name}-0123456789", name=name, number=session.number)
    joined = []

    def decision(moment):
        made = customers.decide_join(session, request, "en", name.ljust(43, "t"), moment, room=room)
        joined.append(made.participant_id)
        return made.facts

    await live.change(session, decision)
    return joined[0]


async def acts_of_people(database, records):
    """What is on record since the session began; with every kind's words in both languages."""
    await records.flush()
    found = [(row.kind, row.who, row.what.partition(", ")[2]) for row in await rows(database, tables.audit)]
    assert (await check_chain(database)).broken_at is None
    for language in ("en", "ro"):
        words = load(language, "admin")
        assert [kind for kind, *_ in found if f"audit.kind.{kind}" not in words] == []
    return [act for act in found if act[0] != "session_started"]


@pytest.mark.rule("B-1.2", "B-2.5", "B-6.3")
async def test_who_came_was_let_in_is_helped_and_went_is_on_record_by_whose_word_and_without_names(
    database, live, tasks
):
    records = Records(database, tasks, lambda: None)
    await records.open(live)
    session = await in_single_mode(live)
    ana = session.rep_of(ANA.id)
    maria, radu = await join(live, session, "Maria"), await join(live, session, "Radu")
    vlad = await join(live, session, "Vlad")
    for who, accept in ((radu, True), (vlad, False)):
        admit = requests.CustomerAdmit(session_id=session.id, participant_id=who, accept=accept)
        await live.change(session, lambda m, admit=admit: customers.decide_admit(session, ana, admit, m))
    select_radu = requests.CustomerSelect(session_id=session.id, participant_id=radu)
    await live.change(session, lambda moment: customers.decide_select(session, ana, select_radu, moment))
    for who, reason in ((radu, LeaveReason.LEFT), (maria, LeaveReason.LOST)):
        person = session.member(who)
        await live.change(session, lambda m, p=person, r=reason: leaving.decide_leave(session, p, r, m))
    late = await join(live, session, "Late", room=0)
    await live.change(session, lambda moment: customers.decide_let_in(session, moment, room=1))
    assert await acts_of_people(database, records) == [
        ("session_joined", "customer", f"customer {maria}"),
        ("session_waiting", "customer", f"customer {radu}"),
        ("session_waiting", "customer", f"customer {vlad}"),
        ("session_let_in", ANA.id, f"customer {radu}"),
        ("session_turned_away", ANA.id, f"customer {vlad}"),
        ("session_selected", ANA.id, f"customer {radu}"),
        ("session_left", "customer", f"customer {radu}, left"),
        ("session_selected", "relay", f"customer {maria}"),
        ("session_left", "customer", f"customer {maria}, lost"),
        ("session_waiting", "customer", f"customer {late}"),
        ("session_let_in", "relay", f"customer {late}"),
    ]
    record = SimpleNamespace(kind="session_left", what=f"session 123456789, customer {radu}, left", session_id="s-1")
    asking = SimpleNamespace(
        t=lambda key, **places: sentence("en", "admin", key, **places), has=lambda key: key in load("en", "admin")
    )
    assert ">Session 123\u00a0456\u00a0789 · chose to leave<" in what_words(asking, record, Names())


@pytest.mark.rule("B-7.9", "B-8.1")
async def test_who_asked_for_control_who_refused_and_that_an_assistant_went_is_on_record(database, live, tasks):
    records = Records(database, tasks, lambda: None)
    await records.open(live)
    session = await in_single_mode(live)
    maria = await join(live, session, "Maria")
    ion_account = AccountView(id=ION.id, name="ion", display_name="Ion", modes=(Mode.SINGLE,))
    await live.change(session, lambda moment: control.decide_assist(session, ion_account, "r", moment)[0])
    ana, ion = session.rep_of(ANA.id), session.rep_of(ION.id)

    async def ask(asking):
        want = requests.ControlAsk(session_id=session.id, asking=asking)
        await live.change(session, lambda _: control.decide_ask_control(ion, want))

    refuse = requests.ControlRefuse(session_id=session.id, participant_id=ion.id)
    await ask(True)
    await live.change(session, lambda _: control.decide_refuse_control(session, ana, refuse))
    await ask(True)
    await ask(False)
    await ask(True)
    to_queue = requests.SessionTransfer(session_id=session.id, queue_id="support")
    await live.change(session, lambda moment: transfer.decide_pass_on(session, ana, to_queue, "Support", moment))
    await live.change(session, lambda moment: leaving.decide_leave(session, ion, LeaveReason.LEFT, moment))
    assert await acts_of_people(database, records) == [
        ("session_joined", "customer", f"customer {maria}"),
        ("session_assisted", ION.id, ""),
        ("control_asked", ION.id, ""),
        ("control_refused", ANA.id, f"to {ION.id}"),
        ("control_asked", ION.id, ""),
        ("control_lapsed", ION.id, "cancelled"),
        ("control_asked", ION.id, ""),
        ("control_lapsed", "relay", f"to {ION.id}, session_transferred"),
        ("session_passed_on", ANA.id, "queue support"),
        ("session_left", ION.id, "left"),
    ]


@pytest.mark.rule("B-9.2", "B-12.6")
async def test_who_gave_control_to_whom_is_on_record_and_who_took_it(database, live, tasks):
    records = Records(database, tasks, lambda: None)
    await records.open(live)
    session = await entered(live)
    await accept(live, session, ANA)
    await live.change(session, lambda moment: control.decide_assist(session, ION, "r", moment)[0])
    ana, ion = session.rep_of(ANA.id), session.rep_of(ION.id)
    await live.change(session, lambda moment: control.decide_transfer_control(session, ana, ion.id, moment))
    later = limits.CONTROLLER_LOST_S * 1_000
    await live.change_connection(session, ion.id, Connection.LOST)
    await live.change(
        session, lambda m: control.decide_take_control(session, ana, m._replace(now_ms=m.now_ms + later + 1_000))
    )
    await records.flush()
    acts = [(row.kind, row.who, row.what) for row in await rows(database, tables.audit)][-2:]
    assert acts == [
        ("session_control", ANA.id, "session 123456789, to i-1"),
        ("session_taken_over", ANA.id, "session 123456789"),
    ]
    names = Names({ION.id: ("ion", "Ion")})
    record = SimpleNamespace(kind=acts[0][0], what=acts[0][2], session_id=session.id)
    asking = SimpleNamespace(t=lambda key, **places: sentence("en", "admin", key, **places))
    assert " · to ion<" in what_words(asking, record, names)
