"""Reads a time code off an X server's screen as fast as it changes, and measures the CPU of process trees."""

import threading
import time
from dataclasses import dataclass, field

import psutil

from tests.harness import timecode
from tests.harness.display import ScreenReader
from tests.harness.timecode import Place

PAUSE_S = 0.002


@dataclass(slots=True)
class Sightings:
    """When each code was first seen: its value, its age in milliseconds and the moment (`time.time()`)."""

    values: list[int] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)

    def fps(self) -> float:
        """Different pictures a second, over the whole time."""
        if len(self.moments) < 2:
            return 0.0
        return (len(self.moments) - 1) / (self.moments[-1] - self.moments[0])

    def in_first_second(self) -> int:
        """Different pictures in the second that begins with the first one."""
        return sum(1 for moment in self.moments if moment < self.moments[0] + 1.0) if self.moments else 0


class Probe:
    """Watches a part of a screen where a code is or will be. All methods block: call them in a thread.

    Args:
        display: the X server's name.
    """

    def __init__(self, display: str) -> None:
        self._reader = ScreenReader(display)
        self.stop = threading.Event()

    def find(self, area: Place, within_s: float) -> Place | None:
        """Where on the screen the code is; waits for it to appear.

        Args:
            area: the part of the screen that is searched.
            within_s: None is returned when this many seconds are over.
        """
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and not self.stop.is_set():
            pixels = self._reader.grab(area.x, area.y, area.width, area.height)
            place = timecode.find(pixels, area.width, area.height, area.width * 4)
            if place is not None and timecode.read(pixels, area.width * 4, place) is not None:
                return Place(area.x + place.x, area.y + place.y, place.width, place.height)
            time.sleep(0.05)
        return None

    def read(self, place: Place) -> int | None:
        """The code that is on the screen now."""
        pixels = self._reader.grab(place.x, place.y, place.width, place.height)
        return timecode.read(pixels, place.width * 4, Place(0, 0, place.width, place.height))

    def watch(self, place: Place, seconds: float, *, after_ms: float = 0.0) -> Sightings:
        """Watch for a while; a code drawn before `after_ms` (wall clock) does not count.

        The first sighting starts the clock, so that waiting for a first picture is no part of the time.
        """
        found = Sightings()
        last = None
        deadline = time.monotonic() + 30.0
        while time.monotonic() < deadline and not self.stop.is_set():
            value = self.read(place)
            now = time.time()
            if value is not None and value != last and timecode.age_ms(value, after_ms) <= 0:
                if last is None:
                    deadline = time.monotonic() + seconds
                last = value
                found.values.append(value)
                found.ages_ms.append(timecode.age_ms(value, now * 1000))
                found.moments.append(now)
            time.sleep(PAUSE_S)
        return found

    def close(self) -> None:
        """Let go of the screen."""
        self._reader.close()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all that descend from it, reaped children included."""
    total = 0.0
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    except psutil.NoSuchProcess:
        return total
    return total


def machine_seconds() -> float:
    """CPU time of the whole machine that was not idle, in seconds over all cores."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - times.guest - times.guest_nice)
