"""Free ports for tests.

What lives here: choosing ports that nobody listens on, below the range that the kernel hands out by
itself, so that no outgoing connection takes one meanwhile.
"""

from __future__ import annotations

import os
import random
import socket

RANGE = range(20_000, 32_000)
LASTING = range(18_000, 20_000)  # of those that a whole run keeps, and listens on now and then only
PROCESSES = 8
OWN = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES  # others never pick ours


def free_ports(count: int, *, among: range = RANGE) -> list[int]:
    """So many different free ports, of this test process's part of the range."""
    own = among[OWN::PROCESSES]
    candidates = random.SystemRandom().sample(own, len(own))
    return [port for port, _ in zip(filter(is_free, candidates), range(count), strict=False)]


def is_free(port: int) -> bool:
    """Whether nobody listens on the port."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
