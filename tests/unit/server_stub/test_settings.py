"""The operator's settings: what passes, what is refused, and what the running relay makes of them."""

from pathlib import Path

import pytest
from sqlalchemy import select

from server_stub import settings
from server_stub.settings import DEFINITIONS, LiveSettings, SettingError
from server_stub.store import tables
from server_stub.store.database import Database
from support_manager.protocol.views import Mode

TURN = '[{"urls": ["turn:turn.example.org:3478?transport=udp"], "username": "u", "credential": "c"}]'


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("company", ""),
        ("company", "a\nb"),
        ("company", "x" * 61),
        ("public_url", "support.example.org"),
        ("public_url", "ftp://support.example.org"),
        ("public_url", "https://support.example.org/path"),
        ("public_url", "https://user@support.example.org"),
        ("public_url", "https://a.example;script-src *"),
        ("public_url", "https://support.example.org:99999"),
        ("public_url", "https://"),
        ("ice_servers", "turn:turn.example.org"),
        ("ice_servers", '[{"urls": ["http://turn.example.org"]}]'),
        ("ice_servers", '[{"urls": ["turn:turn.example.org"]}]'),
        ("ice_servers", '[{"urls": [], "username": "u"}]'),
        ("ice_servers", '[{"urls": ["stun:a"], "other": 1}]'),
        ("app_url", "javascript:alert(1)"),
        ("connections_per_address", "3"),
        ("connections_per_address", "many"),
        ("modes", "both"),
        ("customers_per_rep", "-1"),
        ("customers_per_rep", "1001"),
        ("default_queue", "First Aid"),
        ("default_queue", "first--aid"),
        ("offer_s", "4"),
        ("session_without_controller_s", "59"),
        ("smtp_host", "mail server"),
        ("smtp_port", "0"),
        ("smtp_security", "ssl"),
        ("smtp_password", "a\nb"),
        ("mail_from", "support"),
        ("mail_from", "Support <support@example.org>"),
    ],
)
def test_what_is_refused(key: str, text: str) -> None:
    with pytest.raises(SettingError):
        DEFINITIONS[key].parse(text)


def test_defaults_pass_their_own_checks_and_name_no_public_server() -> None:
    for entry in DEFINITIONS.values():
        assert entry.parse(settings.as_text(entry.default)) == entry.default
    assert DEFINITIONS["ice_servers"].default == []


async def test_written_settings_are_read_back(tmp_path: Path) -> None:
    async with Database.in_directory(tmp_path) as database:
        await settings.write(database, "company", "Exemplu SRL")
        await settings.write(database, "ice_servers", TURN)
        await settings.write(database, "public_url", "https://Support.Example.org/")
        values = await settings.read_all(database)
    live = LiveSettings(public_url="", bound_url="http://127.0.0.1:8765", behind_proxy=True)
    live.take(values)
    assert live.company == "Exemplu SRL"
    assert live.public_url == "https://support.example.org"
    assert live.ice_servers[0].urls == ("turn:turn.example.org:3478?transport=udp",)
    assert live.is_tls


async def test_what_is_changed_is_in_the_audit_log_and_a_password_is_not(tmp_path: Path) -> None:
    async with Database.in_directory(tmp_path) as database:
        await settings.write(database, "smtp_host", "mail.example.org")
        await settings.write(database, "smtp_password", "hunter2hunter2")
        await settings.write(database, "ice_servers", TURN, who="account-1")
        with pytest.raises(SettingError):
            await settings.write(database, "smtp_port", "none")
        async with database.transaction() as connection:
            rows = (await connection.execute(select(tables.audit).order_by(tables.audit.c.id))).all()
        values = await settings.read_all(database)
    assert [(row.kind, row.who, row.what) for row in rows] == [
        ("setting_changed", "operator", "smtp_host = mail.example.org"),
        ("setting_changed", "operator", "smtp_password"),
        ("setting_changed", "account-1", "ice_servers"),
    ]
    assert settings.shown("smtp_password", values["smtp_password"]) == "(set)"
    live = LiveSettings(public_url="", bound_url="http://127.0.0.1:8765", behind_proxy=False)
    live.take(values)
    assert (live.mail.host, live.mail.port, live.mail.password) == ("mail.example.org", 587, "hunter2hunter2")
    assert live.modes == (Mode.MULTI, Mode.SINGLE)


async def test_the_default_queue_must_be_there(tmp_path: Path) -> None:
    async with Database.in_directory(tmp_path) as database:
        assert await settings.write(database, "default_queue", "support") == "support"
        with pytest.raises(SettingError, match="queue list"):
            await settings.write(database, "default_queue", "nobody")


async def test_an_unknown_setting_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    async with Database.in_directory(tmp_path) as database:
        with pytest.raises(SettingError, match="ice_servers"):
            await settings.write(database, "colour", "blue")


def test_the_command_line_wins_over_the_stored_address() -> None:
    live = LiveSettings(public_url="https://a.example", bound_url="http://127.0.0.1:1", behind_proxy=False)
    live.take({**{key: entry.default for key, entry in DEFINITIONS.items()}, "public_url": "https://b.example"})
    assert live.public_url == "https://a.example"
    assert "https://a.example" in live.allowed_origins
    assert "https://b.example" not in live.allowed_origins
