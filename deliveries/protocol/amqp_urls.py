"""URLs of RabbitMQ that name several nodes of a cluster.

What lives here: one URL into several. It must not know who connects.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def each_host(url: str) -> list[str]:
    """Return a URL for each host of `amqp://user:password@one:5672,two:5672/vhost`, alike in all else."""
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    return [urlunsplit(parts._replace(netloc=f"{login}{at}{host.strip()}")) for host in hosts.split(",")]
