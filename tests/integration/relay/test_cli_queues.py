"""The operator's commands for queues and for what accounts may, as he types them, and what he reads when they fail."""

import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from server_stub.cli import main
from server_stub.hours import DAYS
from tests.harness import own_log

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _log_of_this_process():
    """The command sets up the log of a process of its own; here it is the tests' and gets its own back."""
    with own_log.given_back():
        yield


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Run a command on a data folder; gives exit code, output and error."""

    def run_command(*words):
        monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
        try:
            code = main([*words, "--data", str(tmp_path)])
        except SystemExit as stop:
            code = int(str(stop.code))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_command


def listed(run, what):
    code, out, _ = run(what, "list", "--json")
    assert code == 0
    return json.loads(out)


def test_a_queue_from_its_making_to_its_end(run):
    assert run("user", "add", "ana", "--password-stdin", "--agent", "--mode", "choice", "--limit", "3")[0] == 0
    added = run("queue", "add", "first-aid", "Prim ajutor", "--rule", "round_robin", "--hours", "mon-fri 9:00-17:00")
    assert added[0] == 0
    assert "queue member add" in added[1]
    assert run("queue", "member", "add", "first-aid", "ana")[0] == 0
    assert run("queue", "set", "first-aid", "--time-zone", "Europe/Bucharest", "--offer-s", "20", "--no-open")[0] == 0
    first, support = listed(run, "queue")
    assert first["members"] == ["ana"]
    assert (first["rule"], first["offer_s"], first["enabled"]) == ("round_robin", 20, False)
    assert (first["hours"], first["time_zone"]) == ("mon-fri 09:00-17:00", "Europe/Bucharest")
    assert (support["slug"], support["default"], support["members"]) == ("support", True, [])
    assert (
        "Prim ajutor\tswitched off\tround_robin\t20 s\tmon-fri 09:00-17:00 (Europe/Bucharest)\tana"
        in run("queue", "list")[1]
    )
    assert "\topen, default\t" in run("queue", "list")[1]
    soon = DAYS[(datetime.now(UTC).weekday() + 2) % 7]
    for hours, state in ((f"{soon} 9:00-10:00", f"closed now, opens {soon} 20"), ("never", "closed now\t")):
        assert run("queue", "set", "first-aid", "--hours", hours, "--time-zone", "UTC", "--open")[0] == 0
        assert f"Prim ajutor\t{state}" in run("queue", "list")[1]
    assert listed(run, "queue")[0]["state"] == "closed now"
    assert run("queue", "member", "remove", "first-aid", "ana")[0] == 0
    assert run("queue", "delete", "first-aid")[0] == 0
    assert [queue["slug"] for queue in listed(run, "queue")] == ["support"]
    code, out, _ = run("check")
    assert code == 0
    assert "The audit log is whole: it has 8 records" in out


def test_what_an_account_may_is_given_and_taken_back(run):
    run("user", "add", "ana", "--password-stdin")
    assert run("user", "list")[1] == "ana\tana\topen\t-\tsite\tsite\n"
    assert run("user", "set", "ana", "--agent", "--admin", "--mode", "single", "--limit", "2")[0] == 0
    assert run("user", "list")[1] == "ana\tana\topen\tadmin,agent\tsingle\t2\n"
    assert run("user", "set", "ana", "--no-agent", "--limit", "site", "--display-name", "Ana P.")[0] == 0
    (account,) = listed(run, "user")
    assert (account["display_name"], account["privileges"], account["customers_limit"]) == ("Ana P.", ["admin"], None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["queue", "add", "First Aid", "x"], "short name"),
        (["queue", "add", "night", "Night", "--time-zone", "Moon/Tycho"], "time zone “Moon/Tycho” is not known"),
        (["queue", "add", "night", "Night", "--hours", "nine to five"], "mon-fri 09:00-12:00"),
        (["queue", "add", "support", "Support"], "already a queue"),
        (["queue", "set", "support"], "Say what to change"),
        (["queue", "set", "support", "--no-open"], "default_queue"),
        (["queue", "delete", "support"], "default_queue"),
        (["queue", "delete", "night"], "queue list"),
        (["queue", "member", "add", "support", "ana"], "support-relay user set ana --agent"),
        (["queue", "member", "add", "support", "maria"], "user list"),
        (["user", "set", "maria", "--agent"], "user list"),
        (["user", "set", "ana"], "Say what to change"),
        (["setting", "set", "default_queue", "night"], "queue list"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(run, words, told):
    run("user", "add", "ana", "--password-stdin")
    code, out, err = run(*words)
    assert (code, out) == (1, "")
    assert told in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["queue", "add", "night", "Night", "--rule", "loudest"],
        ["queue", "add", "night", "Night", "--offer-s", "2"],
        ["user", "set", "ana", "--limit", "many"],
        ["user", "set", "ana", "--mode", "both"],
    ],
)
def test_wrong_words_are_wrong_usage(run, words):
    assert run(*words)[0] == 2


def test_the_mail_servers_password_is_never_shown(run):
    run("user", "add", "ana", "--password-stdin")
    assert "hunter2" not in "".join(map(str, run("setting", "set", "smtp_password", "hunter2hunter2")))
    for words in (["list"], ["list", "--json"], ["get", "smtp_password"], ["get", "smtp_password", "--json"]):
        code, out, _ = run("setting", *words)
        assert code == 0
        assert "(set)" in out
        assert "hunter2" not in out


def test_a_changed_audit_log_is_a_problem(run, tmp_path):
    run("user", "add", "ana", "--password-stdin")
    run("user", "set", "ana", "--agent")
    with closing(sqlite3.connect(tmp_path / "relay.sqlite3")) as connection, connection:
        connection.execute("UPDATE audit SET what = 'maria' WHERE id = 1")
    code, out, _ = run("check")
    assert code == 1
    assert "PROBLEM The audit log was changed: record 1" in out
