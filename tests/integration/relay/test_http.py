"""The relay's HTTP side, spoken to as a process: sign-in, bounds on bodies, pages, headers, origins and TLS."""

import contextlib
import http.client
import json
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support_manager.protocol import limits
from tests.harness.relay import PASSWORD, RelayProcess
from tests.integration.relay.test_cli import run, write_pair


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        process.add_user("ana", "Ana P.")
        yield process


@pytest.fixture
def own_relay(tmp_path: Path) -> Iterator[RelayProcess]:
    """One that a test may lock out or stop."""
    with RelayProcess(tmp_path / "data") as process:
        process.add_user("ana", "Ana P.")
        yield process


class Reply:
    def __init__(self, reply: http.client.HTTPResponse) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self.body = reply.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        assert self.json["ok"] is False
        return str(self.json["code"])


def get(relay: RelayProcess, path: str, method: str = "GET", **headers: str) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=20)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return Reply(connection.getresponse())
    finally:
        connection.close()


def post(relay: RelayProcess, path: str, body: object, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=20)
    sent = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    try:
        connection.request("POST", path, raw, sent)
        return Reply(connection.getresponse())
    finally:
        connection.close()


def sign_in(relay: RelayProcess, password: str = PASSWORD, name: str = "ana", **headers: str) -> Reply:
    return post(relay, "/api/sign-in", {"name": name, "password": password, "v": 1}, **headers)


# Signing in


def test_sign_in_refresh_and_sign_out(relay: RelayProcess) -> None:
    first = sign_in(relay)
    assert first.status == 200
    assert first.headers["Cache-Control"] == "no-store"
    value = first.json["value"]
    assert value["account"]["display_name"] == "Ana P."
    second = post(relay, "/api/refresh", {"refresh_token": value["refresh_token"], "v": 1}).json["value"]
    assert second["refresh_token"] != value["refresh_token"]
    out = post(relay, "/api/sign-out", {"refresh_token": second["refresh_token"], "v": 1})
    assert out.json == {"ok": True, "value": {}}
    gone = post(relay, "/api/refresh", {"refresh_token": second["refresh_token"], "v": 1})
    assert (gone.status, gone.code) == (401, "token_expired")


def test_refresh_tokens_outlive_a_crash_of_the_relay(own_relay: RelayProcess) -> None:
    token = sign_in(own_relay).json["value"]["refresh_token"]
    own_relay.kill9()
    own_relay.start()
    assert post(own_relay, "/api/refresh", {"refresh_token": token, "v": 1}).status == 200


def until_refused(relay: RelayProcess, name: str, then: Callable[[], Reply], **headers: str) -> Reply:
    """Go on with wrong passwords until one is not heard any more, and what is tried then neither; its answer.

    One try comes back every six seconds, and on a busy machine ten of them take that long.
    """
    for _ in range(limits.WRONG_PASSWORDS_PER_MINUTE_PER_ADDRESS):
        if sign_in(relay, "wrong password 1", name=name, **headers).status == 429 and (reply := then()).status == 429:
            return reply
    raise AssertionError("wrong passwords are heard without end")


def test_wrong_passwords_are_refused_alike_and_then_not_heard(own_relay: RelayProcess) -> None:
    answers = []
    for number in range(limits.WRONG_PASSWORDS_PER_MINUTE_PER_ADDRESS):
        reply = sign_in(own_relay, "wrong password 1", name="ana" if number % 2 else "nobody")
        answers.append((reply.status, reply.body))
    assert set(answers) == {(401, b'{"ok":false,"code":"wrong_credentials"}')}
    blocked = until_refused(own_relay, "nobody", lambda: sign_in(own_relay))
    assert (blocked.code, blocked.headers["Retry-After"]) == ("too_many_tries", "60")
    until_refused(own_relay, "nobody", lambda: sign_in(own_relay, X_Forwarded_For="203.0.113.7"))
    assert PASSWORD not in "\n".join(own_relay.log)


def test_a_disabled_account(own_relay: RelayProcess) -> None:
    assert run("user", "disable", "ana", "--data", own_relay.data).returncode == 0
    assert sign_in(own_relay).code == "account_disabled"


