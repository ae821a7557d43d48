"""Relay addresses as people type them."""

import pytest

from support_manager.errors import AppCode, RelayUnavailable
from support_manager.relay_client.address import is_loopback, normalise, pin_key


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("help.example.org", "https://help.example.org"),
        (" https://Help.Example.org/ ", "https://help.example.org"),
        ("https://help.example.org:443", "https://help.example.org"),
        ("help.example.org:8443", "https://help.example.org:8443"),
        ("https://help.example.org/join#token", "https://help.example.org"),
        ("localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("https://127.0.0.1:1", "https://127.0.0.1:1"),
    ],
)
def test_an_address_becomes_an_origin(typed: str, origin: str) -> None:
    assert normalise(typed) == origin
    assert normalise(origin) == origin


@pytest.mark.parametrize(
    "typed",
    ["", "  ", "foo bar", "ftp://example.org", "https://", "https://:443", "https://a:b@example.org", "https://[",
     "https://example.org:99999", "javascript:alert(1)", "https://example.org\\@evil.org", "a\nb"],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(RelayUnavailable) as caught:
        normalise(typed)
    assert caught.value.code is AppCode.BAD_ADDRESS


@pytest.mark.parametrize(
    "typed", ["http://help.example.org", "http://192.168.0.5:8080", "http://localhost.example.org", "http://0.0.0.0"]
)
def test_nothing_goes_out_in_clear_text(typed: str) -> None:
    with pytest.raises(RelayUnavailable) as caught:
        normalise(typed)
    assert caught.value.code is AppCode.NO_TLS


def test_loopback_is_judged_by_the_name_alone() -> None:
    assert is_loopback("LOCALHOST")
    assert is_loopback("127.9.9.9")
    assert not is_loopback("localhost.example.org")
    assert not is_loopback("10.0.0.1")


def test_a_pin_belongs_to_host_and_port() -> None:
    assert pin_key("https://help.example.org") == "help.example.org:443"
    assert pin_key("https://help.example.org:8443") == "help.example.org:8443"
    assert pin_key("https://[::1]:8443") == "::1:8443"
