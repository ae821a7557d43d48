"""A rep on the site of a real relay: cookie sign-in, its limits and its end, and his own page."""

import asyncio
from typing import Any

import pytest

from server_stub.accounts import Accounts
from tests.harness.agents import make_agents, on_database
from tests.harness.relay import PASSWORD, RelayProcess, page, rep
from tests.harness.site_visitor import SiteVisitor


@pytest.fixture(scope="module")
def relay(tmp_path_factory):
    data = tmp_path_factory.mktemp("relay")
    asyncio.run(make_agents(data, "ana", "ion", privileges=()))
    with RelayProcess(data) as process:
        yield process


@pytest.mark.rule("B-2.2")
async def test_a_signed_in_rep_sees_start_assist_and_his_open_sessions(relay):
    async with SiteVisitor(relay.url) as visitor, rep(relay, "ana") as ana, page(relay.url) as maria:
        session = await ana.start_session()
        await maria.join("<b>Maria</b>", link=session.link)
        first = await visitor.get("/desk")
        assert first.path == "/sign-in?next=/desk"
        answer = await visitor.sign_in("ana", to="/desk")
        assert answer.path == "/desk"
        assert 'href="support-manager:start"' in answer.text
        assert 'href="support-manager:assist"' in answer.text
        assert f"{session.number[:3]} {session.number[3:6]} {session.number[6:]}" in answer.text
        assert "&lt;b&gt;Maria&lt;/b&gt;" in answer.text
        assert "You are in charge" in answer.text
        # The bar of every page knows him now; what is his is in no cache.
        home = await visitor.get("/")
        assert "Ana" in home.text
        assert 'href="/sign-in"' not in home.text
        assert home.headers["Cache-Control"] == "no-store"
        assert 'href="/admin"' not in home.text
        romanian = await visitor.get("/desk?lang=ro")
        assert "Sesiunile mele deschise" in romanian.text
        answer = await visitor.post("/sign-out", page="/desk")
        assert answer.path == "/"
        assert (await visitor.get("/desk")).path == "/sign-in?next=/desk"


async def test_the_cookie_is_guarded_and_dies_with_the_sign_in(relay):
    async with SiteVisitor(relay.url) as visitor:
        await visitor.sign_in("ion")
        written = visitor.set_cookies["sign_in"]
        for word in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"):
            assert word in written
        assert "Secure" not in written
        assert (await visitor.get("/desk")).path == "/desk"
        kept = visitor.cookie("sign_in")
        await visitor.post("/sign-out", page="/desk")
        # A copy of the cookie is worth nothing after the sign-out.
        async with SiteVisitor(relay.url, sign_in=kept) as thief:
            assert (await thief.get("/desk")).path != "/desk"
        # Nor after another password, nor on a closed account.
        await visitor.sign_in("ion")

        async def work(database: Any) -> None:
            accounts = Accounts(database)
            await accounts.set_password("ion", PASSWORD)
            accounts.close()

        await on_database(relay.data, work)
        assert (await visitor.get("/desk")).path != "/desk"
        for cookie in ("x" * 43, "a", "../../x", "'" * 40):
            async with SiteVisitor(relay.url, sign_in=cookie) as stranger:
                assert (await stranger.get("/desk")).path != "/desk"


async def test_a_cookie_outlives_a_restart_and_is_host_bound_under_tls():
    relay = RelayProcess(None, "--public-url", "https://support.example.org", "--behind-proxy")
    await make_agents(relay.data, "ana", privileges=())
    with relay:
        async with SiteVisitor(relay.url) as visitor:
            await visitor.sign_in("ana")
            written = visitor.set_cookies["__Host-sign_in"]
            assert "Secure" in written
            assert "Domain" not in written
            await asyncio.to_thread(relay.restart)
            assert (await visitor.get("/desk")).path == "/desk"


async def test_forms_of_others_and_wrong_passwords_are_refused(relay):
    async with SiteVisitor(relay.url) as visitor:
        assert (await visitor.sign_in("ana", "wrong password")).status == 401
        assert (await visitor.sign_in("nobody at all")).status == 401
        assert (await visitor.raw_post("/sign-in", {"name": "ana", "password": PASSWORD})).status == 403
        form = {"name": "ana", "password": PASSWORD, "form_token": "0" * 64}
        assert (await visitor.raw_post("/sign-in", form)).status == 403
        token = await visitor.token("/sign-in")
        form["form_token"] = token
        assert (await visitor.raw_post("/sign-in", form, Origin="https://evil.example")).status == 403
        assert (await visitor.raw_post("/sign-in", form, **{"Sec-Fetch-Site": "cross-site"})).status == 403
        assert (await visitor.raw_post("/sign-in", form, data=b"name=\xff")).status == 400
        assert (await visitor.raw_post("/sign-in", form, data=b"a=" + b"b" * 70_000)).status == 400
        # Never to another site.
        for to in ("https://evil.example", "//evil.example", "/desk/../join", "/nothing"):
            answer = await visitor.sign_in("ana", to=to)
            assert answer.path == "/desk", to
            await visitor.post("/sign-out", page="/desk")
        await visitor.sign_in("ana")
        assert (await visitor.raw_post("/sign-out", {})).status == 403
        assert (await visitor.get("/desk")).path == "/desk"


async def test_wrong_passwords_count_with_those_of_the_app(tmp_path):
    await make_agents(tmp_path, "ana", privileges=())
    with RelayProcess(tmp_path) as relay:
        async with SiteVisitor(relay.url) as visitor:
            for _ in range(10):
                assert (await visitor.sign_in("ana", "wrong password")).status == 401
            for _ in range(10):  # one try comes back every six seconds; on a busy machine ten take that long
                if (await visitor.sign_in("ana", "wrong password")).status != 429:
                    continue
                try:
                    await asyncio.to_thread(relay.sign_in, "ana")
                except OSError as refused:
                    assert "429" in str(refused)
                    return
            raise AssertionError("wrong passwords are heard without end")
