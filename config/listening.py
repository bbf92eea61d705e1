"""Where a server of ours listens, as the command line says it.

What lives here: hosts and ports from arguments. It must not know which server it is.
"""

from __future__ import annotations

import socket
from argparse import ArgumentTypeError

PORT_LIMIT = 65536


def port_number(text: str) -> int:
    """Return a port from the command line."""
    if not text.isdecimal() or not 0 < int(text) < PORT_LIMIT:
        raise ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def host_address(text: str) -> str:
    """Return the address of a host from the command line: the server takes no names."""
    try:
        return str(socket.getaddrinfo(text, 0, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise ArgumentTypeError(f"{text!r} is not a host of this machine") from error