@pytest.mark.parametrize(
    ("version", "code"), [(0, "version_too_old"), (99, "version_too_new"), ("1", "bad_message"), (True, "bad_message")]
)
def test_versions(relay: RelayProcess, version: object, code: str) -> None:
    reply = post(relay, "/api/sign-in", {"name": "ana", "password": PASSWORD, "v": version})
    assert (reply.status, reply.code) == (400, code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 3000,
        b'{"name": "\xff", "password": "x", "v": 1}',
        b'{"name": "ana", "password": "x", "v": NaN}',
        {"name": "ana", "password": "x", "v": 1, "role": "administrator"},
        {"name": ["ana"], "password": "x", "v": 1},
        {"name": "", "password": "x", "v": 1},
        {"name": "a" * 65, "password": "x", "v": 1},
        [],
        None,
    ],
)
def test_bodies_that_do_not_fit(relay: RelayProcess, body: object) -> None:
    reply = post(relay, "/api/sign-in", body)
    assert (reply.status, reply.code) == (400, "bad_message")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"]
)
def test_only_json_is_read(relay: RelayProcess, kind: str) -> None:
    reply = sign_in(relay, Content_Type=kind)
    assert (reply.status, reply.code) == (400, "bad_message")


def test_a_body_that_is_too_large(relay: RelayProcess) -> None:
    reply = post(relay, "/api/sign-in", b'{"name": "' + b"a" * 5000)
    assert (reply.status, reply.code) == (413, "too_large")


def exchange(relay: RelayProcess, *pieces: bytes, timeout_s: float = 20.0) -> tuple[bytes, float]:
    """Send raw bytes, read to the end; what came back, and after how many seconds the relay closed or answered."""
    with socket.create_connection(("127.0.0.1", relay.port), timeout=timeout_s) as raw:
        for piece in pieces:
            raw.sendall(piece)
        begun = time.monotonic()
        answer = b""
        try:
            while piece := raw.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
        return answer, time.monotonic() - begun


def test_a_large_body_without_a_length_is_cut(relay: RelayProcess) -> None:
    head = b"POST /api/sign-in HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
    chunk = b"1000\r\n" + b"a" * 4096 + b"\r\n"
    answer, _ = exchange(relay, head + b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk)
    assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.slow
@pytest.mark.parametrize("path", [b"/api/sign-in", b"/socket.io/?EIO=4&transport=polling&sid=x"])
def test_a_body_that_never_comes_is_not_waited_for(relay: RelayProcess, path: bytes) -> None:
    head = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
    answer, seconds = exchange(relay, head + b"Content-Length: 100\r\n\r\n{", timeout_s=40)
    assert answer.startswith(b"HTTP/1.1 400")
    assert 5 < seconds < 25


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "])
def test_headers_that_never_end_are_not_waited_for(relay: RelayProcess, piece: bytes) -> None:
    answer, seconds = exchange(relay, piece, timeout_s=40)
    assert b"200" not in answer
    assert seconds < 35


def test_headers_that_are_too_large(relay: RelayProcess) -> None:
    answer, _ = exchange(relay, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n")
    assert b" 400 Bad Request" in answer[:30]


# Site and health


def test_health(relay: RelayProcess) -> None:
    value = get(relay, "/health").json["value"]
    assert value["status"] == "ok"
    assert value["sessions"] == 0
    assert value["uptime_s"] >= 0


def test_the_site_tells_what_everybody_may_know(own_relay: RelayProcess) -> None:
    value = get(own_relay, "/api/site").json["value"]
    assert (value["company"], value["url"]) == ("Support Manager", own_relay.url)
    run("setting", "set", "company", "Exemplu <b>SRL</b>", "--data", own_relay.data)
    deadline = time.monotonic() + 15
    while get(own_relay, "/api/site").json["value"]["company"] != "Exemplu <b>SRL</b>":
        assert time.monotonic() < deadline, "a running relay takes settings up"
    page = get(own_relay, "/").body.decode()
    assert "Exemplu &lt;b&gt;SRL&lt;/b&gt;" in page
    assert "<b>SRL" not in page


PATHS = ["/", "/start", "/assist", "/sign-in", "/join", "/site/site.css", "/site/site.js", "/page/protocol.json"]
PATHS += ["/nothing", "/api/site", "/api/nothing", "/health", "/socket.io/", "/api/sign-in", "//join", "/page/"]


def test_webassembly_is_for_the_hashing_worker_alone(relay: RelayProcess) -> None:
    policy = get(relay, "/page/files_hasher.js").headers["Content-Security-Policy"]
    assert "script-src 'self' 'wasm-unsafe-eval';" in policy
    assert "unsafe" not in policy.replace("'wasm-unsafe-eval'", "")
    assert "unsafe" not in get(relay, "/page/files.js").headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_guarding_headers(relay: RelayProcess, path: str) -> None:
    headers = get(relay, path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"ws://127.0.0.1:{relay.port}" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "display-capture=(self)" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers
    assert "Server" not in headers
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.rule("B-2.1")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Start", "Join", "Provide Support", "Assist Session", "Sign in"]),
        ("ro-RO,ro;q=0.9,en;q=0.8", ["Începeți", "Asociere", "Furnizare asistență", "Asistare sesiune", "Conectare"]),
    ],
)
@pytest.mark.parametrize("path", ["/", "/start", "/assist", "/sign-in", "/nothing"])
def test_every_page_has_the_navigation_bar(relay: RelayProcess, path: str, language: str, words: list[str]) -> None:
    reply = get(relay, path, Accept_Language=language)
    page = reply.body.decode()
    navigation = page.partition("<nav")[2].partition("</nav>")[0]
    places = [navigation.index(word) for word in words]
    assert places == sorted(places)
    assert "{{" not in page
    assert "<script>" not in page
    assert "style=" not in page
    assert reply.headers["Content-Language"] == language[:2]
    assert reply.status == (404 if path == "/nothing" else 200)


