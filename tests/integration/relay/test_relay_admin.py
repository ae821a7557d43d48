"""The admin area on a real relay: who may come in, what each form does and refuses, and what the audit log says."""

import asyncio
import csv
import html
import io
import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from sqlalchemy import insert, select

from resources import catalog
from server_stub import settings
from server_stub.admin.area import AdminArea
from server_stub.admin.audit_reading import harmless
from server_stub.audit import Audit, check_chain
from server_stub.hours import DAYS
from server_stub.queues import Queues
from server_stub.store import tables
from support_manager.protocol import events
from support_manager.protocol.activities import ActivityEnd
from support_manager.protocol.requests import HistoryNote, SessionEnd, SessionLeave, SessionTransfer
from support_manager.protocol.views import ADMIN, EndReason, LeaveReason
from tests.harness.agents import make_agents, make_queue, on_database
from tests.harness.relay import PASSWORD, RelayProcess, page, rep
from tests.harness.site_visitor import SiteVisitor
from tests.harness.smtp import MailServerProcess

OTHER = "another long password"


async def set_up(data):
    await make_agents(data, "root", privileges=(ADMIN,))
    await make_agents(data, "ana", "ion")
    await make_agents(data, "radu", privileges=())
    await make_queue(data, "support", "ana")


@pytest.fixture(scope="module")
def relay(tmp_path_factory):
    data = tmp_path_factory.mktemp("relay")
    asyncio.run(set_up(data))
    with RelayProcess(data) as process:
        yield process


async def accounts_of(relay):
    async def work(database):
        async with database.reading() as connection:
            return {row.name: row for row in await connection.execute(select(tables.account))}

    return await on_database(relay.data, work)


async def log_of(relay):
    async def work(database):
        assert (await check_chain(database)).broken_at is None
        async with database.reading() as connection:
            return (await connection.execute(select(tables.audit).order_by(tables.audit.c.id))).all()

    return [(row.kind, row.who, row.what) for row in await on_database(relay.data, work)]


def addresses(ids):
    area = AdminArea.__new__(AdminArea)
    for name in ("_accounts", "_queues", "_setting_pages", "_sessions", "_audit_pages"):
        setattr(area, name, _Anything())
    fill = {"{id}": ids, "{slug}": "support"}
    reads, acts = (
        [re.sub(r"\{\w+\}", lambda found: fill[found[0]], one) for one in all_] for all_ in (area.pages(), area.acts())
    )
    return [*reads, "/admin/audit.csv", "/admin/nothing", "/admin/accounts/a/b/c"], acts


class _Anything:
    def __getattr__(self, name):
        return name


async def test_every_address_refuses_strangers_reps_and_foreign_forms(relay):
    reads, acts = addresses((await accounts_of(relay))["ion"].id)
    assert len(reads) > 12
    assert len(acts) > 12
    before = await accounts_of(relay), await log_of(relay)
    async with SiteVisitor(relay.url) as stranger, SiteVisitor(relay.url) as ana, SiteVisitor(relay.url) as root:
        await ana.sign_in("ana")
        await root.sign_in("root")
        for path in reads:
            assert (await stranger.get(path)).path == f"/sign-in?next={path}", path
            refused = await ana.get(path)
            assert (refused.status, refused.headers["Cache-Control"]) == (403, "no-store"), path
            assert "no administrator" in refused.text
            assert 'href="/desk"' in refused.text.partition('class="actions"')[2]
            found = await root.get(path)
            assert found.status == (404 if "nothing" in path or "a/b" in path else 200), path
        for path in acts:
            form = {"name": "mallory", "password": OTHER, "reason": "because", "mode": "site", "admin": "yes"}
            token = await root.token("/admin/accounts/new")
            assert (await stranger.raw_post(path, {**form, "form_token": token})).path == "/sign-in", path
            own = re.search(r'name="form_token" value="(\w+)"', (await ana.get("/desk")).text)
            assert (await ana.raw_post(path, {**form, "form_token": own[1]})).status == 403, path
            for wrong in ({}, {"form_token": ""}, {"form_token": "0" * 64}, {"form_token": own[1]}):
                assert (await root.raw_post(path, {**form, **wrong})).status == 403, path
            full = {**form, "form_token": token}
            assert (await root.raw_post(path, full, Origin="https://evil.example")).status == 403, path
            assert (await root.raw_post(path, full, **{"Sec-Fetch-Site": "same-site"})).status == 403, path
    after = await accounts_of(relay), await log_of(relay)
    assert after[0] == before[0]
    new = [kind for kind, _, _ in after[1][len(before[1]) :]]
    assert set(new) <= {"site_sign_in", "audit_exported"}


