"""Free ports for tests.

What lives here: choosing ports that nobody listens on, below the range that the kernel hands out by
itself, so that no outgoing connection takes one meanwhile.
"""

from __future__ import annotations

import os
import random
import socket
import sys

RANGE = range(20_000, 32_000)
LASTING = range(18_000, 20_000)  # of those that a whole run keeps, and listens on now and then only
PROCESSES = 8
OWN = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES  # others never pick ours
_kept: list[socket.socket] = []


def free_ports(count: int, *, among: range = RANGE) -> list[int]:
    """So many different free ports, of this test process's part of the range."""
    own = among[OWN::PROCESSES]
    candidates = random.SystemRandom().sample(own, len(own))
    fitting = (port for port in candidates if is_free(port) and (among is not LASTING or keep(port)))
    return [port for _, port in zip(range(count), fitting, strict=False)]


def keep(port: int) -> bool:
    """Keep a port from other runs on this machine until this process ends; false where one of those has it.

    It is not listened on all the time, so being free says nothing. Who has it holds a name that the kernel gives once.
    """
    if sys.platform != "linux":
        return True
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0hookpost-test-port-{port}")
    except OSError:
        name.close()
        return False
    _kept.append(name)
    return True


def is_listening(port: int) -> bool:
    """Whether somebody takes connections there now; a port that was left a moment ago is neither this nor free."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_free(port: int) -> bool:
    """Whether the port can be taken, which is not so while an old connection of it is remembered."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
