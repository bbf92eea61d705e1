"""System checks: settings that are wrong or risky together, each with an id of its own.

What lives here: what no single variable can tell (`deliveries/conf.py` checks each alone), and whether the
keyring fits the database. Errors stop `web`, `worker` and `dispatcher`; warnings are told by `manage.py check`.
docs/security.md lists the ids.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import dramatiq
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004
from django.db import ProgrammingError, connection

from deliveries.conf import Conf, conf, misspelt
from deliveries.errors import CannotStart, WrongSetting
from deliveries.provider_checks import is_allowed_literal, problems_of_provider

SHORTEST_SECRET_KEY = 50
SHORTEST_LEASE_SECONDS = 10
WIDEST_TARGET_ADDRESSES = 65_536
WIDEST_TARGET_PORTS = 100
OF_STANDALONE_SERVER = ("hookpost.W008", "hookpost.W009", "hookpost.W010")
METADATA = ipaddress.ip_address("169.254.169.254")


@register(Tags.security)
def check_settings(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Check the settings of this process; proxy, services and mail of another project are its own matter."""
    in_another_project = hasattr(settings, "HOOKPOST")
    found = [*problems_of(conf), *misspelt_settings()]
    return [each for each in found if not (in_another_project and each.id in OF_STANDALONE_SERVER)]


@register(Tags.database)
def check_keyring(app_configs: object, databases: Sequence[str] | None = None, **kwargs: object) -> list[CheckMessage]:
    """Check that the keyring opens what is stored; `manage.py check --database default`."""
    from deliveries.services.housekeeping import keyring  # models are not ready when this file is imported

    if "default" not in (databases or ()):
        return []
    try:
        uses = keyring.stored_keys()
    except ProgrammingError:  # `migrate` asks too, before there are tables: nothing is sealed then
        return []
    if problem := keyring.ring_problem():
        return [Error(problem, hint="Put the key back into the ring.", id="hookpost.E001")]
    lost = sorted({use.key_id for use in uses if not use.opens})
    message = "HOOKPOST_ENCRYPTION_KEYS: stored values open with no key of the ring: " + ", ".join(lost)
    hint = "Their endpoints are not sent to; put the keys back, or rotate the endpoints' secrets."
    return [Warning(message, hint=hint, id="hookpost.W001")] if lost else []


@register(Tags.database)
def check_encoding(app_configs: object, databases: Sequence[str] | None = None, **kwargs: object) -> list[CheckMessage]:
    """Check that the database keeps every character; Debian's makes others than UTF-8 where no locale was set."""
    from deliveries.services.housekeeping import tables

    if "default" not in (databases or ()) or (encoding := tables.server_encoding()) == "UTF8":
        return []
    message = f"DATABASE_URL: the database's encoding is {encoding}, which has not every character of an event"
    hint = "Make it anew: CREATE DATABASE hookpost ENCODING 'UTF8' TEMPLATE template0."
    if tables.are_made():
        return [Warning(message, hint=hint, id="hookpost.W017")]
    return [Error(message, hint=hint, id="hookpost.E017")]  # nothing is lost yet by making it anew


def refuse_to_start() -> None:
    """Raise WrongSetting for the first error, or CannotStart without tables, before a process takes up work."""
    from deliveries.services.housekeeping.keyring import refuse_wrong_ring
    from deliveries.services.housekeeping.tables import refuse_missing_tables

    for each in problems_of(conf):
        if each.is_serious():
            raise WrongSetting(each.msg)
    refuse_unfit_broker()
    refuse_missing_tables()
    refuse_wrong_ring()
    connection.close()  # the thread that asks this only waits from now on, and would hold one as long as it lives


def refuse_unfit_broker() -> None:
    """Raise CannotStart for a broker of a kind that cannot serve; one that is away comes back."""
    refusal = getattr(dramatiq.get_broker(), "refusal", None)
    if refusal is not None and (sentence := refusal()):
        raise CannotStart(sentence)


def problems_of(chosen: Conf) -> Iterator[CheckMessage]:
    """Yield what is wrong or risky about these settings together."""
    yield from _errors(chosen)
    yield from _errors_of_tokens(chosen)
    yield from problems_of_provider(chosen)
    yield from _warnings(chosen)
    if not is_local(chosen.base_url):
        yield from _warnings_in_production(chosen)


def misspelt_settings() -> Iterator[CheckMessage]:
    """Yield a warning for each variable that is meant for a setting, and is none."""
    for name, meant in misspelt():
        yield Warning(f"{name}: there is no such setting", hint=f"{meant} is meant?", id="hookpost.W018")