async def test_accounts_are_made_and_changed_and_every_act_is_noted(relay):
    async with SiteVisitor(relay.url) as root:
        await root.sign_in("root")
        form = {"name": "dana", "display_name": "<i>Dana</i>", "password": PASSWORD, "agent": "yes", "mode": "choice"}
        made = await root.post("/admin/accounts/new", {**form, "limit": "3"})
        assert "The account is made" in made.text
        assert "&lt;i&gt;Dana&lt;/i&gt;" in made.text
        path = made.path.partition("?")[0]
        assert relay.sign_in("dana").account.modes == ("multi", "single")
        for wrong, words in (
            ({"name": "dana"}, "already an account"),
            ({"name": ""}, "1 to 64"),
            ({"name": "x", "password": "short"}, "too short"),
            ({"name": "x", "limit": "-1"}, "0 to 1000"),
            ({"name": "x", "display_name": "y" * 61}, "1 to 60"),
        ):
            refused = await root.post("/admin/accounts/new", {**form, "limit": "", **wrong})
            assert refused.status == 422
            assert words in refused.text
            # What was typed stays, except the password.
            assert f'value="{html.escape(wrong.get("name", ""))}"' in refused.text
            assert PASSWORD not in refused.text
        changed = await root.post(f"{path}/rights", {"display_name": "Dana", "mode": "site", "limit": ""}, page=path)
        assert "Saved" in changed.text
        row = (await accounts_of(relay))["dana"]
        assert (row.display_name, row.privileges, row.modes, row.customers_limit) == ("Dana", [], [], None)
        (relay.data / ".test-account-dana").touch()
        async with rep(relay, "dana") as dana:
            await root.post(f"{path}/close", page=path)
            assert (await dana.wait_event("notice")).code == "account_disabled"
        assert "Switched off" in (await root.get("/admin/accounts")).text
        await root.post(f"{path}/open", page=path)
        await root.post(f"{path}/password", {"password": OTHER}, page=path)
        assert relay.sign_in("dana", OTHER).account.name == "dana"
        me = (await accounts_of(relay))["root"].id
        kinds = [kind for kind, who, what in await log_of(relay) if who == me and "dana" in what]
        assert kinds == ["account_added", "account_changed", "account_closed", "account_opened", "password_changed"]


async def test_nobody_locks_himself_out(tmp_path):
    await make_agents(tmp_path, "root", "second", privileges=(ADMIN,))
    with RelayProcess(tmp_path) as relay:
        ids = {name: row.id for name, row in (await accounts_of(relay)).items()}
        rights = {"display_name": "X", "mode": "site", "limit": ""}
        async with SiteVisitor(relay.url) as root, SiteVisitor(relay.url) as second:
            await root.sign_in("root")
            await second.sign_in("second")
            own = f"/admin/accounts/{ids['root']}"
            for act, form in (("rights", rights), ("close", {})):
                refused = await root.post(f"{own}/{act}", form, page=own)
                assert (refused.status, "lock yourself out" in refused.text) == (422, True)
            # Both at once switch the other off: one stays.
            first, other = await asyncio.gather(
                root.post(f"/admin/accounts/{ids['second']}/close", page=own),
                second.post(f"/admin/accounts/{ids['root']}/close", page=own),
            )
            assert sorted((first.path.startswith("/sign-in"), other.path.startswith("/sign-in"))) == [False, True]
            rows = (await accounts_of(relay)).values()
            assert [row.disabled for row in rows].count(True) == 1


