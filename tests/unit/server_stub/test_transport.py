"""Addresses behind proxies, origins, and what counts as loopback."""

import pytest
from aiohttp.test_utils import make_mocked_request

from server_stub.transport import allowed_origins, client_address, is_loopback, is_wildcard, origin_of


@pytest.mark.parametrize(
    ("forwarded", "behind", "expected"),
    [
        ([], True, "10.0.0.9"),
        (["203.0.113.7"], True, "203.0.113.7"),
        (["203.0.113.7"], False, "10.0.0.9"),
        (["6.6.6.6, 203.0.113.7"], True, "203.0.113.7"),
        (["6.6.6.6", "203.0.113.7"], True, "203.0.113.7"),
        (["203.0.113.7:5000"], True, "203.0.113.7"),
        (["[2001:db8::1]:5000"], True, "2001:db8::1"),
        (["::ffff:203.0.113.7"], True, "203.0.113.7"),
        (["evil\x1b[31m"], True, "10.0.0.9"),
        (["203.0.113.7,"], True, "10.0.0.9"),
    ],
)
def test_client_address(forwarded: list[str], behind: bool, expected: str) -> None:
    from multidict import CIMultiDict

    headers = CIMultiDict([("X-Forwarded-For", value) for value in forwarded])
    request = make_mocked_request("GET", "/", headers=headers).clone(remote="10.0.0.9")
    assert client_address(request, behind_proxy=behind) == expected


def test_origins_are_written_as_browsers_write_them() -> None:
    assert origin_of("https://Support.Example.org:443") == "https://support.example.org"
    assert origin_of("http://[::1]:8080") == "http://[::1]:8080"


def test_loopback_names_count_only_when_listening_there() -> None:
    local = allowed_origins("http://127.0.0.1:8765", "http://127.0.0.1:8765")
    assert local == {"http://127.0.0.1:8765", "http://localhost:8765", "http://[::1]:8765"}
    public = allowed_origins("https://support.example.org", "https://198.18.0.1:8765")
    assert public == {"https://support.example.org", "https://198.18.0.1:8765"}


def test_hosts() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.9.1", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "192.168.1.2", "example.org", "::"))
    assert is_wildcard("0.0.0.0")
    assert is_wildcard("::")
    assert not is_wildcard("127.0.0.1")