def is_local(base_url: str) -> bool:
    """Say whether a URL is for this machine only."""
    host = urlsplit(base_url).hostname or "localhost"
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _errors(chosen: Conf) -> Iterator[CheckMessage]:
    if chosen.debug and not is_local(chosen.base_url):
        yield Error(
            "HOOKPOST_DEBUG: debug pages show settings and code; HOOKPOST_BASE_URL is public", id="hookpost.E002"
        )
    if chosen.batch_body_limit_bytes < chosen.body_limit_bytes:
        yield Error(
            "HOOKPOST_BATCH_BODY_LIMIT_BYTES: must not be less than HOOKPOST_BODY_LIMIT_BYTES", id="hookpost.E003"
        )
    if chosen.idempotency_hours > 24 * chosen.retention_days:
        yield Error(
            "HOOKPOST_IDEMPOTENCY_HOURS: keys would outlive the events that they name (HOOKPOST_RETENTION_DAYS)",
            id="hookpost.E004",
        )
    if 0 < 24 * chosen.disable_after_days <= chosen.alert_after_hours:
        yield Error(
            "HOOKPOST_ALERT_AFTER_HOURS: endpoints would be disabled before the alert (HOOKPOST_DISABLE_AFTER_DAYS)",
            id="hookpost.E005",
        )


def _errors_of_tokens(chosen: Conf) -> Iterator[CheckMessage]:
    if bool(chosen.jwt_issuer) != bool(chosen.jwt_jwks_url) or bool(chosen.jwt_issuer) != bool(chosen.jwt_audience):
        yield Error(
            "HOOKPOST_JWT_ISSUER, HOOKPOST_JWT_JWKS_URL and HOOKPOST_JWT_AUDIENCE: all of them, or none",
            id="hookpost.E006",
        )
    host = urlsplit(chosen.jwt_jwks_url).hostname or ""
    if chosen.jwt_jwks_url.startswith("http://") and not is_allowed_literal(host, chosen):
        hint = "Whoever is on the way could put keys of their own there."
        yield Error(
            "HOOKPOST_JWT_JWKS_URL: plain http, and its address is none of HOOKPOST_ALLOW_TARGETS",
            hint=hint,
            id="hookpost.E007",
        )


def _warnings(chosen: Conf) -> Iterator[CheckMessage]:
    if chosen.secret_key and len(chosen.secret_key) < SHORTEST_SECRET_KEY:
        hint = f"Use at least {SHORTEST_SECRET_KEY} random characters."
        yield Warning("HOOKPOST_SECRET_KEY: is short enough to be guessed", hint=hint, id="hookpost.W002")
    if chosen.lease_seconds < SHORTEST_LEASE_SECONDS:
        hint = "A worker that stands still for a moment loses its lanes, and events are sent twice."
        yield Warning("HOOKPOST_LEASE_SECONDS: is very short", hint=hint, id="hookpost.W003")
    if "*" in chosen.allowed_hosts:
        hint = "Name the hosts: links are made of the Host header."
        yield Warning("HOOKPOST_ALLOWED_HOSTS: every name is answered to", hint=hint, id="hookpost.W004")
    if chosen.allow_http:
        hint = "Payloads go over the network readable; use HOOKPOST_ALLOW_TARGETS for single targets."
        yield Warning("HOOKPOST_ALLOW_HTTP: endpoints may use plain http", hint=hint, id="hookpost.W005")
    for target in chosen.allow_targets:
        is_wide = target.network.num_addresses > WIDEST_TARGET_ADDRESSES
        if is_wide or target.last_port - target.port > WIDEST_TARGET_PORTS or METADATA in target.network:
            hint = "Members choose URLs: what is allowed here, they reach. Name single addresses and ports."
            yield Warning(f"HOOKPOST_ALLOW_TARGETS: {target} is wide open", hint=hint, id="hookpost.W006")


def _warnings_in_production(chosen: Conf) -> Iterator[CheckMessage]:
    if chosen.base_url.startswith("http://"):
        hint = "API keys and sessions go over the network readable; put a proxy with TLS in front."
        yield Warning("HOOKPOST_BASE_URL: is plain http and not of this machine", hint=hint, id="hookpost.W007")
    elif not chosen.trusted_proxy:
        hint = "Without it nothing knows that a request came over https: no HSTS, no redirect from http."
        yield Warning("HOOKPOST_TRUSTED_PROXY: is off and HOOKPOST_BASE_URL is https", hint=hint, id="hookpost.W008")
    if not (chosen.database_url and chosen.broker_url):
        hint = "The embedded services are one process on one disk, without backups; see docs."
        yield Warning("DATABASE_URL, BROKER_URL: the embedded services are in use", hint=hint, id="hookpost.W009")
    if not chosen.email_url:
        hint = "Alerts before an endpoint is disabled are printed, and nobody reads them."
        yield Warning("HOOKPOST_EMAIL_URL: is empty, so no mail is sent", hint=hint, id="hookpost.W010")
    if not chosen.alert_mail:
        hint = "When the encryption key is wrong, nothing is sent, and only the log says so."
        yield Warning("HOOKPOST_ALERT_MAIL: is empty, so the operator gets no alerts", hint=hint, id="hookpost.W012")
    if chosen.require_2fa == "false":
        hint = "Set it to staff, once the staff have set theirs up."
        yield Warning("HOOKPOST_REQUIRE_2FA: a password is all it takes to log in", hint=hint, id="hookpost.W011")