@pytest.mark.rule("B-11.1")
async def test_queues_with_hours_rule_and_members(relay):
    async with SiteVisitor(relay.url) as root:
        await root.sign_in("root")
        form = {
            "slug": "first-aid",
            "name": "Prim ajutor",
            "rule": "most_idle",
            "offer_s": "20",
            "time_zone": "Europe/Bucharest",
            "hours": "mon-fri 9:00-17:00",
        }
        made = await root.post("/admin/queues/new", form)
        path = made.path.partition("?")[0]
        assert path == "/admin/queues/first-aid"
        assert 'value="mon-fri 09:00-17:00"' in made.text
        for wrong, words in (
            ({"slug": "First Aid"}, "short name"),
            ({}, "already a queue"),
            ({"slug": "b", "time_zone": "Mars/Base"}, "time zone"),
            ({"slug": "b", "hours": "whenever"}, "Opening hours"),
            ({"slug": "b", "offer_s": "4"}, "5 to 600"),
            ({"slug": "b", "rule": "nobody"}, "rules"),
        ):
            refused = await root.post("/admin/queues/new", {**form, **wrong})
            assert refused.status == 422
            assert words in refused.text, wrong
        for language, days, always in (
            ("ro", "lun.-vin. 09:00", "permanent (UTC)"),
            ("en", "Mon-Fri 09:00", "always (UTC)"),
        ):
            listed = (await root.get(f"/admin/queues?lang={language}")).text
            assert days in listed, language
            assert always in listed, language
        ids = {name: row.id for name, row in (await accounts_of(relay)).items()}
        await root.post(f"{path}/members", {"member": [ids["ana"], ids["ion"], "nobody"]}, page=path)
        await root.post(f"{path}/members", {"member": [ids["ion"]]}, page=path)
        shown = await root.get(path)
        assert f'value="{ids["ion"]}" checked' in shown.text
        assert f'value="{ids["ana"]}" checked' not in shown.text
        saved = await root.post(f"{path}/change", {**form, "hours": "always", "rule": "everybody"}, page=path)
        assert "Saved" in saved.text
        assert "Switched off" in (await root.get("/admin/queues")).text
        soon = DAYS[(datetime.now(UTC).weekday() + 2) % 7]
        closed = {**form, "rule": "everybody", "time_zone": "UTC", "enabled": "yes"}
        for hours, words in (
            (f"{soon} 9:00-10:00", f"Closed now, opens {soon.title()} 09:00"),
            ("never", "Outside"),
        ):
            await root.post(f"{path}/change", {**closed, "hours": hours}, page=path)
            assert words in (await root.get("/admin/queues")).text
            assert words in (await root.get(path)).text
        assert "Delete this queue" in (await root.get(path)).text
        default = (await root.get("/admin/queues/support")).text
        assert "Delete this queue" not in default
        assert "cannot be deleted before" in default
        kept = await root.post("/admin/queues/support/remove", page="/admin/queues/support")
        assert (kept.status, "stays" in kept.text) == (422, True)
        gone = await root.post(f"{path}/remove", page=path)
        assert gone.path == "/admin/queues?said=queue.removed"
        assert (await root.get(path)).status == 404
        told = [kind for kind, _, what in await log_of(relay) if what.startswith("first-aid")]
        assert told == [
            *("queue_added", "queue_member_added", "queue_member_added", "queue_member_removed"),
            *("queue_changed", "queue_changed", "queue_changed", "queue_deleted"),
        ]


async def values_of(relay):
    return await on_database(relay.data, settings.read_all)


async def test_settings_are_checked_whole_and_the_password_is_never_shown(relay):
    async with SiteVisitor(relay.url) as root:
        await root.sign_in("root")
        texts = {key: settings.as_text(value) for key, value in (await values_of(relay)).items()}
        wrong = {**texts, "company": "Nou", "keep_days": "many", "default_queue": "nothing"}
        refused = await root.post("/admin/settings", wrong)
        assert refused.status == 422
        assert refused.text.count('aria-invalid="true"') == 1
        assert 'value="many"' in refused.text
        assert (await values_of(relay))["company"] != "Nou"
        wrong["keep_days"] = "7"
        assert 'id="default_queue-wrong"' in (await root.post("/admin/settings", wrong)).text
        saved = await root.post("/admin/settings", {**texts, "company": "Ajutor & Co <SRL>", "keep_days": "7"})
        assert "Saved" in saved.text
        assert "Ajutor &amp; Co &lt;SRL&gt;" in saved.text
        mail = {
            "smtp_host": "mail.example.org",
            "smtp_port": "25",
            "smtp_security": "none",
            "smtp_user": "u",
            "smtp_password": "secret words",
            "mail_from": "a@example.org",
        }
        assert "secret words" not in (await root.post("/admin/mail", mail)).text
        await root.post("/admin/mail", {**mail, "smtp_password": "", "smtp_port": "26"})
        values = await values_of(relay)
        assert (values["smtp_password"], values["smtp_port"]) == ("secret words", 26)
        assert "secret words" not in (await root.get("/admin/mail")).text
        await root.post("/admin/mail", {**mail, "smtp_password": "", "smtp_password_clear": "yes"})
        assert (await values_of(relay))["smtp_password"] == ""
        assert "secret words" not in str(await log_of(relay))
        assert (await root.post("/admin/mail", {**mail, "smtp_security": "maybe"})).status == 422


