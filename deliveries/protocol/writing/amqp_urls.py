"""URLs of RabbitMQ: several nodes of a cluster, and the files of TLS by the names that URLs of Redis have for them.

What lives here: one URL into several, as pika reads them. It must not know who connects.
"""

from __future__ import annotations

import ssl
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

# As URLs of Redis have them, and what pika calls them.
TLS_FILES = {
    "ssl_ca_certs": "ca_certs",
    "ssl_certfile": "certfile",
    "ssl_keyfile": "keyfile",
    "ssl_password": "password",
}


def each_host(url: str) -> list[str]:
    """Return a URL for each host of `amqp://user:password@one:5672,two:5672/vhost`, alike in all else."""
    parts = urlsplit(with_tls_files(url))
    login, at, hosts = parts.netloc.rpartition("@")
    return [urlunsplit(parts._replace(netloc=f"{login}{at}{host.strip()}")) for host in hosts.split(",")]


def with_tls_files(url: str) -> str:
    """Return the URL with the files of TLS in pika's words; without an authority of one's own the system's count."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    files = {theirs: given.pop(ours) for ours, theirs in TLS_FILES.items() if ours in given}
    if files:
        files.setdefault("ca_certs" if "ca_certs" in files else "ca_path", str(ssl.get_default_verify_paths().capath))
        given["ssl_options"] = repr(files)
    return urlunsplit(parts._replace(query=urlencode(given)))
