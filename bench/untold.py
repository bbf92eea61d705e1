"""The drain of very many lanes in a database that was never analysed, beside the same after ANALYZE."""

from __future__ import annotations

from collections.abc import Iterator

from bench import filling
from bench.drain import drain
from bench.report import Figure
from bench.stage import Stage

ENDPOINTS = 20_000
ROUNDS, FULL_ROUNDS = 2, 4


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield both rates, in turns."""
    rounds = FULL_ROUNDS if full else ROUNDS
    rates: dict[bool, list[float]] = {False: [], True: []}
    with filling.without_autovacuum():
        for number in range(2 * rounds):
            is_told = number % 2 == 1
            prepare = filling.settle if is_told else filling.forget_statistics
            rates[is_told].append(drain(stage, endpoints=ENDPOINTS, each=1, settle=prepare).rate)
    untold, told = (sum(rates[is_told]) / rounds for is_told in (False, True))
    yield Figure(
        name="drain_without_statistics",
        value=untold,
        unit="deliveries/s",
        ratio={"after_analyze": untold / told},
        targets={"after_analyze": ">= 0.8"},
        note=f"{ENDPOINTS} lanes with one due each; {', '.join(f'{rate:.0f}' for rate in rates[False])} a second, and"
        f" {', '.join(f'{rate:.0f}' for rate in rates[True])} after ANALYZE",
    )
