"""Settings: read from the environment once, checked, frozen.

What lives here: the variables that Hookpost reads, each with its type, default and meaning, and by their classes those
of the groups beside this file (`docs/configuration.md` is made from both). It must not know Django.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches

from deliveries.address_variables import addresses, broker_url, hosts, origins, sender, site, url
from deliveries.errors import WrongSetting
from deliveries.network_settings import NetworkSettings
from deliveries.variables import as_text, between, cell, choice, folder, keys, setting, text, truth, written

NEAREST = 0.8  # of two names: what a container is given by others, such as HOOKPOST_WEB_PORT, is further off


@dataclass(frozen=True, slots=True, kw_only=True)
class Conf(NetworkSettings):
    """All settings of one process: those of each group, and the others."""

    data_dir: str = setting(
        "HOOKPOST_DATA", "var", folder, "Folder of the embedded PostgreSQL and Valkey, and of generated keys."
    )
    database_url: str = setting(
        "DATABASE_URL", "", url("postgres", "postgresql"), "PostgreSQL 15 or newer; empty starts the embedded one."
    )
    broker_url: str = setting(
        "BROKER_URL",
        "",
        broker_url("redis", "rediss", "redis+sentinel", "rediss+sentinel", "amqp", "amqps", "unix"),
        "Redis, Valkey or RabbitMQ; empty starts the embedded Valkey. With Sentinel `redis+sentinel://user:password@host:26379,host:26379/service/0`, with a cluster of RabbitMQ `amqp://user:password@host:5672,host:5672/vhost?queue_type=quorum`.",
    )
    secret_key: str = setting(
        "HOOKPOST_SECRET_KEY", "", text, "Signs sessions and links; empty makes one and keeps it in the data folder."
    )
    encryption_keys: tuple[tuple[str, str], ...] = setting(
        "HOOKPOST_ENCRYPTION_KEYS",
        "",
        keys,
        "Keyring for secrets at rest, `id:base64` of 32 bytes, comma separated; the first encrypts, all decrypt; empty makes one and keeps it in the data folder.",
    )
    base_url: str = setting(
        "HOOKPOST_BASE_URL",
        "http://127.0.0.1:8000",
        site,
        "Where people and services reach Hookpost; used in links and thin payloads.",
    )
    cell: str = setting(
        "HOOKPOST_CELL",
        "",
        cell,
        "Name of this cell, where there are several (docs/cells.md); every metric carries it.",
    )
    cells: str = setting(
        "HOOKPOST_CELLS",
        "",
        text,
        "Folder with the settings of the other cells, one file NAME.env each, for `move_customer`.",
    )
    allowed_hosts: tuple[str, ...] = setting(
        "HOOKPOST_ALLOWED_HOSTS", "", hosts, "Host names to answer to besides the one in HOOKPOST_BASE_URL; * for all."
    )
    frame_ancestors: tuple[str, ...] = setting(
        "HOOKPOST_FRAME_ANCESTORS",
        "",
        origins,
        "Whose pages may show the portal in a frame, below /embedded/; empty: nobody's, and there is no such path.",
    )
    debug: bool = setting("HOOKPOST_DEBUG", "false", truth, "Django's debug pages. Never in production.")
    log_level: str = setting(
        "HOOKPOST_LOG_LEVEL", "INFO", choice("DEBUG", "INFO", "WARNING", "ERROR"), "Least level of what is logged."
    )
    log_format: str = setting("HOOKPOST_LOG_FORMAT", "text", choice("text", "json"), "How log lines are written.")
    log_failed_percent: int = setting(
        "HOOKPOST_LOG_FAILED_PERCENT", "0", between(0, 100), "How many of the failed attempts have a line in the log."
    )
    log_succeeded_percent: int = setting(
        "HOOKPOST_LOG_SUCCEEDED_PERCENT", "0", between(0, 100), "How many of those that succeeded have one."
    )
    hsts_seconds: int = setting(
        "HOOKPOST_HSTS_SECONDS",
        "31536000",
        between(0, 63_072_000),
        "How long browsers insist on https after a visit, where HOOKPOST_BASE_URL is https; 0 sends no such header.",
    )
    require_2fa: str = setting(
        "HOOKPOST_REQUIRE_2FA",
        "false",
        choice("false", "staff", "all"),
        "Who must set up a second factor for the log-in; whoever has one is asked for it in any case.",
    )
    trusted_proxy: bool = setting(
        "HOOKPOST_TRUSTED_PROXY",
        "false",
        truth,
        "Believe X-Forwarded-Proto and the last entry of X-Forwarded-For, as the proxy in front sets them; only it may reach us.",
    )
    email_url: str = setting(
        "HOOKPOST_EMAIL_URL", "", url("smtp", "smtps"), "smtp://user:password@host:port; empty prints to the console."
    )
    email_from: str = setting("HOOKPOST_EMAIL_FROM", "hookpost@localhost", sender, "Sender of alerts.")
    alert_mail: tuple[str, ...] = setting(
        "HOOKPOST_ALERT_MAIL", "", addresses, "Who of the operator's gets the alerts, besides the members concerned."
    )
    alert_after_hours: int = setting(
        "HOOKPOST_ALERT_AFTER_HOURS", "24", between(1, 8760), "Hours of nothing but failures before an alert."
    )

    body_limit_bytes: int = setting(
        "HOOKPOST_BODY_LIMIT_BYTES", "262144", between(1024, 16_777_216), "Largest body of one event."
    )
    batch_body_limit_bytes: int = setting(
        "HOOKPOST_BATCH_BODY_LIMIT_BYTES", "16777216", between(1024, 134_217_728), "Largest request to /events/batch."
    )
    body_seconds: int = setting(
        "HOOKPOST_BODY_SECONDS",
        "10",
        between(1, 600),
        "How long each 256 KB of a request's body may take to come, besides 4 s for the bytes; then the connection is ended.",
    )
    api_rate_limit: int = setting(
        "HOOKPOST_API_RATE_LIMIT",
        "0",
        between(0, 1_000_000),
        "Requests a minute of one API key, except posting events; 0 is without limit.",
    )
    challenge: str = setting(
        "HOOKPOST_CHALLENGE", "off", choice("off", "own", "cloudevents", "either"), "What a new URL answers first."
    )
    unknown_event_types: str = setting(
        "HOOKPOST_UNKNOWN_EVENT_TYPES",
        "accept",
        choice("accept", "reject"),
        "What to do with an event whose type is not registered.",
    )
    retention_days: int = setting(
        "HOOKPOST_RETENTION_DAYS", "30", between(1, 3650), "How long events, deliveries and attempts are kept."
    )
    clock_tolerance_seconds: int = setting(
        "HOOKPOST_CLOCK_TOLERANCE_SECONDS",
        "30",
        between(1, 120),
        "How far a host's clock may be from the database's; a host that is further off accepts, sends and drops nothing.",
    )
    audit_days: int = setting(
        "HOOKPOST_AUDIT_DAYS", "730", between(0, 36_500), "How long the audit trail is kept; 0 keeps it for ever."
    )
    job_days: int = setting("HOOKPOST_JOB_DAYS", "90", between(1, 3650), "How long bulk jobs that have ended are kept.")
    idempotency_hours: int = setting(
        "HOOKPOST_IDEMPOTENCY_HOURS", "24", between(24, 720), "How long an Idempotency-Key is remembered."
    )

    endpoints_per_customer: int = setting(
        "HOOKPOST_ENDPOINTS_PER_CUSTOMER",
        "100",
        between(1, 100_000),
        "Endpoints that a customer may have, unless its `endpoint_limit` says otherwise.",
    )
    jobs_per_customer: int = setting(
        "HOOKPOST_JOBS_PER_CUSTOMER",
        "10",
        between(1, 1000),
        "Bulk jobs that a customer may have under way; what staff and service keys start for it counts apart.",
    )

    resume_rate: int = setting(
        "HOOKPOST_RESUME_RATE",
        "200",
        between(1, 100_000),
        "Held deliveries a second that a resumed endpoint drains, unless its own rate limit is lower.",
    )
    disable_after_days: int = setting(
        "HOOKPOST_DISABLE_AFTER_DAYS",
        "5",
        between(0, 365),
        "Days of nothing but failures after which an endpoint is disabled; 0 never disables.",
    )
    retest_days: int = setting(
        "HOOKPOST_RETEST_DAYS", "0", between(0, 365), "Days of test events to what was disabled for failing; 0: none."
    )


def load(environ: Mapping[str, str]) -> Conf:
    """Read all settings, or raise WrongSetting with the name of the first wrong one."""
    values = {}
    for each in fields(Conf):
        name, default, parse = (each.metadata[k] for k in ("name", "default", "parse"))
        try:
            values[each.name] = parse(written(environ, name, default=default))
        except ValueError as error:
            raise WrongSetting(f"{name}: {error}") from error
    return Conf(**values)


conf: Conf = load(os.environ)


def misspelt(environ: Mapping[str, str] = os.environ) -> Iterator[tuple[str, str]]:
    """Yield each variable that nobody reads and that looks like a setting, with the setting."""
    known = {each.metadata["name"].removeprefix("HOOKPOST_") for each in fields(Conf)}
    for name in sorted(name.removesuffix("_FILE") for name in environ if name.startswith("HOOKPOST_")):
        word = name.removeprefix("HOOKPOST_")
        if word not in known and (close := get_close_matches(word, known, n=1, cutoff=NEAREST)):
            yield name, f"HOOKPOST_{close[0]}"


def use(given: Mapping[str, object]) -> None:
    """Take what a project's settings say, by names without HOOKPOST_."""
    known = {each.metadata["name"].removeprefix("HOOKPOST_"): each.metadata["name"] for each in fields(Conf)}
    if unknown := given.keys() - known.keys():
        raise WrongSetting(f"HOOKPOST: there is no {', '.join(sorted(unknown))}")
    found = load({**os.environ, **{known[name]: as_text(value) for name, value in given.items()}})
    for each in fields(Conf):
        object.__setattr__(conf, each.name, getattr(found, each.name))  # the one object that all have read already