@pytest.mark.rule("B-4.4")
async def test_the_mail_server_is_tried_and_answers_in_its_own_words(relay):
    async with SiteVisitor(relay.url) as root:
        await root.sign_in("root")

        async def tried(server, address="b@example.org"):
            form = {"smtp_host": "localhost", "smtp_port": str(server.port), "smtp_security": "none"}
            await root.post("/admin/mail", {**form, "smtp_user": "", "mail_from": "a@relay.test"})
            return html.unescape((await root.post("/admin/mail/try", {"address": address}, page="/admin/mail")).text)

        with MailServerProcess() as server:
            assert "has taken the message to b@example.org" in await tried(server)
            assert "not an e-mail address" in await tried(server, "b@example.org\nBcc: c@example.org")
            assert server.wait(1)[0]["X-Envelope-To"] == "b@example.org"
        with MailServerProcess(refuse=True) as server:
            shown = await tried(server)
            assert "550 5.1.1 No such person here: <b>try</b> another" in shown
        noted = [what for kind, _, what in await log_of(relay) if kind == "mail_tried"]
        assert noted == ["to example.org: sent", "to example.org: 550"]


async def test_a_live_session_is_seen_and_ended_with_a_reason(relay):
    async with SiteVisitor(relay.url) as root, rep(relay, "radu") as radu, page(relay.url) as maria:
        await root.sign_in("root")
        session = await radu.start_session()
        await maria.join("Maria <3", link=session.link)
        path = "/admin/sessions"
        shown = await root.get(path)
        for words in (f"{session.number[:3]} {session.number[3:6]}", "Maria &lt;3", "Under way", "in charge"):
            assert words in shown.text
        refused = await root.post(f"{path}/{session.id}/end", {"reason": "  "}, page=path)
        assert refused.status == 422
        ended = await root.post(f"{path}/{session.id}/end", {"reason": "the customer\nasked"}, page=path)
        assert "The session is over" in ended.text
        for client in (radu, maria):
            assert (await client.wait_fact(events.SessionEnded)).reason is EndReason.RELAY_CLOSED
        assert session.id not in (await root.get(path)).text
        me = (await accounts_of(relay))["root"].id
        assert ("session_ended_by_admin", me, "the customer asked") in await log_of(relay)
        with_token = {"reason": "again", "form_token": await root.token("/admin/accounts/new")}
        assert (await root.raw_post(f"{path}/{session.id}/end", with_token)).path == f"{path}?said=session.was_over"
        assert (await root.raw_post(f"{path}/nothing/end", with_token)).status == 404


async def test_the_audit_log_is_filtered_paged_and_taken_away_without_formulas(tmp_path):
    await make_agents(tmp_path, "root", privileges=(ADMIN,))

    async def fill(database):
        audit = Audit(database)
        await audit.record("odd", who="operator", what='=HYPERLINK("http://evil.example")', address="192.0.2.7")
        for number in range(120):
            await audit.record("many", who="operator", what=f"<b>entry {number}</b>")

    with RelayProcess(tmp_path) as relay:
        await on_database(relay.data, fill)
        async with SiteVisitor(relay.url) as root:
            await root.sign_in("root")
            shown = await root.get("/admin/audit?kind=many")
            assert shown.text.count("&lt;b&gt;entry ") == 100
            older = re.search(r'href="(/admin/audit\?[^"]*before=\d+)"', shown.text)
            rest = await root.get(html.unescape(older[1]))
            assert rest.text.count("&lt;b&gt;entry ") == 20
            assert "evil.example" in (await root.get("/admin/audit?who=192.0.2.7")).text
            assert "site_sign_in" in (await root.get("/admin/audit?who=ROO")).text
            assert "No entry fits" in (await root.get("/admin/audit?who=%25")).text
            assert "No entry fits" in (await root.get("/admin/audit?last=2001-01-01")).text
            today = datetime.now(UTC).date()
            assert "site_sign_in" in (await root.get(f"/admin/audit?first={today}&last={today}")).text
            assert (await root.get("/admin/audit?first=2026-02-30")).status == 422
            assert (await root.get("/admin/audit.csv?last=9999-12-31")).status in (200, 400)
            assert (await root.get("/admin/audit.csv?first=x")).status == 400
            taken = await root.get("/admin/audit.csv?who=operator")
            assert taken.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
            rows = list(csv.reader(io.StringIO(taken.text.removeprefix("\ufeff"))))
            assert rows[0][:6] == ["id", "time", "kind", "who", "who_name", "what"]
            assert [row[2] for row in rows[1:122]] == ["many"] * 120 + ["odd"]
            assert rows[121][5] == '\'=HYPERLINK("http://evil.example")'
            assert "The chain holds" in (await root.get("/admin/audit?check=1")).text
            assert "audit_exported" in (await root.get("/admin/audit")).text

            async def forge(database):
                async with database.transaction() as connection:
                    await connection.execute(
                        insert(tables.audit).values(at=1, kind="forged", who="x", what="y", address="", chain="0" * 64)
                    )

            await on_database(relay.data, forge)
            assert "The chain breaks" in (await root.get("/admin/audit?check=1")).text


