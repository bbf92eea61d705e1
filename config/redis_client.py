"""A client of Redis or Valkey by its URL: one server, or whichever Sentinel says is the master.

What lives here: reading the URL, time limits, and telling a cluster. It must not know what is sent.
"""

from __future__ import annotations

from typing import cast
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from deliveries.protocol.writing.torn_urls import refuse_torn_redis

SENTINEL = "+sentinel"
SENTINEL_PORT = 26_379
OF_SENTINELS = {"sentinel_username": "username", "sentinel_password": "password"}
TIMEOUT_SECONDS = 1.0


def redis_client(url: str, *, timeout_seconds: float = TIMEOUT_SECONDS, tries: int = 1) -> redis.Redis:
    """A client which gives up after one more try: the first may have met a connection that died meanwhile.

    `redis+sentinel://user:password@host:26379,host:26379/service/0` asks the sentinels for the master; `rediss+sentinel://`
    speaks TLS with all of them. Raises ValueError for a URL that cannot be read.
    """
    limits: dict[str, object] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "retry": Retry(NoBackoff(), tries),
    }
    try:
        if urlsplit(url).scheme.endswith(SENTINEL):
            client = _master_of(url, limits)
        else:
            refuse_torn_redis(urlsplit(url))
            client = redis.Redis.from_url(url, **limits)
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # which alone looks at the options; nothing is asked
    except (TypeError, redis.RedisError) as error:
        raise ValueError("has options that nobody knows") from error
    return client


def is_cluster(client: redis.Redis) -> bool:
    """Say whether the server is part of a Redis Cluster, as far as it tells."""
    try:
        about = client.info("cluster")
    except redis.RedisError:
        return False  # away, or not for us to ask: readiness says so
    return bool(about.get("cluster_enabled"))


def _master_of(url: str, limits: dict[str, object]) -> redis.Redis:
    parts = urlsplit(url)
    names, _, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    if not hosts or not service:
        raise ValueError("names no sentinel or no service")
    given = dict(parse_qsl(parts.query))
    asking = {OF_SENTINELS[name]: given.pop(name) for name in list(given) if name in OF_SENTINELS}
    options = _options(parts.scheme.removesuffix(SENTINEL), given) | limits
    user, _, password = names.partition(":")
    sentinel = Sentinel([_place(each) for each in hosts.split(",")], sentinel_kwargs=options | asking, **options)
    return cast(
        redis.Redis,
        sentinel.master_for(
            service, db=int(database or 0), username=unquote(user) or None, password=unquote(password) or None
        ),
    )


def _options(scheme: str, given: dict[str, str]) -> dict[str, object]:
    """Read the options of a URL as redis-py reads them; of TLS only that it is wanted."""
    options = dict(parse_url(f"{scheme}://sentinel/0?{urlencode(given)}"))
    uses_tls = options.pop("connection_class", None) is not None
    for name in ("host", "port", "db", "username", "password"):
        options.pop(name, None)
    return options | ({"ssl": True} if uses_tls else {})


def _place(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if colon and not text.endswith("]") else (text.strip("[]"), SENTINEL_PORT)
