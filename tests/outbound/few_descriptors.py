"""A process of its own that may open hardly any file: prints what the engine made of that, as JSON.

Lives here: what test_descriptors.py runs apart, because a limit holds for a whole process.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from collections.abc import Iterator

from deliveries.outbound.client import prepared_post, send_one
from deliveries.outbound.guard import Guard
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.answer import Answer
from tests.outbound.one_receiver import OK, OneReceiver
from tests.outbound.shared import finish_all

AT_ONCE = 8


@contextlib.contextmanager
def no_more_than(more: int) -> Iterator[None]:
    """Let this process open so many more descriptors within the block, and none after that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = []
    for _ in range(more + 1):
        free.append(os.dup(0))
    for descriptor in free:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[-1], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def several(transfers: Transfers, url: str) -> list[tuple[str, str]]:
    """Send a few requests at the same time."""
    for number in range(AT_ONCE):
        transfers.start(prepared_post(url, [], b"{}"), tag=number, timeout_seconds=60)
    return sorted({shown(answer) for answer in finish_all(transfers).values()})


def shown(answer: Answer) -> tuple[str, str]:
    """How a request ended."""
    return answer.error or str(answer.status), answer.detail


def main() -> None:
    """Send without a descriptor left, with one, and with enough."""
    receiver = OneReceiver([OK], [OK])
    by_name = receiver.url.replace("127.0.0.1", "localhost")
    with Transfers(rule=Guard(receiver.targets)) as transfers:
        found = {}
        with no_more_than(0):
            found["none"] = several(transfers, receiver.url)
            found["none, by name"] = several(transfers, by_name)
        with no_more_than(1):
            found["one"] = several(transfers, receiver.url)
        with receiver:  # not before: its thread could not accept without a descriptor either
            found["enough"] = [shown(send_one(prepared_post(receiver.url, [], b"{}"), transfers=transfers))]
            found["enough, by name"] = [shown(send_one(prepared_post(by_name, [], b"{}"), transfers=transfers))]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