def grouped(number: str) -> str:
    return "\u00a0".join((number[:3], number[3:6], number[6:]))


async def test_the_audit_log_speaks_of_sessions_in_words_and_the_csv_in_codes(tmp_path):
    await make_agents(tmp_path, "root", privileges=(ADMIN,))
    await make_agents(tmp_path, "ana", "ion")
    await make_queue(tmp_path, "support", "ana")

    with RelayProcess(tmp_path) as relay:
        relay.operate("user", "set", "ana", "--display-name", "Zoe Q.")
        ids = {name: row.id for name, row in (await accounts_of(relay)).items()}
        queues = await on_database(relay.data, lambda database: Queues(database).everyone())
        async with rep(relay, "ana") as ana, page(relay.url) as maria, SiteVisitor(relay.url) as root:
            to_agents = await ana.start_session()
            await maria.join("Maria", link=to_agents.link)
            await ana.ask("session.transfer", SessionTransfer(session_id=to_agents.id, agents=(ids["ion"],)))
            async with page(relay.url) as radu:
                to_queue = await ana.start_session()
                await radu.join("Radu", link=to_queue.link)
                await ana.ask("session.transfer", SessionTransfer(session_id=to_queue.id, queue_id=queues[0].id))
                await radu.ask("session.leave", SessionLeave(session_id=to_queue.id))
            ended = await ana.start_session()
            await ana.ask("session.end", SessionEnd(session_id=ended.id))
            note = HistoryNote(session_id=ended.id, outcome="solved", notes="")
            await ana.ask("history.note", note)
            await root.sign_in("root")
            texts = {}
            for language in ("en", "ro"):
                texts[language] = html.unescape((await root.get(f"/admin/audit?lang={language}")).text)
            agents, queue, over = (grouped(one.number) for one in (to_agents, to_queue, ended))
            for words in (
                *(f"Session {agents} · to ion<", f"Session {queue} · queue {queues[0].name}<"),
                *(f"Session {over} · ended by the representative<", f">Session {over}<"),
                f"Session {queue} · the customer was gone before anybody took over<",
            ):
                assert words in texts["en"]
            assert f"Sesiunea {over} · încheiată de reprezentant<" in texts["ro"]
            for text in texts.values():
                assert "ended_by_rep" not in text
                assert f">{ended.id}<" not in text
            # The same person by either of his names; the first is the one to sign in with.
            for who in ("ana", "zoe q."):
                assert f"Session {over}" in (await root.get(f"/admin/audit?lang=en&who={quote(who)}")).text
            assert "No entry fits" in (await root.get("/admin/audit?lang=en&who=somebody+else")).text
            table = (await root.get("/admin/audit.csv")).text
            assert f"session {to_agents.number}, agents {ids['ion']}," in table.replace('"', "")
            assert f"session {to_queue.number}, queue {queues[0].id}," in table.replace('"', "")
            assert "ended_by_rep" in table


@pytest.mark.parametrize("language", ["en", "ro"])
def test_every_code_of_the_audit_log_has_its_words(language):
    words = catalog.load(language, "admin")
    left = set(LeaveReason) - {LeaveReason.REMOVED}  # an act of its own
    assert [code for code in (*EndReason, *ActivityEnd, *left) if f"audit.end.{code}" not in words] == []


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@a", " =1", "\t=1", "\r=1", "＝1"])
def test_no_cell_begins_a_formula(cell):
    assert harmless(cell) == f"'{cell}"


def test_other_cells_stay():
    assert harmless("a=1") == "a=1"
