"""Where a server of ours listens, as the command line says it.

What lives here: hosts and ports from arguments. It must not know which server it is.
"""

from __future__ import annotations

import socket
import time
from argparse import ArgumentTypeError
from contextlib import closing

from deliveries.errors import CannotStart

PORT_LIMIT = 65536
POLL_SECONDS = 0.1


def port_number(text: str) -> int:
    """Return a port from the command line."""
    if not text.isdecimal() or not 0 < int(text) < PORT_LIMIT:
        raise ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def host_address(text: str) -> str:
    """Return the address of a host from the command line: the server takes no names."""
    try:
        return str(socket.getaddrinfo(text.strip("[]"), 0, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise ArgumentTypeError(f"{text!r} is not a host of this machine") from error


def refuse_taken_port(host: str, *, port: int, wait_seconds: float = 0.0) -> None:
    """Raise CannotStart when somebody else listens there; one that is just ending gets so much time.

    The web server would share the port with whoever has it, and each would get a part of the requests.
    """
    give_up = time.monotonic() + wait_seconds
    while trouble := _trouble_with(host, port):
        if time.monotonic() >= give_up:
            raise CannotStart(f"cannot listen on {host} port {port} ({trouble}); choose with --host and --port")
        time.sleep(POLL_SECONDS)


def _trouble_with(host: str, port: int) -> str:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.strerror or str(error)
    return ""
