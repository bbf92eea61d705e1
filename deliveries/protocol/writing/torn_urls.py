"""URLs of services that libraries read otherwise than they were meant: a sign of the password ends it, and the rest
becomes a host that is looked up and logged, or is left out.

What lives here: refusals of them. It must not know whose URL it is, nor say a part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult

PORT_LIMIT = 65536


def refuse_torn_database(url: str, parts: Mapping[str, object]) -> None:
    """Raise ValueError where libpq, which found these parts, took some of the password for the place."""
    hosts, database, port = (str(parts.get(key) or "") for key in ("host", "dbname", "port"))
    is_in_host = any("@" in each[1:] for each in hosts.split(","))  # the first one is of an abstract socket
    is_in_name = "@" in database and "%40" not in url
    ports = [each for each in port.split(",") if each]
    if is_in_host or is_in_name or not all(each.isdecimal() and 0 < int(each) < PORT_LIMIT for each in ports):
        raise ValueError("a sign of the password, or a port that is none, ends the name of the host")


def refuse_torn_redis(parts: SplitResult) -> None:
    """Raise ValueError where redis-py would take another place than the one meant: localhost, or database 0."""
    if parts.scheme == "unix":
        is_right = parts.path.startswith("/") and not parts.hostname
    else:
        is_right = not parts.path.strip("/") or parts.path.strip("/").isdecimal()
    if not is_right:
        raise ValueError("names no database by its number, or no socket by its path")
