"""Figures of a benchmark: printed as a table with their bounds, and written to `benchmarks/results/NAME.json`."""

import json
import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
QUIET = 0.7
"""Load average of the last minute above which other work on the machine would be measured too."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    `at_most` and `at_least` are what the product promises; `aim` is what we would like, and is only shown.
    """

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    aim: float | None = None

    def met(self) -> bool:
        """Whether the promise is kept; True where nothing is promised."""
        if self.value != self.value:  # not a number: not measured
            return False
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    def bound(self) -> str:
        """The promise in characters, e.g. `≤ 0.6 (aim 0.5)`."""
        words = []
        if self.at_most is not None:
            words.append(f"≤ {self.at_most:g}")
        if self.at_least is not None:
            words.append(f"≥ {self.at_least:g}")
        if self.aim is not None:
            words.append(f"(aim {self.aim:g})")
        return " ".join(words)


def load() -> tuple[float, float, float]:
    """The machine's load averages of 1, 5 and 15 minutes."""
    return os.getloadavg()


def machine() -> dict[str, object]:
    """What was measured on: enough to compare two runs, nothing that names the machine."""
    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


@dataclass(slots=True)
class Report:
    """Collects the figures of one benchmark. Make it before measuring: it notes the load it starts from.

    Args:
        name: of the benchmark, also of its results file.
    """

    name: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    load_before: tuple[float, float, float] = field(default_factory=load)
    started: float = field(default_factory=time.time)

    def add(
        self,
        name: str,
        value: float,
        unit: str = "",
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        aim: float | None = None,
    ) -> None:
        """Add one figure; `value` may be NaN for one that could not be measured."""
        self.figures.append(Figure(name, value, unit, at_most, at_least, aim))

    def note(self, text: str) -> None:
        """Add a line to be printed under the table and kept with the figures."""
        self.notes.append(text)

    def mark_invalid(self, why: str) -> None:
        """Say that the run must not be quoted, and why."""
        self.invalid.append(why)

    def finish(self) -> bool:
        """Print the table, write the file; whether every promise is kept and the run counts."""
        load_after = load()
        rows = [("figure", "value", "unit", "promise", "")]
        rows += [(f.name, f"{f.value:.4g}", f.unit, f.bound(), "" if f.met() else "NOT MET") for f in self.figures]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        print(f"\n{self.name}")
        for row in rows:
            cells = [
                cell.rjust(w) if column == 1 else cell.ljust(w)
                for column, (cell, w) in enumerate(zip(row, widths, strict=True))
            ]
            print("  " + "  ".join(cells).rstrip())
        print(f"  load before {_loads(self.load_before)}, after {_loads(load_after)}")
        for text in self.notes:
            print(f"  {text}")
        for text in self.invalid:
            print(f"  INVALID: {text}")
        RESULTS.mkdir(parents=True, exist_ok=True)
        body = {
            "figures": {f.name: None if f.value != f.value else round(f.value, 4) for f in self.figures},
            "machine": {**machine(), "load_before": self.load_before, "load_after": load_after},
            "invalid": self.invalid,
            "notes": self.notes,
            "measured": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
        }
        (RESULTS / f"{self.name}.json").write_text(
            json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        return not self.invalid and all(f.met() for f in self.figures)


def _loads(values: tuple[float, float, float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0…1) of the values lie, by linear interpolation; NaN of none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
