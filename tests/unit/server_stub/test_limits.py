"""Leaky buckets and counted tries, with a clock turned by hand."""

import pytest

from server_stub.limits import AtOnce, Bucket, TryLimiter, networks_of


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_bucket_holds_a_burst_and_then_lets_through_its_rate():
    bucket = Bucket(rate=20, burst=100, now_s=0)
    assert sum(bucket.take(0) for _ in range(200)) == 100
    assert sum(bucket.take(1) for _ in range(200)) == 20
    assert sum(bucket.take(1_000) for _ in range(200)) == 100


@pytest.mark.rule("B-2.7")
def test_ten_wrong_numbers_a_minute_block_one_address_and_no_other():
    clock = Clock()
    tries = TryLimiter(per_address=10, per_site=100, clock=clock)
    for _ in range(10):
        assert not tries.is_blocked("192.0.2.1")
        tries.failed("192.0.2.1")
    assert tries.is_blocked("192.0.2.1")
    assert tries.is_blocked("::ffff:192.0.2.1")
    assert not tries.is_blocked("192.0.2.2")
    clock.now = 6.1
    assert not tries.is_blocked("192.0.2.1")


@pytest.mark.rule("B-2.7")
def test_a_hundred_wrong_numbers_over_the_site_make_it_slow_for_a_while():
    clock = Clock()
    tries = TryLimiter(per_address=10, per_site=100, clock=clock)
    for number in range(99):
        tries.failed(f"192.0.2.{number}")
    assert not tries.is_site_slow
    tries.failed("192.0.2.200")
    assert tries.is_site_slow
    clock.now = 60
    assert not tries.is_site_slow


def test_one_customer_of_a_provider_cannot_try_from_all_his_ipv6_addresses():
    tries = TryLimiter(per_address=10, per_site=10_000, clock=Clock())
    for number in range(10):
        tries.failed(f"2001:db8:1:1::{number}")
    assert tries.is_blocked("2001:db8:1:1:ffff::1")
    assert not tries.is_blocked("2001:db8:1:2::1")
    for number in range(2, 5):
        for _ in range(10):
            tries.failed(f"2001:db8:1:{number:x}::1")
    assert tries.is_blocked("2001:db8:1:ff::1")


def test_addresses_that_are_none_share_their_own_key():
    assert networks_of("unix") == (("unknown:unix", 1),)
    assert networks_of("fe80::1%eth0") == networks_of("fe80::1")


def test_what_is_under_way_at_once_counts_for_the_network_and_is_forgotten_when_it_is_over():
    held = AtOnce()
    came = [f"2001:db8:1:1::{number}" for number in range(2)] + [f"2001:db8:1:{at:x}::1" for at in (2, 3)]
    for address in came:
        assert held.has_room(address, 2)
        held.begin(address)
    assert not held.has_room("2001:db8:1:1::9", 2), "its /64 is full"
    assert not held.has_room("2001:db8:1:4::9", 2), "its /56 is"
    assert held.has_room("2001:db8:1:100::9", 2)
    assert held.has_room("192.0.2.1", 2)
    for address in came:
        held.end(address)
    assert held.has_room("2001:db8:1:1::9", 1)
    assert not held._counts
