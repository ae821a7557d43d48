"""What is missing or wrong around the app: each is a sentence on the right screen, and nothing is lost."""

import asyncio
import datetime
import ipaddress
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from resources import catalog
from tests.harness.app import AppProcess
from tests.harness.centre import Centre
from tests.harness.display import Display
from tests.harness.relay import RelayProcess

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

NO_KEYRING = "unix:path=/nonexistent/bus"


def error(code: str) -> str:
    return catalog.sentence("en", "errors", code)


async def sign_in(app: AppProcess, password: str, *, stay: bool = False) -> None:
    await app.type("sign_in_name", "maria")
    await app.type("sign_in_password", password)
    if stay:
        await app.click("sign_in_stay")
    await app.click("sign_in_button")


@asynccontextmanager
async def running(app: AppProcess) -> AsyncIterator[AppProcess]:
    """An app that is started, and stopped whatever happens."""
    try:
        yield await app.start()
    finally:
        await app.stop()


async def reads(app: AppProcess, words: str) -> None:
    """Wait until some widget shows these words."""
    await app.until(lambda texts: any(words in text for text in texts), "texts")


def self_signed(place: Path) -> tuple[Path, Path, str]:
    """A certificate that nobody vouches for: its file, its key's file, its fingerprint in capitals."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "relay.test")])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = place / "relay.pem", place / "relay.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    private.chmod(0o600)
    return certificate, private, made.fingerprint(hashes.SHA256()).hex().upper()


async def test_a_relay_that_is_down_and_a_wrong_password(whole_centre: Centre, tmp_path: Path):
    async with running(whole_centre.make_app("elsewhere", "http://127.0.0.1:9")) as app:
        await sign_in(app, whole_centre.password)
        await app.until(lambda text: text == error("relay_unreachable"), "text", name="sign_in_error")
        # What was typed is still there; only the address has to be mended.
        assert await app.do("text", name="sign_in_password") == whole_centre.password
        await app.type("sign_in_relay", whole_centre.relay.url)
        await app.type("sign_in_password", "not this one")
        await app.click("sign_in_button")
        await app.until(lambda text: text == error("wrong_credentials"), "text", name="sign_in_error")
        await app.type("sign_in_password", whole_centre.password, enter=True)
        await app.until(lambda link: link == "online", "link")
        await app.see("startButton")


async def test_a_certificate_that_nobody_vouches_for(whole_centre: Centre, tmp_path: Path):
    certificate, key, fingerprint = await asyncio.to_thread(self_signed, tmp_path)
    options = "--tls-cert", str(certificate), "--tls-key", str(key)
    async with RelayProcess(tmp_path / "relay", *options) as relay:
        assert relay.url.startswith("https://")
        password = await asyncio.to_thread(relay.add_user, "maria")
        async with running(whole_centre.make_app("tls", relay.url)) as app:
            await sign_in(app, password)
            await app.see("certificate_dialog")
            shown = await app.do("text", name="certificate_dialog_fingerprint")
            assert re.sub(r"\s", "", shown) == fingerprint
            assert await app.do("link") != "online"
            await app.click("certificate_dialog_compared")
            await app.click("certificate_dialog_accept")
            await app.until(lambda link: link == "online", "link")
            await app.do("trigger", name="action_start_session")
            await app.session()
        # Accepted once: the next start asks nothing.
        async with running(whole_centre.make_app("tls", relay.url)) as app:
            await app.type("sign_in_password", password, enter=True)
            await app.until(lambda link: link == "online", "link")
            assert not await app.do("visible", name="certificate_dialog")


async def test_no_keyring_is_told_and_signs_in_for_this_run(whole_centre: Centre):
    app = whole_centre.make_app("no-keyring", DBUS_SESSION_BUS_ADDRESS=NO_KEYRING)
    async with running(app):
        await sign_in(app, whole_centre.password, stay=True)
        await app.until(lambda link: link == "online", "link")
        await reads(app, error("keyring_unavailable"))
    # Nothing was kept, and no password lies in the profile.
    for file in (whole_centre.place / "no-keyring").rglob("*"):
        if file.is_file():
            assert whole_centre.password.encode() not in file.read_bytes(), file
    async with running(whole_centre.make_app("no-keyring", DBUS_SESSION_BUS_ADDRESS=NO_KEYRING)) as app:
        await app.see("sign_in_button")


@pytest.mark.rule("B-13.1", "B-12.3")
async def test_without_a_tray_the_window_never_hides_for_good(whole_centre: Centre):
    async with Display(1280, 800, window_manager=True) as display:
        app = whole_centre.make_app("no-tray", DISPLAY=display.name, DBUS_SESSION_BUS_ADDRESS=NO_KEYRING)
        async with running(app):
            await sign_in(app, whole_centre.password)
            await app.until(lambda link: link == "online", "link")
            assert not await app.do("tray")
            await app.do("settings", email_at_start=False)
            await app.do("trigger", name="action_start_session")
            session = await app.session()
            await app.do("close_window")
            await app.see("close_dialog")
            assert "task bar" in await app.do("text", name="close_dialog_keep_note")
            await app.click("close_dialog_keep")
            await app.until(lambda seen: not seen, "visible", name="close_dialog")
            assert await app.do("visible", name="mainWindow"), "minimised, never hidden"
            await app.do("end", session_id=session["id"])


@pytest.mark.rule("B-4.3")
async def test_no_mail_program_offers_the_text_to_copy(whole_centre: Centre, tmp_path: Path):
    # A computer without one: the desktop's opener finds nothing that takes the message.
    opener = tmp_path / "xdg-open"
    opener.write_text("#!/bin/sh\nexit 3\n")
    opener.chmod(0o755)
    app = whole_centre.make_app("no-mail", DBUS_SESSION_BUS_ADDRESS=NO_KEYRING, PATH=f"{tmp_path}:/usr/bin:/bin")
    async with running(app):
        await sign_in(app, whole_centre.password)
        await app.until(lambda link: link == "online", "link")
        await app.do("settings", email_at_start=False)
        await app.do("trigger", name="action_start_session")
        session = await app.session()
        await app.do("trigger", name="action_invite")
        await app.type("inviteAddress", "ana@example.org")
        await app.click("inviteOk")
        # The desktop may only learn later that nothing opens: then the text is one click away.
        names = await app.until(lambda seen: "inviteFallback" in seen or "inviteShowText" in seen, "names")
        if "inviteFallback" not in names:
            await app.click("inviteShowText")
        await app.see("inviteCopyText")
        assert session["view"]["link"] in await app.do("text", name="inviteText")
        await app.click("inviteCopyText")
        await app.do("end", session_id=session["id"])
