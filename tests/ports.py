"""Free ports for tests.

What lives here: choosing ports that nobody listens on, below the range that the kernel hands out by
itself, so that no outgoing connection takes one meanwhile.
"""

from __future__ import annotations

import random
import socket

RANGE = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """So many different free ports."""
    candidates = random.SystemRandom().sample(RANGE, len(RANGE))
    return [port for port, _ in zip(filter(is_free, candidates), range(count), strict=False)]


def is_free(port: int) -> bool:
    """Whether nobody listens on the port."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
