"""Invitations by mail: a real relay and a real mail server that takes, refuses, wants a password, hangs or is away."""

import asyncio
import secrets
import socket
import time

import pytest
from sqlalchemy import select

from server_stub.audit import check_chain
from server_stub.mail import MailError, Postman, make_message
from server_stub.ports import MailServer
from server_stub.store import tables
from support_manager.protocol import limits, requests
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import Delivery
from support_manager.protocol.wire import to_plain
from tests.harness.agents import on_database, set_site
from tests.harness.relay import RelayProcess, page, rep
from tests.harness.smtp import PASSWORD, USER, Authority, MailServerProcess


async def point(relay, server, *, security="none", user="", password=""):
    """Have a relay that does not run yet send its mail through `server`."""
    await set_site(
        relay.data,
        company="Ajutor “la” <Birou>, SRL",
        smtp_host="localhost",
        smtp_port=str(server.port),
        smtp_security=security,
        smtp_user=user,
        smtp_password=password,
        mail_from="support@relay.test",
    )


async def mail(client, address="maria@example.org", *, request_id="", **more):
    asked = requests.InviteMail(
        session_id=client.session_id, request_id=request_id or secrets.token_urlsafe(9), address=address, **more
    )
    await client.ask("invite.mail", asked)
    return asked.request_id


def told(client, request_id):
    return [event for name, event in client.events if name == "invitation" and event.request_id == request_id]


async def outcome(client, request_id, timeout_s=15):
    def last():
        news = told(client, request_id)
        return news[-1] if news and news[-1].state is not Delivery.SENDING else None

    return await client.wait(last, timeout_s)


async def audit_of(relay):
    async def work(database):
        async with database.reading() as connection:
            rows = (await connection.execute(select(tables.audit).order_by(tables.audit.c.id))).all()
        assert (await check_chain(database)).broken_at is None
        return [(row.kind, row.who, row.what, row.session_id) for row in rows]

    return await on_database(relay.data, work)


@pytest.mark.rule("B-4.4", "B-4.6")
async def test_customer_and_colleague_get_their_invitation_and_none_twice():
    with MailServerProcess() as server:
        relay = RelayProcess()
        await point(relay, server)
        async with relay, rep(relay) as ana:
            session = await ana.start_session()
            first = await mail(ana, " Maria.Pop@Poștă.example ", locale="ro")
            assert (await outcome(ana, first)).state is Delivery.SENT
            assert [news.state for news in told(ana, first)] == [Delivery.SENDING, Delivery.SENT]
            # The same request again: the same news, and no second message.
            await mail(ana, request_id=first)
            await ana.wait(lambda: len(told(ana, first)) == 3)
            assert told(ana, first)[-1].state is Delivery.SENT
            second = await mail(ana, "ion@example.org", to_rep=True)
            assert (await outcome(ana, second)).state is Delivery.SENT
            to_maria, to_ion = server.wait(2)
            log = await audit_of(relay)
            account = (await ana.wait_event("welcome")).account
    assert to_maria["X-Envelope-To"] == "Maria.Pop@" + "poștă.example".encode("idna").decode()
    assert to_maria["X-Envelope-From"] == "support@relay.test"
    assert to_maria["From"].addresses[0].display_name == "Ajutor “la” <Birou>, SRL"
    assert to_maria["From"].addresses[0].addr_spec == "support@relay.test"
    assert to_maria["Subject"].startswith("Asistență la distanță de la Ana")
    plain, rich = to_maria.get_body(("plain",)), to_maria.get_body(("html",))
    number = f"{session.number[:3]} {session.number[3:6]} {session.number[6:]}"
    for needed in ("Bună ziua", session.link, number):
        assert needed in plain.get_content()
    assert f'<a href="{session.link}">' in rich.get_content()
    assert "&lt;Birou&gt;" in rich.get_content()
    assert "<Birou>" not in rich.get_content()
    assert to_ion["Subject"].startswith("Ana")
    assert f"support-manager:assist?number={session.number}" in to_ion.get_body(("plain",)).get_content()
    assert "/join#" not in to_ion.as_string()
    noted = [row for row in log if row[0] == "invitation"]
    assert noted == [
        ("invitation", account.id, f"customer at {'poștă.example'.encode('idna').decode()}", session.id),
        ("invitation", account.id, "representative at example.org", session.id),
    ]
    assert "maria" not in str(log).lower()


