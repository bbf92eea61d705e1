"""What the doctor asks without the database: settings, where requests may go, mail, disk, broker.

What lives here: one function for each, which yields findings. It must not know a table.
"""

from __future__ import annotations

import platform
import shutil
import smtplib
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import dramatiq
from django.core.mail import get_connection

from deliveries import __version__
from deliveries.api.readiness import broker_word
from deliveries.checks import is_local, misspelt_settings, problems_of
from deliveries.conf import conf
from deliveries.errors import reason_of
from deliveries.management.doctor.diagnosis import Diagnosis, fail, ok, warn
from deliveries.services.process.readiness import OK

PROXY_SECONDS = 3.0
SCARCE, VERY_SCARCE = 0.1, 0.03  # of a disk
BROKER_ADVICE = {
    "unreachable": "Start it, or correct BROKER_URL. Until then one worker delivers: see docs/runbooks.md.",
    "does not answer": "It is stopped or overloaded; restart it, nothing in it is worth keeping.",
    "full": "Give it memory, and the policy noeviction; look who else uses it.",
    "not allowed": "The password is wrong, or a right is missing: docs/operations.md, Brokers, has those it needs.",
    "read-only": "BROKER_URL leads to a replica: name the master, or Sentinel.",
    "is a cluster": "Redis Cluster is not supported: name a single server, or Sentinel.",
    "has our queues of another type": "Name another vhost, or delete them: they hold nothing that PostgreSQL has not.",
    "its certificate is not trusted": "Name its authority: ?ssl_ca_certs=/path/of/ca.pem in BROKER_URL.",
    "its certificate has expired": "Renew it. Until then one worker delivers: see docs/runbooks.md.",
    "its certificate is of another host": "Name the host in BROKER_URL as its certificate does.",
    "wants a certificate of ours": "Name it in BROKER_URL: ?ssl_certfile=/path/of/cert.pem, and ssl_keyfile.",
    "our certificate has expired": "Renew the one that ssl_certfile in BROKER_URL names.",
    "does not trust our certificate": "Tell it the authority of the one that ssl_certfile in BROKER_URL names.",
    "refuses our TLS": "It wants a certificate of ours (ssl_certfile in BROKER_URL), or other versions of TLS.",
    "speaks no TLS": "Name its port for TLS in BROKER_URL, or redis:// and amqp:// in place of rediss:// and amqps://.",
}


def versions() -> Iterator[Diagnosis]:
    """What runs here."""
    yield ok("versions", f"Hookpost {__version__}, Python {platform.python_version()}, {platform.node()}")


def settings() -> Iterator[Diagnosis]:
    """What is wrong or risky about the settings together; each alone was judged at start."""
    found = [
        (fail if each.is_serious() else warn)("settings", f"{each.msg} ({each.id})", each.hint or "Correct it.")
        for each in (*problems_of(conf), *misspelt_settings())
    ]
    yield from found or [ok("settings", "nothing is wrong or risky about them")]


def addresses() -> Iterator[Diagnosis]:
    """Where endpoints may lead, and whether the way out is there."""
    targets = ", ".join(map(str, conf.allow_targets))
    yield ok("addresses", "public addresses" + (f", and of private ones {targets}" if targets else " only"))
    if conf.egress_proxy:
        parts = urlsplit(conf.egress_proxy)
        try:
            socket.create_connection((parts.hostname or "", parts.port or 3128), timeout=PROXY_SECONDS).close()
        except OSError as error:
            yield fail("egress proxy", f"cannot be reached ({reason_of(error)})", "No request leaves without it.")
        else:
            yield ok("egress proxy", "can be reached; it must refuse private addresses itself")
    elif not conf.egress_addresses and not is_local(conf.base_url):
        do = "Publish them in HOOKPOST_EGRESS_ADDRESSES: receivers' firewalls want to know."
        yield warn("addresses", "no egress addresses are published", do)


def mail() -> Iterator[Diagnosis]:
    """Whether the mail server lets us in; nothing is sent."""
    if not conf.email_url:
        yield ok("mail", "is printed, as HOOKPOST_EMAIL_URL is empty")
        return
    server = get_connection()
    try:
        server.open()
    except (OSError, smtplib.SMTPException) as error:
        yield fail("mail", f"the server does not let us in: {reason_of(error)}", "Correct HOOKPOST_EMAIL_URL.")
    else:
        yield ok("mail", f"{urlsplit(conf.email_url).hostname} lets us in")
        server.close()


def disk() -> Iterator[Diagnosis]:
    """Room for the embedded services; another PostgreSQL's disk is seen from its own host only."""
    if conf.database_url:
        yield ok("disk", "of PostgreSQL is for its own host to watch")
        return
    usage = shutil.disk_usage(conf.data_dir)
    share, says = usage.free / usage.total, f"{usage.free / 1e9:.1f} GB are free for {conf.data_dir}"
    do = "Make room, or lower HOOKPOST_RETENTION_DAYS: a full disk stops everything."
    yield (
        fail("disk", says, do)
        if share < VERY_SCARCE
        else warn("disk", says, do)
        if share < SCARCE
        else ok("disk", says)
    )


def broker() -> Iterator[Diagnosis]:
    """Whether a message can be put into the broker and taken away again."""
    word = broker_word()
    if word != OK:
        yield fail("broker", word, BROKER_ADVICE.get(word, "Its log, and ours (broker_state), say more."))
        return
    yield ok("broker", f"takes messages and gives them back{_version_of_broker()}")
    yield from _eviction()


def _version_of_broker() -> str:
    client = getattr(dramatiq.get_broker(), "client", None)
    if client is None:
        return ""
    about = client.info("server")
    return f"; {about.get('server_name', 'redis')} {about.get('valkey_version', about.get('redis_version'))}"


def _eviction() -> Iterator[Diagnosis]:
    client = getattr(dramatiq.get_broker(), "client", None)
    about = client.info("memory") if client else {}
    if int(about.get("maxmemory", 0)) and about.get("maxmemory_policy") != "noeviction":
        do = "Set maxmemory-policy noeviction; until then messages vanish silently, and deliveries start a second late."
        yield warn("broker", f"throws messages out when it is full ({about['maxmemory_policy']})", do)


CHECKS = (versions, settings, addresses, mail, disk, broker)
