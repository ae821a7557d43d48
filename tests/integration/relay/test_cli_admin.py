"""What the admin area does, at the command line: the audit log, the mail server tried, live sessions and their end."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from server_stub import cli_session
from server_stub.audit import Audit
from server_stub.ending import ORDER_S
from server_stub.store import tables
from server_stub.store.database import Database
from support_manager.protocol.events import SessionEnded
from support_manager.protocol.requests import SessionEnd
from support_manager.protocol.views import ADMIN, EndReason
from tests.harness.agents import make_agents, on_database, set_site
from tests.harness.relay import ROOT, RelayProcess, page, rep
from tests.harness.site_visitor import SiteVisitor
from tests.harness.smtp import MailServerProcess
from tests.integration.relay.test_cli import (  # noqa: F401 - one of them is a fixture
    _log_of_this_process,
    run,
    sentence,
)

DAY_MS = 86_400_000


def started(*words: object) -> "subprocess.Popen[bytes]":
    """A command as a process of its own, for its bytes."""
    command = [sys.executable, "-m", "server_stub", *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


async def fill(database: Database) -> None:
    """Records of two days, one that begins like a formula."""
    early, late = (Audit(database, lambda day=day: day * DAY_MS + 3_600_000) for day in (20_000, 20_001))
    await early.record("odd", who="operator", what='=HYPERLINK("http://evil.example")', address="192.0.2.7")
    for number in range(3):
        await late.record("many", who="customer", what=f"entry {number}\x1b[2J")


def acts(data: Path, *words: object) -> list[str]:
    """The acts that the command lists, in its order."""
    done = run("audit", *words, "--data", data)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split("\t")[1] for line in done.stdout.splitlines()]


def test_the_audit_log_is_listed_and_filtered(tmp_path: Path) -> None:
    asyncio.run(on_database(tmp_path, fill))
    asyncio.run(make_agents(tmp_path, "ana"))
    assert run("setting", "set", "company", "Exemplu SRL", "--data", tmp_path).returncode == 0
    assert acts(tmp_path) == ["setting_changed", "account_added", "many", "many", "many", "odd"]
    assert acts(tmp_path, "--act", "odd") == ["odd"]
    assert acts(tmp_path, "--who", "customer") == ["many"] * 3
    assert acts(tmp_path, "--who", "192.0.2.7") == ["odd"]
    assert acts(tmp_path, "--who", "nobody") == []
    assert acts(tmp_path, "--to-day", "2024-10-04") == ["odd"]
    assert acts(tmp_path, "--from-day", "2024-10-05", "--to-day", "2024-10-05") == ["many"] * 3
    # An act that there is, though it has not happened here.
    assert acts(tmp_path, "--act", "queue_deleted") == []
    listed = run("audit", "--to-day", "2024-10-05", "--data", tmp_path).stdout.splitlines()
    assert listed[0] == "2024-10-05 01:00:00\tmany\tcustomer\tentry 2 [2J\t-"
    assert listed[3] == '2024-10-04 01:00:00\todd\toperator\t=HYPERLINK("http://evil.example")\t192.0.2.7'


def test_an_unknown_act_or_day_is_refused(tmp_path: Path) -> None:
    asyncio.run(on_database(tmp_path, fill))
    text = sentence(run("audit", "--act", "mayn", "--data", tmp_path))
    assert text.endswith("There is no act “mayn”; the log has many, odd.")
    for words in (("--from-day", "2026-02-30"), ("--to-day", "yesterday"), ("--csv", "--to-day", "9999-12-31")):
        done = run("audit", *words, "--data", tmp_path)
        assert f"“{words[-1]}”: This is not a day." in sentence(done)
        assert done.stdout == ""
    # What a terminal of another encoding makes of a name stands in no database.
    assert "characters that stand in no record" in sentence(run("audit", "--who", "a\udcff", "--data", tmp_path))
    assert acts(tmp_path) == ["many", "many", "many", "odd"], "nothing was taken away"


async def test_the_csv_is_the_sites(tmp_path: Path) -> None:
    await make_agents(tmp_path, "root", privileges=(ADMIN,))
    with RelayProcess(tmp_path) as relay:
        await on_database(relay.data, fill)
        async with SiteVisitor(relay.url) as root:
            await root.sign_in("root")
            taken = (await root.get("/admin/audit.csv?last=2024-10-05")).text
        process = started("audit", "--csv", "--to-day", "2024-10-05", "--data", relay.data)
        out, error = await asyncio.to_thread(process.communicate)
        assert (process.returncode, error) == (0, b"")
        assert out.decode() == taken
        assert out.startswith(b"\xef\xbb\xbfid,time,kind,")
        assert b"'=HYPERLINK" in out
        noted = await asyncio.to_thread(run, "audit", "--act", "audit_exported", "--data", relay.data)
        assert [line.split("\t")[1:4] for line in noted.stdout.splitlines()] == [
            ["audit_exported", "operator", "last=2024-10-05"],
            ["audit_exported", "root", "last=2024-10-05"],
        ]


def test_whoever_has_seen_enough_of_the_log_closes_it_in_silence(tmp_path: Path) -> None:
    asyncio.run(on_database(tmp_path, fill))
    process = started("audit", "--data", tmp_path)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 0
    process.stderr.close()


@pytest.mark.rule("B-4.4")
def test_the_mail_server_is_tried_and_its_refusal_is_told(tmp_path: Path) -> None:
    def tried(server: MailServerProcess, address: str = "b@example.org") -> Any:
        asyncio.run(set_site(tmp_path, smtp_port=str(server.port)))
        return run("mail", "test", address, "--data", tmp_path)

    with MailServerProcess() as server:
        assert "set smtp_host and mail_from" in sentence(tried(server))
        values = {"smtp_host": "localhost", "smtp_security": "none", "mail_from": "a@relay.test"}
        asyncio.run(set_site(tmp_path, company="Exemplu", **values))
        assert "“b@localhost” is no e-mail address" in sentence(tried(server, "b@localhost"))
        done = tried(server)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "The mail server has taken the message to b@example.org.\n"
        (message,) = server.wait(1)
        assert message["X-Envelope-To"] == "b@example.org"
        assert message["Subject"] == "Test message from Exemplu"
    with MailServerProcess(refuse=True) as server:
        text = sentence(tried(server))
        assert "The mail server’s words: “550 5.1.1 No such person here: <b>try</b> another”." in text
    noted = run("audit", "--act", "mail_tried", "--data", tmp_path).stdout.splitlines()
    assert [line.split("\t")[2:4] for line in noted] == [
        ["operator", "to example.org: 550"],
        ["operator", "to example.org: sent"],
    ]


async def test_the_live_sessions_of_a_running_relay_are_listed(tmp_path: Path) -> None:
    async def listed(*words: str) -> str:
        done = await asyncio.to_thread(run, "session", "list", *words, "--data", tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    with RelayProcess(tmp_path) as relay:
        async with rep(relay, "radu") as radu, page(relay.url) as maria:
            assert await listed() == ""
            assert json.loads(await listed("--json")) == []
            first = await radu.start_session()
            await maria.join("Maria", link=first.link)
            second = await radu.start_session()
            in_first, in_second = (line.split("\t") for line in (await listed()).splitlines())
            number = f"{first.number[:3]} {first.number[3:6]} {first.number[6:]}"
            assert (in_first[0], in_first[1], in_first[3]) == (number, "Radu", "Under way")
            assert in_first[4] == "Radu (in charge, connected), Maria (customer, connected)"
            assert (in_second[3], in_second[4]) == ("Waiting for a customer", "Radu (in charge, connected)")
            await radu.ask("session.end", SessionEnd(session_id=second.id))
            (told,) = json.loads(await listed("--json"))
            assert (told["id"], told["number"], told["in_charge"], told["state"]) == (
                *(first.id, first.number),
                *("Radu", "active"),
            )
            assert told["people"][1] == {"name": "Maria", "role": "primary", "connection": "online"}
        relay.kill9()
        # It goes on with the relay's next start.
        assert [one["id"] for one in json.loads(await listed("--json"))] == [first.id]


async def orders(database: Database) -> list[str]:
    """The sessions that are ordered to be ended."""
    async with database.reading() as connection:
        return list((await connection.execute(select(tables.end_order.c.session_id))).scalars())


async def test_a_live_session_is_ended_by_command_for_everybody(tmp_path: Path) -> None:
    def live() -> list[str]:
        return [one["id"] for one in json.loads(run("session", "list", "--json", "--data", tmp_path).stdout)]

    async with RelayProcess(tmp_path) as relay, rep(relay, "radu") as radu, page(relay.url) as maria:
        other, session = await radu.start_session(), await radu.start_session()
        await maria.join("Maria", link=session.link)

        async def order_of_before(database: Database) -> None:
            at = time.time_ns() // 1_000_000 - int(ORDER_S * 1_000) - 1
            row = {"id": "old", "session_id": other.id, "reason": "too late", "at": at}
            async with database.transaction() as connection:
                await connection.execute(insert(tables.end_order).values(row))

        await on_database(tmp_path, order_of_before)
        number = (session.number[:3], session.number[3:6], session.number[6:])
        words = ("session", "end", *number, "--reason", "the customer\nasked", "--data", tmp_path)
        process = started(*words)
        out, error = await asyncio.to_thread(process.communicate)
        assert (process.returncode, error) == (0, b"")
        assert out.decode() == f"The session {' '.join(number)} is over, and everybody in it is told.\n"
        for client in (radu, maria):
            assert (await client.wait_fact(SessionEnded)).reason is EndReason.RELAY_CLOSED
        assert await asyncio.to_thread(live) == [other.id], "an order of before the relay ran ends nothing"
        assert await on_database(tmp_path, orders) == []
        words = ("audit", "--act", "session_ended_by_admin", "--data", tmp_path)
        noted = (await asyncio.to_thread(run, *words)).stdout.splitlines()
        assert [line.split("\t")[1:4] for line in noted] == [
            ["session_ended_by_admin", "operator", "the customer asked"]
        ]
        for given in (session.number, "12"):
            done = await asyncio.to_thread(run, "session", "end", given, "--data", tmp_path)
            assert sentence(done).endswith(f"There is no live session {given}; see support-relay session list.")
        done = await asyncio.to_thread(run, "session", "end", other.number, "--reason", " ", "--data", tmp_path)
        assert "Give the reason in 1 to 200 characters" in sentence(done)
        assert await asyncio.to_thread(live) == [other.id]


async def test_an_end_that_no_relay_brings_about_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with RelayProcess(tmp_path) as relay:
        async with rep(relay, "radu") as radu:
            session = await radu.start_session()
        relay.kill9()
    monkeypatch.setattr(cli_session, "TAKEN_S", 0.1)

    async def said() -> str:
        return sentence(await asyncio.to_thread(run, "session", "end", session.number, "--data", tmp_path))

    assert "No running relay has taken this up, so nothing was done" in await said()
    assert await on_database(tmp_path, orders) == []
    listed = await asyncio.to_thread(run, "session", "list", "--json", "--data", tmp_path)
    assert [one["id"] for one in json.loads(listed.stdout)] == [session.id]

    async def execute(database: Database, statement: Any) -> None:
        async with database.transaction() as connection:
            await connection.execute(statement)

    # As a relay that took it, and whose disk then failed.
    taken = text("CREATE TRIGGER taken AFTER INSERT ON end_order BEGIN DELETE FROM end_order; END")
    await on_database(tmp_path, lambda database: execute(database, taken))
    assert "The relay has taken this up, but the session goes on" in await said()
    fact = tables.fact.c
    damaged = update(tables.fact).where(fact.session_id == session.id, fact.seq == 1).values(seq=2)
    await on_database(tmp_path, lambda database: execute(database, damaged))
    assert "(journal)" in await said(), "of a damaged journal"