@pytest.mark.parametrize(("path", "link"), [("/start", "support-manager:start"), ("/assist", "support-manager:assist")])
def test_start_and_assist_open_the_app_and_say_what_to_do_without_it(relay: RelayProcess, path: str, link: str) -> None:
    page = get(relay, path).body.decode()
    assert f'href="{link}"' in page
    assert "not installed" in page
    assert relay.url in page


def test_a_chosen_language_is_kept(relay: RelayProcess) -> None:
    chosen = get(relay, "/start?lang=ro", Accept_Language="en")
    assert 'lang="ro"' in chosen.body.decode()
    cookie = chosen.headers["Set-Cookie"].partition(";")[0]
    assert 'lang="ro"' in get(relay, "/", Accept_Language="en", Cookie=cookie).body.decode()[:100]
    odd = get(relay, "/start?lang=xx", Cookie="language=../../etc")
    assert odd.status == 200
    assert "Set-Cookie" not in odd.headers


@pytest.mark.parametrize(
    "path",
    [
        "//join",
        "/join/",
        "/JOIN",
        "/page/../join",
        "/page/%2e%2e/index.html",
        "/page/..%2f..%2f__init__.py",
        "/page/....//index.html",
        "/page/%2fetc%2fpasswd",
        "/page/..\\..\\__init__.py",
        "/page/index.html",
        "/page/translations/../../catalog.py",
        "/page/translations/en.json%00.js",
        "/site/layout.html",
        "/site/home.html",
        "/site/",
        "/page",
        "/j%6fin",
        "/%2e/join",
        "/.git/config",
    ],
)
def test_tricks_with_paths_find_nothing(relay: RelayProcess, path: str) -> None:
    answer, _ = exchange(relay, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), answer[:200]
    assert b"root:" not in answer
    assert b"def " not in answer


