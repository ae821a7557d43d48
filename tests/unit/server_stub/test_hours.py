"""Opening hours against a clock on the wall: every minute across changes of clocks, and what operators write."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server_stub.hours import DAY_MIN, HoursError, OpeningHours

MINUTE_MS = 60_000
ZONES = ("Europe/Bucharest", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "UTC")
# Lord Howe changes by half an hour; Casablanca leaves and takes up summer time around Ramadan.

ranges = st.tuples(st.integers(0, DAY_MIN - 1), st.integers(1, DAY_MIN)).map(
    lambda pair: (pair[0], pair[1] if pair[1] > pair[0] else pair[1] + DAY_MIN)
)
weeks = st.lists(st.lists(ranges, max_size=2).map(lambda day: tuple(sorted(day))), min_size=7, max_size=7).map(tuple)
moments = st.integers(1_767_225_600 // 60, 1_830_297_600 // 60).map(lambda minute: minute * MINUTE_MS)  # 2026 and 2027


def at(text, zone):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def utc(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.rule("B-11.1")
@settings(max_examples=150, deadline=None)
@given(weeks, st.sampled_from(ZONES), moments)
@example((((150, 180),),) * 7, "Europe/Bucharest", utc("2026-03-28T22:00"))
@example((((200, 230),),) * 7, "Europe/Bucharest", utc("2026-03-28T22:00"))
@example((((150, 230),),) * 7, "Europe/Bucharest", utc("2026-10-24T22:00"))
@example((((60, 90),),) * 7, "Australia/Lord_Howe", utc("2026-04-04T14:31"))
def test_the_next_opening_is_the_first_open_minute_from_now_on(week, zone, now):
    hours = OpeningHours(zone, week)
    found = hours.next_opening(now)
    if hours.open_at(now):
        assert found is None
        return
    horizon = now + 3 * DAY_MIN * MINUTE_MS
    first = next((t for t in range(now, horizon, MINUTE_MS) if hours.open_at(t)), None)
    if first is not None:
        assert found == first
    elif found is not None:
        assert found >= horizon
        assert hours.open_at(found)
        assert not hours.open_at(found - MINUTE_MS)


@pytest.mark.rule("B-11.1")
@settings(max_examples=150, deadline=None)
@given(weeks, st.sampled_from(ZONES), moments)
def test_it_is_open_by_the_clock_on_the_wall(week, zone, now):
    wall = datetime.fromtimestamp(now / 1000, ZoneInfo(zone))
    minute, day = wall.hour * 60 + wall.minute, wall.weekday()
    expected = any(
        start <= passed < end
        for passed, ranges_of_day in ((minute, week[day]), (minute + DAY_MIN, week[day - 1]))
        for start, end in ranges_of_day
    )
    assert OpeningHours(zone, week).open_at(now) is expected


def test_around_the_clock_stays_open_when_clocks_change():
    hours = OpeningHours.parse("always", "Europe/Bucharest")
    for day in ("2026-03-29", "2026-10-25"):
        start = utc(f"{day}T00:00")
        assert all(hours.open_at(start + n * MINUTE_MS) for n in range(DAY_MIN))
    assert hours.next_opening(start) is None


def test_nine_on_the_wall_is_another_moment_in_summer_and_in_winter():
    hours = OpeningHours.parse("mon-fri 09:00-17:00", "Europe/Bucharest")
    friday = at("2026-03-27 17:00", "Europe/Bucharest")
    assert not hours.open_at(friday)
    assert hours.next_opening(friday) == utc("2026-03-30T06:00")
    friday = at("2026-10-23 17:00", "Europe/Bucharest")
    assert hours.next_opening(friday) == utc("2026-10-26T07:00")


def test_what_begins_in_the_hour_that_is_left_out_opens_when_the_clocks_have_changed():
    hours = OpeningHours.parse("sun 03:30-05:00", "Europe/Bucharest")
    assert hours.next_opening(utc("2026-03-28T20:00")) == utc("2026-03-29T01:00")


def test_a_night_that_begins_on_sunday_ends_on_monday():
    hours = OpeningHours.parse("sun 22:00-06:00", "UTC")
    assert [hours.open_at(utc(f"2026-11-{day}")) for day in ("22T21:59", "22T22:00", "23T05:59", "23T06:00")] == [
        False,
        True,
        True,
        False,
    ]


def test_never_opens_never():
    hours = OpeningHours.parse("never", "UTC")
    assert not hours.open_at(0)
    assert hours.next_opening(0) is None
    assert hours.text() == "never"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("always", "always"),
        ("mon-sun 00:00-24:00", "always"),
        ("Mon-Fri 9:00-12:00 13:00-17:00; sat 10:00-14:00", "mon-fri 09:00-12:00 13:00-17:00, sat 10:00-14:00"),
        ("sat-mon 10:00-11:00", "mon 10:00-11:00, sat-sun 10:00-11:00"),
        ("mon 10:00-12:00, mon 11:00-13:00", "mon 10:00-13:00"),
        ("fri 22:00-02:00", "fri 22:00-02:00"),
    ],
)
def test_hours_are_read_and_shown(text, shown):
    hours = OpeningHours.parse(text, "UTC")
    assert hours.text() == shown
    assert OpeningHours.parse(shown, "UTC") == hours == OpeningHours.of_plain("UTC", hours.plain())


@pytest.mark.parametrize("text", ["", "mon", "mon 9-17", "mon 25:00-26:00", "day 09:00-17:00", "mon 09:00-09:00", ","])
def test_what_are_no_hours_is_refused(text):
    with pytest.raises(HoursError, match="mon-fri"):
        OpeningHours.parse(text, "UTC")


@pytest.mark.parametrize("zone", ["Europe/Bucuresti", "", "../etc/passwd", "Europe", "/etc/localtime", "x" * 200])
def test_an_unknown_time_zone_is_refused(zone):
    with pytest.raises(HoursError, match="time zone"):
        OpeningHours.parse("always", zone)
