"""Queues, members and what accounts may: made, changed, refused, in the audit log, and read back resolved."""

import pytest
from sqlalchemy import select

from server_stub import settings
from server_stub.accounts import AccountError, Accounts
from server_stub.audit import check_chain
from server_stub.queues import QueueError, Queues, Rule, default_queue
from server_stub.rights import Rights, read_agents
from server_stub.store import tables
from server_stub.store.database import Database
from support_manager.protocol.views import AGENT, Mode

PASSWORD = "correct horse battery"


@pytest.fixture
async def database(tmp_path):
    async with Database.in_directory(tmp_path) as opened:
        yield opened


@pytest.fixture
async def accounts(database):
    made = Accounts(database)
    yield made
    made.close()


async def refused(call):
    with pytest.raises(QueueError) as caught:
        await call
    assert str(caught.value).endswith((".", "SHORT-NAME", "--agent")), caught.value
    return caught.value.code


async def log_of(database):
    async with database.transaction() as connection:
        rows = (await connection.execute(select(tables.audit).order_by(tables.audit.c.id))).all()
    assert (await check_chain(database)).broken_at is None
    return [(row.kind, row.who, row.what) for row in rows]


@pytest.mark.rule("B-11.1")
async def test_a_queue_is_made_changed_and_deleted(database, accounts):
    await accounts.add("ana", PASSWORD, privileges=(AGENT,))
    queues = Queues(database, who="account-1")
    await queues.add(
        "first-aid", "First aid", rule="most_idle", hours="mon-fri 9:00-17:00", time_zone="Europe/Bucharest"
    )
    await queues.add_member("first-aid", "Ana")
    await queues.add_member("first-aid", "ana")
    await queues.change("first-aid", name="Prim ajutor", offer_s=20, time_zone="UTC")
    found, support = await queues.everyone()
    assert (found.name, found.rule, found.offer_s, len(found.members)) == ("Prim ajutor", Rule.MOST_IDLE, 20, 1)
    assert (found.hours.zone, found.hours.text()) == ("UTC", "mon-fri 09:00-17:00")
    assert support.slug == "support"
    await queues.remove_member("first-aid", "ana")
    await queues.remove("first-aid")
    assert [queue.slug for queue in await queues.everyone()] == ["support"]
    assert (await log_of(database))[1:] == [
        ("queue_added", "account-1", "first-aid"),
        ("queue_member_added", "account-1", "first-aid: ana"),
        ("queue_changed", "account-1", "first-aid: hours, name, offer_s, time_zone"),
        ("queue_member_removed", "account-1", "first-aid: ana"),
        ("queue_deleted", "account-1", "first-aid"),
    ]


async def test_what_cannot_be_is_refused_and_changes_nothing(database, accounts):
    await accounts.add("ion", PASSWORD)
    queues = Queues(database)
    before = await queues.everyone(), await log_of(database)
    assert await refused(queues.add("First Aid", "x")) == "bad_slug"
    assert await refused(queues.add("first-aid", " ")) == "bad_name"
    assert await refused(queues.add("first-aid", "x" * 61)) == "bad_name"
    assert await refused(queues.add("first-aid", "x", rule="loudest")) == "bad_rule"
    assert await refused(queues.add("first-aid", "x", offer_s=4)) == "bad_offer_s"
    assert await refused(queues.add("first-aid", "x", hours="nine to five")) == "bad_hours"
    assert await refused(queues.add("first-aid", "x", time_zone="Moon/Tycho")) == "bad_time_zone"
    assert await refused(queues.add("support", "x")) == "slug_taken"
    assert await refused(queues.change("other", name="x")) == "unknown_queue"
    assert await refused(queues.remove("other")) == "unknown_queue"
    assert await refused(queues.add_member("support", "nobody")) == "unknown_account"
    assert await refused(queues.add_member("support", "ion")) == "no_agent"
    await queues.change("support")
    assert (await queues.everyone(), await log_of(database)) == before


async def test_there_is_always_a_queue_to_fall_to(database):
    queues = Queues(database)
    assert await refused(queues.remove("support")) == "default_queue"
    assert await refused(queues.change("support", enabled=False)) == "default_queue"
    await queues.change("support", name="Asistență")
    await queues.add("night", "Night")
    await settings.write(database, "default_queue", "night")
    assert await refused(queues.remove("night")) == "default_queue"
    await queues.remove("support")
    every = await queues.everyone()
    assert default_queue("night", every).slug == "night"
    assert default_queue("gone", every).slug == "night"


async def test_a_new_queue_takes_the_sites_offer_time(database):
    await settings.write(database, "offer_s", "12")
    queues = Queues(database)
    await queues.add("night", "Night")
    assert next(queue.offer_s for queue in await queues.everyone() if queue.slug == "night") == 12


@pytest.mark.rule("B-3.4")
async def test_an_account_has_the_sites_modes_unless_it_has_its_own(database, accounts):
    await accounts.add("ana", PASSWORD)
    assert (await accounts.sign_in("ana", PASSWORD)).account.modes == (Mode.MULTI, Mode.SINGLE)
    await settings.write(database, "modes", "multi")
    assert (await accounts.sign_in("ana", PASSWORD)).account.modes == (Mode.MULTI,)
    await Rights(database).change("Ana", mode="single")
    assert (await accounts.sign_in("ana", PASSWORD)).account.modes == (Mode.SINGLE,)
    await Rights(database).change("ana", mode="site")
    assert (await accounts.sign_in("ana", PASSWORD)).account.modes == (Mode.MULTI,)


async def test_an_account_has_the_sites_limit_unless_it_has_its_own(database, accounts):
    await accounts.add("ana", PASSWORD)
    limits = []
    for change in ({}, {"limit": 3}, {"limit": 0}, {"limit": "site"}):
        await settings.write(database, "customers_per_rep", "5")
        await Rights(database).change("ana", **change)
        limits.append((await accounts.sign_in("ana", PASSWORD)).account.customers_limit)
    assert limits == [5, 3, 0, 5]
    caller = await accounts.caller_by_access((await accounts.sign_in("ana", PASSWORD)).access_token)
    assert caller.account.customers_limit == 5


async def test_privileges_are_given_and_taken_back(database, accounts):
    await accounts.add("ana", PASSWORD, privileges=("agent", "owner"))
    await accounts.add("ion", PASSWORD, privileges=("agent",))
    assert (await accounts.sign_in("ana", PASSWORD)).account.privileges == ("agent",)
    rights = Rights(database, who="account-1")
    await rights.change("ana", admin=True)
    assert (await accounts.sign_in("ana", PASSWORD)).account.privileges == ("admin", "agent")
    await rights.change("ana", agent=False, display_name="Ana P.")
    await accounts.set_disabled("ion", True)
    async with database.transaction() as connection:
        assert await read_agents(connection) == []
    assert ("account_changed", "account-1", "ana: display_name = Ana P., privileges = ['admin']") in await log_of(
        database
    )
    with pytest.raises(AccountError, match="unknown_name"):
        await rights.change("maria", agent=True)


async def test_every_act_on_accounts_is_in_the_audit_log(database, accounts):
    await accounts.add("ana", PASSWORD)
    await accounts.set_disabled("ana", True)
    await accounts.set_disabled("ana", True)
    await accounts.set_disabled("ana", False)
    await accounts.set_password("ana", "another good password")
    assert [kind for kind, _, _ in await log_of(database)] == [
        "account_added",
        "account_closed",
        "account_opened",
        "password_changed",
    ]