@pytest.mark.rule("B-4.6")
async def test_what_is_no_address_is_refused_before_sending():
    with MailServerProcess() as server:
        relay = RelayProcess()
        await point(relay, server)
        async with relay, rep(relay) as ana, page(relay.url) as maria:
            session = await ana.start_session()
            for address in (
                "",
                "maria",
                "maria@",
                "maria@localhost",
                "a@example.org, b@example.org",
                "a@example.org\r\nBcc: all@example.org",
                "Ana <a@example.org>",
                '"a b"@example.org',
                "a@[127.0.0.1]",
                "ana@exam ple.org",
            ):
                asked = requests.InviteMail(session_id=session.id, request_id="r", address=address)
                assert await ana.refused("invite.mail", asked) == ErrorCode.BAD_ADDRESS, address
            asked = requests.InviteMail(session_id=session.id, request_id="r", address="b@example.org")
            await maria.join("Maria", link=session.link)
            assert await maria.refused("invite.mail", asked) == ErrorCode.NOT_ALLOWED
            async with rep(relay, "ion") as ion:
                assert await ion.refused("invite.mail", asked) == ErrorCode.SESSION_UNKNOWN
        assert server.messages == []


@pytest.mark.rule("B-4.4")
async def test_at_most_twenty_a_minute_and_nothing_without_a_mail_server():
    with MailServerProcess() as server:
        relay = RelayProcess()
        async with relay, rep(relay) as ana:
            session = await ana.start_session()
            asked = requests.InviteMail(session_id=session.id, request_id="none", address="b@example.org")
            assert await ana.refused("invite.mail", asked) == ErrorCode.MAIL_NOT_SET_UP
            await point(relay, server)
            # A running relay takes settings up by itself.
            deadline = time.monotonic() + 15
            while not (await ana.raw("invite.mail", to_plain(asked)))["ok"]:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.2)  # asked too often, it would count as a flood
            sent = ["none"]
            for _ in range(limits.MAILS_PER_MINUTE_PER_REP - 1):
                sent.append(await mail(ana))
            more = requests.InviteMail(session_id=session.id, request_id="more", address="b@example.org")
            assert await ana.refused("invite.mail", more) == ErrorCode.TOO_FAST
            for request_id in sent:
                assert (await outcome(ana, request_id)).state is Delivery.SENT
            # One rep's zeal is not another's.
            async with rep(relay, "ion") as ion:
                await ion.start_session()
                assert (await outcome(ion, await mail(ion))).state is Delivery.SENT
        assert len(server.wait(limits.MAILS_PER_MINUTE_PER_REP + 1)) == limits.MAILS_PER_MINUTE_PER_REP + 1


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
async def test_the_way_is_guarded_as_the_operator_says(security, tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    with MailServerProcess(tls=security, authority=authority, login=True) as server:
        postman, message = Postman(), a_message()
        await postman.send(message, a_server(server, security))
        assert len(server.wait(1)) == 1
        with pytest.raises(MailError, match="535") as caught:
            await postman.send(message, a_server(server, security, password="wrong"))
        assert caught.value.code == 535
        assert "wrong" not in str(caught.value)
        if security != "none":
            # A certificate that nobody vouches for, or a server that offers no TLS, gets neither password nor message.
            monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path / "other").root))
            with pytest.raises(MailError, match=r"(?i)certificate"):
                await postman.send(message, a_server(server, security))
            with MailServerProcess(login=True) as bare:
                with pytest.raises(MailError):
                    await postman.send(message, a_server(bare, security))
                assert bare.messages == []
        assert len(server.messages) == 1


async def test_refused_unreachable_and_silent_servers_are_told_in_words():
    postman, message = Postman(), a_message()
    refused = pytest.raises(MailError, match=r"^550 5\.1\.1 No such person here: <b>try</b> another$")
    with MailServerProcess(refuse=True) as server, refused:
        await postman.send(message, a_server(server, user=""))
    with MailServerProcess(hang=True) as server, pytest.raises(MailError, match=r"no answer within 0\.5 s"):
        await postman.send(message, a_server(server, user=""), limit_s=0.5)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(MailError, match="localhost"):
            await postman.send(
                message, MailServer("localhost", nobody.getsockname()[1], "none", "", "", "a@relay.test")
            )


@pytest.mark.rule("B-4.4")
async def test_the_rep_reads_the_servers_own_words():
    with MailServerProcess(refuse=True) as server:
        relay = RelayProcess()
        await point(relay, server)
        async with relay, rep(relay) as ana:
            await ana.start_session()
            news = await outcome(ana, await mail(ana, "maria@example.org"))
            assert (news.state, news.code) == (Delivery.FAILED, ErrorCode.MAIL_FAILED)
            assert news.detail == "550 5.1.1 No such person here: <b>try</b> another"
            failed = [what for kind, _, what, _ in await audit_of(relay) if kind == "invitation_failed"]
            assert failed == ["customer at example.org: 550"]


def test_no_header_is_made_of_two_lines():
    message = make_message(
        "Hello\r\nBcc: all@example.org",
        "text",
        sender="a@relay.test",
        company="Evil\r\nBcc: all@example.org",
        address="b@example.org",
    )
    assert message["Bcc"] is None
    assert b"\nBcc" not in message.as_bytes()


def a_message():
    return make_message("Try", "Text", sender="support@relay.test", company="Relay", address="b@example.org")


def a_server(server, security="none", user=USER, password=PASSWORD):
    return MailServer("localhost", server.port, security, user, password, "support@relay.test")
