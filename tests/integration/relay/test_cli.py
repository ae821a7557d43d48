"""The operator's commands as he types them: what they do, and the sentence with which each of them fails."""

import io
import json
import os
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from server_stub.cli import main
from server_stub.settings import DEFINITIONS
from tests.harness import own_log
from tests.harness.relay import PASSWORD, ROOT, RelayProcess


@pytest.fixture(autouse=True)
def _log_of_this_process() -> Iterator[None]:
    """A command that is run in this process sets up the log of its own; the tests get theirs back."""
    with own_log.given_back():
        yield


def run(*arguments: object, given: str = "") -> "subprocess.CompletedProcess[str]":
    """A command as the operator types it.

    Called in this process, for most of a command's time would be the start of Python; also `serve`, where it must fail
    to start.
    """
    words = [*map(str, arguments)]
    out, error = io.StringIO(), io.StringIO()
    keyboard, sys.stdin = sys.stdin, io.StringIO(given)
    try:
        with redirect_stdout(out), redirect_stderr(error):
            code = main(words)
    except SystemExit as stop:
        code = int(str(stop.code))
    finally:
        sys.stdin = keyboard
    return subprocess.CompletedProcess(words, code, out.getvalue(), error.getvalue())


def as_process(*words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "server_stub", *words],
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        start_new_session=True,
    )


def sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line for the operator of a command that failed; log lines are JSON and stand apart."""
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("support-relay: ")
    assert lines[0].endswith((".", "…", "]"))
    return lines[0]


def write_pair(folder: Path, name: str, password: bytes | None = None) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    kept = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, kept))
    return paths


# Accounts


def test_accounts_from_the_command_line(tmp_path: Path) -> None:
    words = ["user", "add", "ana", "--data", str(tmp_path), "--display-name", "Ana P.", "--password-stdin"]
    added = as_process(*words, given=PASSWORD)
    assert added.returncode == 0, added.stderr
    assert PASSWORD not in added.stdout + added.stderr
    assert added.stderr == "", "who types a command reads its confirmation, not the relay's log"
    listed = json.loads(run("user", "list", "--json", "--data", tmp_path).stdout)
    assert [(row["name"], row["display_name"], row["disabled"]) for row in listed] == [("ana", "Ana P.", False)]
    assert run("user", "disable", "ANA", "--data", tmp_path).returncode == 0
    assert json.loads(run("user", "list", "--json", "--data", tmp_path).stdout)[0]["disabled"] is True
    again = run("user", "add", "Ana", "--data", tmp_path, "--password-stdin", given=PASSWORD)
    assert "already an account" in sentence(again)
    assert "no account of that name" in sentence(run("user", "disable", "ion", "--data", tmp_path))


@pytest.mark.parametrize("given", ["", "short\n", "x" * 257 + "\n"])
def test_a_bad_password_makes_no_account(tmp_path: Path, given: str) -> None:
    done = run("user", "add", "ana", "--data", tmp_path, "--password-stdin", given=given)
    assert "password is too" in sentence(done)
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_a_password_is_not_asked_for(tmp_path: Path) -> None:
    assert "--password-stdin" in sentence(run("user", "add", "ana", "--data", tmp_path, given=PASSWORD))


@pytest.mark.parametrize("answers", [(PASSWORD, PASSWORD), (PASSWORD, "something else")])
def test_the_terminal_asks_twice_and_shows_nothing(tmp_path: Path, answers: tuple[str, str]) -> None:
    pty = pytest.importorskip("pty")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "server_stub", "user", "add", "ana", "--data", str(tmp_path)])
    seen = b""
    for question, answer in zip((b"Password: ", b"Once more: "), answers, strict=True):
        while question not in seen:
            seen += os.read(terminal, 1024)
        os.write(terminal, answer.encode() + b"\n")
    while True:
        try:
            piece = os.read(terminal, 1024)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert PASSWORD.encode() not in seen
    if answers[0] == answers[1]:
        assert code == 0
    else:
        assert code == 1
        assert b"differ" in seen


# Settings, check, backup


def test_settings_from_the_command_line(tmp_path: Path) -> None:
    assert run("setting", "set", "company", "Exemplu SRL", "--data", tmp_path).returncode == 0
    assert run("setting", "get", "company", "--data", tmp_path).stdout == "Exemplu SRL\n"
    assert json.loads(run("setting", "list", "--json", "--data", tmp_path).stdout)["ice_servers"] == []
    assert "There is no setting" in sentence(run("setting", "get", "colour", "--data", tmp_path))
    assert "JSON list" in sentence(run("setting", "set", "ice_servers", "turn:x", "--data", tmp_path))


def test_check_tells_what_is_wrong(tmp_path: Path) -> None:
    data = tmp_path / "data"
    run("setting", "set", "company", "Exemplu SRL", "--data", data)
    assert run("check", "--data", data).returncode == 0
    (data / "relay.sqlite3").chmod(0o644)
    run("setting", "set", "public_url", "http://support.example.org", "--data", data)
    done = run("check", "--json", "--data", data)
    assert done.returncode == 1
    problems = [finding["text"] for finding in json.loads(done.stdout)["findings"] if not finding["good"]]
    assert len(problems) == 2
    assert "chmod 600" in problems[0]
    assert "https" in problems[1]


def test_backup_of_a_running_relay(tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite3"
    with RelayProcess(tmp_path / "data") as relay:
        relay.add_user("ana")
        assert run("backup", target, "--data", relay.data).returncode == 0
        assert "exists already" in sentence(run("backup", target, "--data", relay.data))
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("select name from account").fetchall() == [("ana",)]
        assert copy.execute("select * from setting where key = 'link_key'").fetchall() == []
    with closing(sqlite3.connect(tmp_path / "data" / "relay.sqlite3")) as original:
        key = json.loads(original.execute("select value from setting where key = 'link_key'").fetchone()[0])
    assert len(key) == 64
    assert key.encode() not in target.read_bytes()
    data = tmp_path / "data"
    listed = run("setting", "list", "--data", data).stdout + run("setting", "list", "--json", "--data", data).stdout
    assert key not in listed
    assert "link_key" not in listed
    for words in (("get", "link_key"), ("set", "link_key", "0" * 64)):
        assert "There is no setting" in sentence(run("setting", *words, "--data", data))
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for path in data.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.sqlite3", "data"]
    assert "no database" in sentence(run("backup", tmp_path / "other", "--data", tmp_path / "nothing"))


@pytest.mark.parametrize(
    "words",
    [
        "check",
        "user list",
        "user disable ana",
        "user enable ana",
        "user password ana --password-stdin",
        "setting list",
        "setting get company",
        "mail test b@example.org",
        "session list",
        "session end 123456789",
        "audit",
        "audit --csv",
        "backup {}/copy",
    ],
)
def test_a_mistyped_data_folder_makes_no_relay(tmp_path: Path, words: str) -> None:
    wrong = tmp_path / "wrogn"
    words = words.format(tmp_path)
    text = sentence(run(*words.split(), "--data", wrong, given=PASSWORD))
    assert text.endswith(
        f"There is no database at {wrong / 'relay.sqlite3'}; name the relay's data folder with --data."
    )
    text = sentence(run(*words.split(), "--database", f"sqlite:///{wrong}/a.sqlite3", given=PASSWORD))
    assert text.endswith(f"There is no database at {wrong}/a.sqlite3; name the relay's file with --database.")
    assert list(tmp_path.iterdir()) == []


def test_what_changed_something_says_so(tmp_path: Path) -> None:
    def said(*words: object) -> str:
        done = run(*words, "--data", tmp_path / "data", given=PASSWORD)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\n") == 1
        return done.stdout

    assert "ana" in said("user", "add", "ana", "--password-stdin")
    assert "ana is closed" in said("user", "disable", "ana")
    assert "ana is open" in said("user", "enable", "ana")
    assert "new password" in said("user", "password", "ana", "--password-stdin")
    assert "credential" not in said(
        *("setting", "set", "ice_servers"),
        '[{"urls": ["turn:turn.example.org"], "username": "u", "credential": "credential"}]',
    )
    assert str(tmp_path / "copy") in said("backup", tmp_path / "copy")


@pytest.mark.parametrize("words", [("serve", "--port", 0), ("check",), ("setting", "set", "company", "Exemplu SRL")])
def test_a_file_is_no_data_folder(tmp_path: Path, words: tuple[object, ...]) -> None:
    file = tmp_path / "relay.sqlite3"
    file.touch()
    text = sentence(run(*words, "--data", file))
    assert f"{file} is a file" in text
    assert "--data" in text


def test_databases_that_cannot_be_used(tmp_path: Path) -> None:
    def tried(url: str) -> str:
        return sentence(run("serve", "--port", 0, "--database", url))

    # The driver is no requirement of ours and not installed here; that is the case that is tried.
    assert "driver asyncpg" in tried("postgresql+asyncpg://u:secret@127.0.0.1:1/relay")
    assert "driver asyncpg" in tried("postgresql://u:secret@127.0.0.1:1/relay")
    for url in ("nosuch://u:secret@127.0.0.1/relay", f"sqlite+pysqlite:///{tmp_path}/relay.sqlite3", "relay.sqlite3"):
        text = tried(url)
        assert "postgresql+asyncpg://" in text
        assert "secret" not in text
    assert list(tmp_path.iterdir()) == []


def test_help_for_a_setting_names_each_with_its_meaning() -> None:
    for word in ("get", "set"):
        text = run("setting", word, "--help").stdout
        for one in DEFINITIONS.values():
            assert f"  {one.key}\n      {one.meaning}\n" in text
    assert "VALUE  " in text


def test_every_command_has_help() -> None:
    for words in ([], ["serve"], ["user"], ["user", "add"], ["setting", "set"], ["audit"], ["check"], ["backup"]):
        done = run(*words, "--help")
        assert done.returncode == 0
        assert "usage: support-relay" in done.stdout


# Why it does not start


def test_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        text = sentence(run("serve", "--data", tmp_path, "--port", port))
    assert str(port) in text
    assert "--port" in text
    assert not (tmp_path / "relay.sqlite3").exists()


def test_the_database_is_in_use(tmp_path: Path) -> None:
    with RelayProcess(tmp_path) as relay:
        text = sentence(run("serve", "--data", relay.data, "--port", 0))
    assert "Another relay" in text


def test_the_database_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "relay.sqlite3").write_bytes(b"this is not a database, but long enough to look like a file" * 100)
    assert "cannot use the database" in sentence(run("serve", "--data", tmp_path, "--port", 0))


def test_the_database_is_newer(tmp_path: Path) -> None:
    run("setting", "set", "company", "Exemplu SRL", "--data", tmp_path)
    with closing(sqlite3.connect(tmp_path / "relay.sqlite3")) as database:
        database.execute("update alembic_version set version_num = '9999_future'")
        database.commit()
    assert "newer version" in sentence(run("serve", "--data", tmp_path, "--port", 0))


def test_the_data_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    text = sentence(run("serve", "--data", tmp_path / "file" / "data", "--port", 0))
    assert "cannot be written" in text
    assert "--data" in text


def test_plain_http_to_the_world_must_be_asked_for_by_name(tmp_path: Path) -> None:
    text = sentence(run("serve", "--data", tmp_path, "--port", 0, "--host", "0.0.0.0"))
    assert "--plain-http" in text
    text = sentence(run("serve", "--data", tmp_path, "--port", 0, "--host", "0.0.0.0", "--plain-http"))
    assert "--public-url" in text


def test_behind_a_proxy_nobody_reaches_the_relay_past_it_by_accident(tmp_path: Path) -> None:
    proxied = ("--behind-proxy", "--public-url", "https://support.example.org", "--host", "0.0.0.0")
    text = sentence(run("serve", "--data", tmp_path, "--port", 0, *proxied))
    assert "past the proxy" in text
    assert "--plain-http" in text
    # The line for whoever started it says where it listens, also when that is everywhere.
    with RelayProcess(tmp_path, *proxied, "--plain-http") as relay:
        pass
    listening = [json.loads(line) for line in relay.log if '"listening"' in line]
    assert [line["host"] for line in listening] == ["0.0.0.0"]


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.1"])
def test_a_host_that_is_not_ours(tmp_path: Path, host: str) -> None:
    text = sentence(
        run(
            "serve", "--data", tmp_path, "--host", host, "--port", 0, "--plain-http", "--public-url", "http://a.example"
        )
    )
    assert "--host" in text


def test_what_can_be_wrong_with_tls_files(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, "one")
    other_key = write_pair(tmp_path, "two")[1]
    locked_key = write_pair(tmp_path, "three", b"pass phrase")[1]
    no_pem = tmp_path / "no.pem"
    no_pem.write_text("hello")

    def tried(*options: object) -> str:
        return sentence(run("serve", "--data", tmp_path / "data", "--port", 0, *options))

    assert "does not exist" in tried("--tls-cert", tmp_path / "none", "--tls-key", key)
    assert "does not exist" in tried("--tls-cert", certificate, "--tls-key", tmp_path / "none")
    assert "does not belong" in tried("--tls-cert", certificate, "--tls-key", other_key)
    assert "PEM" in tried("--tls-cert", no_pem, "--tls-key", key)
    assert "pass phrase" in tried("--tls-cert", certificate, "--tls-key", locked_key)
    assert "together" in tried("--tls-cert", certificate)


def test_the_port_is_a_number(tmp_path: Path) -> None:
    assert run("serve", "--data", tmp_path, "--port", "70000").returncode == 2


# TURN


def test_turn_config_writes_a_file_with_a_secret_for_coturn_alone_and_lets_sessions_use_it(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "turnserver.conf"
    done = run("turn-config", "turn.example.org", "--data", data, "--out", file, "--tls-cert", "/c", "--tls-key", "/k")
    assert done.returncode == 0, done.stderr
    text = file.read_text()
    (secret,) = [line.partition("=")[2] for line in text.splitlines() if line.startswith("static-auth-secret=")]
    assert secret not in done.stdout + done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for network in ("10.0.0.0-10.255.255.255", "192.168.0.0-192.168.255.255", "169.254.0.0-169.254.255.255"):
        assert f"denied-peer-ip={network}\n" in text
    assert "allowed-peer-ip" not in text
    listed = json.loads(run("setting", "list", "--json", "--data", data).stdout)
    assert listed["turn_urls"].split() == [
        "turn:turn.example.org:3478?transport=udp",
        "turn:turn.example.org:3478?transport=tcp",
        "turns:turn.example.org:5349?transport=tcp",
    ]
    assert listed["turn_secret"] == "(set)"
    printed = run("turn-config", "turn.example.org", "--data", data, "--allow-peer", "10.1.0.0/16").stdout
    assert "allowed-peer-ip=10.1.0.0-10.1.255.255\n" in printed
    assert f"static-auth-secret={secret}\n" in printed


def test_what_turn_config_cannot_use_is_told_in_a_sentence_and_changes_nothing(tmp_path: Path) -> None:
    for words in (
        ("turn.example.org", "--allow-peer", "10.1.0.0/33"),
        ("turn.example.org\nallowed-peer-ip=10.0.0.1",),
        ("turn.example.org", "--tls-cert", "/c\nno-auth", "--tls-key", "/k"),
        ("turn.example.org", "--out", tmp_path / "no" / "folder"),
    ):
        sentence(run("turn-config", *words, "--data", tmp_path))
    listed = json.loads(run("setting", "list", "--json", "--data", tmp_path).stdout)
    assert (listed["turn_urls"], listed["turn_secret"]) == ("", "")


def test_the_check_says_when_nobody_could_connect(tmp_path: Path) -> None:
    assert run("setting", "set", "relay_only", "yes", "--data", tmp_path).returncode == 0
    assert "there is no TURN server" in run("check", "--data", tmp_path).stdout
    assert run("turn-config", "turn.example.org", "--data", tmp_path).returncode == 0
    done = run("check", "--data", tmp_path)
    assert done.returncode == 0, done.stdout
    assert "may use the TURN server turn:turn.example.org" in done.stdout
