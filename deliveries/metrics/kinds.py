"""Counters, gauges and histograms over the numbers of memory.py, each with all its series from the start.

What lives here: how a value becomes numbers. A metric has one label at most, whose values are known beforehand; any
other value counts as `other`. It must not know Prometheus' text format.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from deliveries.metrics.memory import memory

OTHER = "other"

Sample = tuple[str, float]  # the label's value, and the number

METRICS: list[Metric] = []


class Metric:
    """What all kinds have: a name, a meaning, perhaps a label."""

    def __init__(self, name: str, meaning: str, *, label: str = "") -> None:
        self.name, self.meaning, self.label = name, meaning, label
        METRICS.append(self)


class Counter(Metric):
    """A number that only grows; its name ends with `_total`."""

    def __init__(self, name: str, meaning: str, *, label: str = "", values: Sequence[str] = ()) -> None:
        super().__init__(name, meaning, label=label)
        named = [*values, OTHER] if label else [""]
        first = memory.reserve(len(named))
        self._places = {value: first + place for place, value in enumerate(named)}

    def add(self, amount: float = 1, value: str = "") -> None:
        """Count one, or so many."""
        places = self._places
        place = places[value] if value in places else places[OTHER]
        with memory.lock:
            memory.mine[place] += amount

    def add_each(self, amounts: Mapping[str, float]) -> None:
        """Count several series at once."""
        places = self._places
        with memory.lock:
            for value, amount in amounts.items():
                memory.mine[places[value] if value in places else places[OTHER]] += amount

    def samples(self) -> Iterator[Sample]:
        """Yield each series."""
        return ((value, memory.sum(place)) for value, place in self._places.items())


class Gauge(Metric):
    """A number of this moment; over several processes of a web server it is their sum."""

    def __init__(self, name: str, meaning: str) -> None:
        super().__init__(name, meaning)
        self._place = memory.reserve(1, of_the_moment=True)
        self.read: Callable[[], float] | None = None  # asks somebody who knows, when it is looked at

    def set(self, value: float) -> None:
        """Note the number."""
        memory.mine[self._place] = value

    def samples(self) -> Iterator[Sample]:
        """Yield the one series."""
        yield "", self.read() if self.read else memory.sum(self._place)


class Histogram(Metric):
    """How often values lay at or below each bound, and their sum."""

    def __init__(self, name: str, meaning: str, *, bounds: Sequence[float]) -> None:
        super().__init__(name, meaning)
        self.bounds = tuple(bounds)
        self._first = memory.reserve(len(bounds) + 2)
        self._total = self._first + len(bounds) + 1
        self._place_of = partial(bisect_left, self.bounds)

    def observe(self, value: float) -> None:
        """Count one value: for each event there are several, so past `add_counts`."""
        place = self._first + self._place_of(value)
        with memory.lock:
            memory.mine[place] += 1
            memory.mine[self._total] += value

    def timed(self) -> _Timed:
        """Count how many seconds the block takes, also one that fails."""
        return _Timed(self)

    def observe_all(self, values: Sequence[float]) -> None:
        """Count many values at once."""
        if len(values) == 1:
            self.observe(max(0.0, values[0]))
        elif values:
            self.add_counts(Counts(map(self._place_of, values)), total=max(0.0, sum(values)))

    def add_counts(self, counts: Mapping[int, int], *, total: float) -> None:
        """Add to buckets by their place; `total` is the sum of the values."""
        first = self._first
        with memory.lock:
            for place, count in counts.items():
                memory.mine[first + place] += count
            memory.mine[self._total] += total

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Return how many values lay at or below each bound, the last of which is +Inf, and the sum of all."""
        found, reached = [], 0.0
        for place, bound in enumerate([*map(_text_of, self.bounds), "+Inf"]):
            reached += memory.sum(self._first + place)
            found.append((bound, reached))
        return found, memory.sum(self._total)


class _Timed:
    """A block that is timed. No generator: those cost an event that comes alone twice as many calls."""

    __slots__ = ("_histogram", "_started")

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *raised: object) -> None:
        self._histogram.observe(time.monotonic() - self._started)


def _text_of(bound: float) -> str:
    return str(float(bound))
