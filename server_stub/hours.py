"""Opening hours: a week of times on the wall of one place, daylight saving included (B-11.1)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 24 * 60
ALWAYS = "always"
Week = tuple[tuple[tuple[int, int], ...], ...]
"""Monday to Sunday: times open, [start, end) in minutes since midnight; an end above 1440 lies on the next day."""

_RANGE = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
_DAYS_AHEAD = 16
"""More than a week: times that lie in an hour left out are open a week later."""
_USAGE = (
    "Opening hours must look like “mon-fri 09:00-12:00 13:00-17:00, sat 22:00-02:00”, or be “always”; the times are "
    "those of the queue's time zone."
)


class HoursError(ValueError):
    """Not opening hours; the text says what they must look like."""


class TimeZoneError(HoursError):
    """No time zone of that name."""


@lru_cache(maxsize=64)
def time_zone(name: str) -> ZoneInfo:
    """The time zone of that name in the IANA database.

    Raises:
        TimeZoneError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a path, a folder of the database, no such zone
        raise TimeZoneError(
            f"The time zone “{name[:64]}” is not known; it must look like Europe/Bucharest or UTC."
        ) from None


@dataclass(frozen=True)
class OpeningHours:
    """When a queue is open.

    Args:
        zone: name of the time zone on whose walls the times are read.
        week: the times.
    """

    zone: str
    week: Week

    @cached_property
    def _zone(self) -> ZoneInfo:
        return time_zone(self.zone)

    @property
    def is_always(self) -> bool:
        """Whether it never closes."""
        return all(day == ((0, DAY_MIN),) for day in self.week)

    def open_at(self, now_ms: int) -> bool:
        """Whether it is open at a moment, by what a clock on the wall there shows.

        So a time that a change of clocks leaves out is not open, and one that comes twice is open twice.

        Args:
            now_ms: milliseconds since 1970-01-01 UTC.
        """
        wall = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self._zone)
        minute, day = wall.hour * 60 + wall.minute, wall.weekday()
        yesterday = self.week[day - 1]
        return any(start <= minute < end for start, end in self.week[day]) or any(
            start <= minute + DAY_MIN < end for start, end in yesterday
        )

    def next_opening(self, now_ms: int) -> int | None:
        """When it opens again, in milliseconds since 1970; None while it is open, and when it never opens.

        It opens where its times begin, or where a change of clocks jumps into them.
        """
        if self.open_at(now_ms):
            return None
        found = [at for at in self._beginnings(now_ms) if at > now_ms and self.open_at(at)]
        return min(found, default=None)

    def next_opening_there(self, now_ms: int) -> datetime | None:
        """The same as a clock on the wall there shows it, for people to read."""
        at = self.next_opening(now_ms)
        return None if at is None else datetime.fromtimestamp(at / 1000, UTC).astimezone(self._zone)

    def _beginnings(self, now_ms: int) -> Iterator[int]:
        today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self._zone).date()
        for ahead in range(-1, _DAYS_AHEAD):
            day = today + timedelta(days=ahead)
            for start, _ in self.week[day.weekday()]:
                for fold in (0, 1):
                    midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
                    wall = (midnight + timedelta(minutes=start)).replace(fold=fold)
                    yield int(wall.timestamp()) * 1000
            yield from self._change_of_clocks(day)

    def _change_of_clocks(self, day: date) -> Iterator[int]:
        low = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) // 60
        high = low + DAY_MIN
        before = self._offset(low)
        if before == self._offset(high):
            return
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(middle) == before:
                low = middle
            else:
                high = middle
        yield high * 60_000

    def _offset(self, minute: int) -> timedelta | None:
        return datetime.fromtimestamp(minute * 60, UTC).astimezone(self._zone).utcoffset()

    def text(self) -> str:
        """The hours as an operator writes them."""
        if self.is_always:
            return ALWAYS
        parts = []
        day = 0
        while day < 7:
            last = day
            while last + 1 < 7 and self.week[last + 1] == self.week[day]:
                last += 1
            if self.week[day]:
                days = DAYS[day] if last == day else f"{DAYS[day]}-{DAYS[last]}"
                parts.append(" ".join([days, *(f"{_clock(start)}-{_clock(end)}" for start, end in self.week[day])]))
            day = last + 1
        return ", ".join(parts) or "never"

    def plain(self) -> list[list[list[int]]]:
        """The week as JSON."""
        return [[[start, end] for start, end in day] for day in self.week]

    @classmethod
    def of_plain(cls, zone: str, week: list[list[list[int]]]) -> "OpeningHours":
        """Read what `plain` gave."""
        return cls(zone, tuple(tuple((start, end) for start, end in day) for day in week))

    @classmethod
    def parse(cls, text: str, zone: str) -> "OpeningHours":
        """Read what an operator writes: groups of days with times, parted by commas; `always`; `never`.

        Args:
            text: such as `mon-fri 09:00-17:00, sat 10:00-14:00`; a time that ends before it begins ends the next day.
            zone: a name of the IANA database.

        Raises:
            HoursError: it is none of that, or there is no such time zone.
        """
        time_zone(zone)
        words = text.strip().lower()
        if words == ALWAYS:
            return cls(zone, (((0, DAY_MIN),),) * 7)
        week: list[list[tuple[int, int]]] = [[] for _ in DAYS]
        if words != "never":
            for group in re.split(r"[,;]", words):
                days, *times = group.split()[:100] or [""]
                if not times:
                    raise HoursError(_USAGE)
                for day in _days(days):
                    week[day].extend(_range(time) for time in times)
        return cls(zone, tuple(_merged(day) for day in week))


def _days(text: str) -> list[int]:
    first, _, last = text.partition("-")
    if first not in DAYS or (last or first) not in DAYS:
        raise HoursError(_USAGE)
    start, end = DAYS.index(first), DAYS.index(last or first)
    return [day % 7 for day in range(start, end + 1 if end >= start else end + 8)]


def _range(text: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise HoursError(_USAGE)
    hour, minute, end_hour, end_minute = (int(part) for part in found.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if minute > 59 or end_minute > 59 or start >= DAY_MIN or end > DAY_MIN or start == end:
        raise HoursError(_USAGE)
    return start, end if end > start else end + DAY_MIN


def _merged(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _clock(minute: int) -> str:
    shown = minute if minute <= DAY_MIN else minute - DAY_MIN
    return f"{shown // 60:02}:{shown % 60:02}"