def test_files_are_compressed_and_not_sent_twice(relay: RelayProcess) -> None:
    plain = get(relay, "/site/site.css")
    packed = get(relay, "/site/site.css", Accept_Encoding="br;q=1, gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 2
    assert packed.headers["ETag"] != plain.headers["ETag"]
    again = get(relay, "/site/site.css", Accept_Encoding="gzip", If_None_Match=packed.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert get(relay, "/site/site.css", Accept_Encoding="gzip;q=0").headers.get("Content-Encoding") is None
    head = get(relay, "/site/site.css", method="HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(plain.body)))


# Origins


FOREIGN = [
    "http://evil.example",
    "null",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "https://{own}",
    "http://{own}.evil.example",
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("forwarded", [{}, {"X_Forwarded_Host": "evil.example", "X_Forwarded_Proto": "http"}])
def test_foreign_origins_are_refused(relay: RelayProcess, origin: str, forwarded: dict[str, str]) -> None:
    origin = origin.format(own=f"127.0.0.1:{relay.port}")
    host = {"Host": origin.partition("//")[2] or "evil.example"}
    assert sign_in(relay, Origin=origin, **host, **forwarded).code == "not_allowed"
    polling = get(relay, "/socket.io/?EIO=4&transport=polling", Origin=origin, **host, **forwarded)
    assert polling.status in (400, 403, 404)
    assert "Access-Control-Allow-Origin" not in polling.headers


def test_the_log_says_once_a_minute_what_a_foreign_origin_may_be_and_what_to_do() -> None:
    with RelayProcess() as relay:
        for _ in range(3):
            polling = get(relay, "/socket.io/?EIO=4&transport=polling", Origin="https://support.example.org")
            assert polling.status == 400
        relay.stop()
        lines = [json.loads(line) for line in relay.log if "support.example.org" in line]
    (line,) = lines
    assert "--public-url" in line["event"]
    assert line["origin"] == "https://support.example.org"
    assert line["accepted"]


def test_our_own_origin_is_let_in(relay: RelayProcess) -> None:
    assert sign_in(relay, Origin=relay.url).status == 200


# Behind a proxy, TLS, the end


def test_behind_a_proxy_addresses_come_from_its_header(tmp_path: Path) -> None:
    options = ("--behind-proxy", "--public-url", "https://support.example.org")
    with RelayProcess(tmp_path / "data", *options) as relay:
        for _ in range(limits.WRONG_PASSWORDS_PER_MINUTE_PER_ADDRESS):
            sign_in(relay, "wrong password 1", name="nobody", X_Forwarded_For="6.6.6.6, 203.0.113.7")
        until_refused(
            relay,
            "nobody",
            lambda: sign_in(relay, name="nobody", X_Forwarded_For="7.7.7.7, 203.0.113.7"),
            X_Forwarded_For="6.6.6.6, 203.0.113.7",
        )
        assert sign_in(relay, name="nobody", X_Forwarded_For="203.0.113.7, 203.0.113.8").status == 401
        assert sign_in(relay, name="nobody", Origin="https://support.example.org").status == 401
        page = get(relay, "/")
        assert "wss://support.example.org" in page.headers["Content-Security-Policy"]
        assert page.headers["Strict-Transport-Security"]
        assert get(relay, "/api/site").json["value"]["url"] == "https://support.example.org"


def test_tls_is_1_2_or_newer_and_tells_browsers_to_stay(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, "one")
    with RelayProcess(tmp_path / "data", "--tls-cert", str(certificate), "--tls-key", str(key)) as relay:
        assert relay.url.startswith("https://")
        context = ssl.create_default_context(cafile=str(certificate))
        connection = http.client.HTTPSConnection("localhost", relay.port, context=context, timeout=10)
        connection.request("GET", "/")
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200
        assert reply.headers["Strict-Transport-Security"]
        assert f"wss://127.0.0.1:{relay.port}" in reply.headers["Content-Security-Policy"]
        connection.close()
        answer, _ = exchange(relay, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200" not in answer
        old = subprocess.run(
            ["openssl", "s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect", f"127.0.0.1:{relay.port}"],
            input=b"",
            capture_output=True,
            check=False,
            timeout=10,
        )
        assert b"Cipher is (NONE)" in old.stdout


@pytest.mark.slow
@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HT"])
def test_a_handshake_that_never_ends_is_not_waited_for(tmp_path: Path, said: bytes) -> None:
    certificate, key = write_pair(tmp_path, "one")
    with RelayProcess(tmp_path / "data", "--tls-cert", str(certificate), "--tls-key", str(key)) as relay:
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", relay.port), timeout=35) as stranger:
            stranger.sendall(said)
            context = ssl.create_default_context(cafile=str(certificate))
            visitor = http.client.HTTPSConnection("localhost", relay.port, context=context, timeout=10)
            visitor.request("GET", "/health")
            assert visitor.getresponse().status == 200, "nobody else waits for him"
            visitor.close()
            with contextlib.suppress(ConnectionResetError):
                while stranger.recv(4096):
                    pass  # an alert may come first
        assert time.monotonic() - begun < 30


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_gracefully_and_soon(tmp_path: Path, number: int) -> None:
    relay = RelayProcess(tmp_path / "data").start()
    idle = socket.create_connection(("127.0.0.1", relay.port))
    begun = time.monotonic()
    assert relay._end(number) == 0
    assert time.monotonic() - begun < 8
    idle.close()
    assert any('"stopped"' in line for line in relay.log)
    assert not [line for line in relay.log if '"error"' in line]
