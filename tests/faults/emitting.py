"""The tests' end of an emitter process: orders go in, what was accepted comes out."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.faults.cluster import CHECKOUT, Cluster, kill


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitted:
    """What one order brought: the ids, the longest time that one event took, how often one was refused."""

    ids: set[str]
    longest_seconds: float
    refused: int


class Emitter:
    """A running emitter process; `order` and `report` apart, to do something meanwhile."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.given = 0

    def emit(self, endpoint: Any, count: int, *, wake: bool = True) -> Emitted:
        """Accept so many events for the endpoint's customer, and wait for it."""
        self.order(endpoint, count, wake=wake)
        return self.report()

    def order(self, endpoint: Any, count: int, *, wake: bool = True) -> None:
        """Begin to accept so many events."""
        assert self.process.stdin is not None
        order = {
            "customer": str(endpoint.customer_id),
            "count": count,
            "first": self.given,
            "key": uuid.uuid4().hex,
            "wake": wake,
        }
        self.given += count
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def report(self) -> Emitted:
        """Wait for the end of the oldest order."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the emitter died"
        told = json.loads(line)
        return Emitted(ids=set(told["ids"]), longest_seconds=told["longest_seconds"], refused=told["refused"])


@contextmanager
def emitter(cluster: Cluster, **settings: object) -> Iterator[Emitter]:
    """An emitter process for as long as the block lasts."""
    with (cluster.data_dir / "emitter.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.emitter"],
            cwd=CHECKOUT, env=cluster.environment("emitter", **settings),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    try:
        yield Emitter(process)
    finally:
        kill(process)
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            stream.close()
