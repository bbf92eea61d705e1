"""What judging every address costs: the engine with the guard, and with a rule that lets all through."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.filling import DATA
from bench.floor import signed_headers
from bench.report import Figure
from bench.stage import Stage

REQUESTS = 5000
IN_FLIGHT = 100
ROUNDS = 5


class LetThrough:
    """A rule that judges nothing."""

    def permits(self, address: str, port: int) -> bool:
        """Say yes."""
        return True


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield the engine's cost per request, with its ratio to the engine without a guard; best of some rounds."""
    from deliveries.outbound.client import new_transfers
    from deliveries.outbound.multi import Transfers

    guarded, free = [], []
    with new_transfers() as careful, Transfers(rule=LetThrough()) as careless:
        for _ in range(ROUNDS):
            guarded.append(cpu_microseconds(careful, url=stage.nginx.url()))
            free.append(cpu_microseconds(careless, url=stage.nginx.url()))
    yield Figure(
        name="engine_cpu_per_request",
        value=min(guarded),
        unit="us",
        ratio={"without_guard": min(guarded) / min(free)},
        note="prepared, sent and answered over kept connections, without database",
    )


def cpu_microseconds(transfers: object, *, url: str) -> float:
    """Send and return the processor time of one request."""
    from deliveries.outbound.client import prepared_post
    from deliveries.outbound.multi import Transfers

    assert isinstance(transfers, Transfers)
    headers = [(name, value) for name, _, value in (line.partition(": ") for line in signed_headers(1, DATA)[:-1])]
    started, sent = time.process_time(), 0
    while sent < REQUESTS or transfers.in_flight:
        while sent < REQUESTS and transfers.in_flight < IN_FLIGHT:
            transfers.start(prepared_post(url, headers, DATA), tag=None, timeout_seconds=15)
            sent += 1
        assert all(answer.status == 204 for _, answer in transfers.finish(wait_seconds=1.0))
    return (time.process_time() - started) / REQUESTS * 1e6
