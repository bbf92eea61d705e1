"""Settings as people type them: passwords with signs of a URL in them, quotes, names of hosts in other spellings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config.broker import ValkeyBroker, make_broker
from config.database import database_settings
from deliveries.conf import load
from deliveries.database.connection import NO_CERTIFICATE, defaults
from deliveries.errors import WrongSetting
from tests.config.test_settings import run
from tests.production.databases import KEYS

NOBODY = 65534


@pytest.mark.parametrize("password", ["p@hidden", "p/hidden", "12/hidden", "p%hidden"])
def test_a_password_that_tears_its_url_is_shown_to_nobody(password: str) -> None:
    """Given a sign that libpq takes for the end of the password, then the rest is no host to look up and log."""
    with pytest.raises(WrongSetting, match=r"^DATABASE_URL: .* %2F, %23, %40") as raised:
        database_settings(f"postgresql://hookpost:{password}@db.example.com:5432/hookpost")
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize("port", ["x", "0", "65536", ":1:1"])
def test_a_port_that_is_none_is_a_wrong_setting(port: str) -> None:
    with pytest.raises(WrongSetting, match=r"^DATABASE_URL: "):
        database_settings(f"postgresql://hookpost@db:{port}/hookpost")


def test_an_option_that_is_misspelt_is_named() -> None:
    with pytest.raises(WrongSetting, match=r"^DATABASE_URL: sslmod is no option"):
        database_settings("postgresql://hookpost:p@db/hookpost?sslmod=verify-full")


def test_a_password_that_looks_like_an_option_is_not_named() -> None:
    with pytest.raises(WrongSetting, match=r"^DATABASE_URL: .* %2F, %23, %40") as raised:
        database_settings("postgresql://hookpost:p@x?hidden=1&y@db/hookpost")
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "host", "name"),
    [
        ("postgresql://h:p%40%3A%2F%25%23%3Fw@[::1]:5432/Hook-Post", "::1", "Hook-Post"),
        ("postgresql://h:p#w?:@one:1,two:2/hookpost", "one,two", "hookpost"),
        ("postgresql://h@/hookpost?host=%2Frun%2Fpostgresql", "/run/postgresql", "hookpost"),
        ("postgresql://h@/hookpost?host=@hidden", "@hidden", "hookpost"),
        ("postgresql:///a%40b", "", "a@b"),
    ],
)
def test_what_libpq_reads_whole_is_taken(url: str, host: str, name: str) -> None:
    found = database_settings(url)
    assert (found["HOST"], found["NAME"]) == (host, name)


@pytest.mark.parametrize(
    "url",
    [
        "redis://valkey:6379/hookpost",
        "redis://:12/hidden@valkey:6379/0",
        "redis://:p/hidden@valkey:6379/0",
        "redis://:p?hidden=1&no_such_option=1@valkey:6379/0",
        "unix://valkey.sock",
        "amqp://a:p/hidden@rabbit/vhost",
        "amqp://a:p?hidden=1@rabbit/vhost",
        "amqp://a@rabbit/vhost?no_such_option=1",
    ],
)
def test_a_broker_is_the_one_that_is_named_or_none(url: str) -> None:
    """Given a URL of which a part would be left out, then nobody rings at another server, or for ever in vain."""
    with pytest.raises(WrongSetting, match=r"^BROKER_URL: .* %2F, %23, %40") as raised:
        make_broker(url)
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://valkey:6379/0?socket_timeout=5&no_such=hidden", "no_such is no option of redis:// URLs"),
        ("redis://valkey:6379/0?ssl_ca_certs=/etc/ssl/certs/ca-certificates.crt", "ssl_ca_certs is no option of redis"),
        ("redis://valkey:6379/0?health_check_interval=hidden", "health_check_interval is no option of redis:// URLs"),
        ("rediss://valkey:6379/0?ssl_cert_reqs=sometimes", "ssl_cert_reqs is no option of rediss:// URLs"),
        ("unix:///valkey.sock?db=1&no_such=1", "no_such is no option of unix:// URLs"),
        ("redis+sentinel://one:26379/queue/0?no_such=1", "no_such is no option of redis+sentinel:// URLs"),
        ("amqp://a:p@rabbit/vhost?queue_type=quorum&no_such=hidden", "no_such is no option of amqp:// URLs"),
        ("amqps://a:p@one,two/vhost?heartbeat=often", "heartbeat is no option of amqps:// URLs"),
    ],
)
def test_an_option_of_a_broker_that_is_misspelt_is_named(url: str, said: str) -> None:
    """Given a password that is written as it should be, then nobody is told to look at it."""
    with pytest.raises(WrongSetting, match=f"^BROKER_URL: {re.escape(said)}") as raised:
        make_broker(url)
    assert "hidden" not in str(raised.value)
    assert "password" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("redis://valkey", {"host": "valkey"}),
        ("redis://[::1]:6379/3", {"host": "::1", "port": 6379, "db": 3}),
        ("rediss://u:p%40@valkey/0", {"host": "valkey", "db": 0, "username": "u", "password": "p@"}),
        ("unix:///a.sock?db=1", {"path": "/a.sock", "db": 1}),
    ],
)
def test_brokers_as_the_page_has_them_are_taken(url: str, read: dict[str, object]) -> None:
    broker = make_broker(url)
    assert isinstance(broker, ValkeyBroker)
    given = broker.client.connection_pool.connection_kwargs
    named = {name: given[name] for name in ("host", "port", "db", "path", "username", "password") if name in given}
    assert named == read


@pytest.mark.parametrize(
    "url",
    [
        "redis://valkey:6379/hookpost",
        "redis://:p?hidden=1&no_such_option=1@valkey:6379/0",
        "amqp://a@rabbit/vhost",
        "postgresql://h:p@hidden@db.example.com/outbox",
        "postgresql://h:p/hidden@db.example.com/outbox",
        "postgresql://h@db.example.com:x/outbox",
    ],
)
def test_events_are_read_from_the_place_that_is_named_or_from_none(url: str) -> None:
    with pytest.raises(CommandError, match=r"this URL cannot be read; .* @ %40") as raised:
        call_command("consume", "--from", url)
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    "place", ["redis://valkey:6379/0", "unix:///valkey.sock", "amqp://a:b@rabbit/vhost", "postgresql://h:p@db/outbox"]
)
def test_an_option_of_where_events_are_read_from_is_named(place: str) -> None:
    with pytest.raises(CommandError, match=r"^--from: no_such is no option of this URL"):
        call_command("consume", "--from", f"{place}?no_such=1")


@pytest.mark.parametrize("name", ["HOOKPOST_SECRET_KEY", "HOOKPOST_ALERT_MAIL", "HOOKPOST_BRAND_NAME", "DATABASE_URL"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_value_that_kept_its_quotes_is_refused(name: str, quote: str, tmp_path: Path) -> None:
    """Given docs/operations.md's file read by `docker run --env-file`, then no letter goes to 'ops@example.com'."""
    file = tmp_path / "value"
    file.write_text(f"{quote}ops@example.com{quote}\n")
    for given in ({name: f"{quote}ops@example.com{quote} "}, {f"{name}_FILE": str(file)}):
        with pytest.raises(WrongSetting, match=f"^{name}: is in quotes"):
            load(given)


@pytest.mark.parametrize("value", ['Bob\'s "hooks"', '"Acme" and "Bob', "'"])
def test_quotes_within_a_value_are_its_own(value: str) -> None:
    assert load({"HOOKPOST_BRAND_NAME": value}).brand_name == value


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("http://[2001:DB8:0::1]:8000", "http://[2001:db8::1]:8000"),
        ("https://höoks.example.com", "https://xn--hoks-5qa.example.com"),
        ("https://Hooks.Example.com:8443/Hooks", "https://hooks.example.com:8443/Hooks"),
    ],
)
def test_the_base_url_names_its_host_as_requests_do(url: str, read: str) -> None:
    assert load({"HOOKPOST_BASE_URL": url}).base_url == read


def test_an_address_of_ipv6_is_answered_to(tmp_path: Path) -> None:
    """Given a base URL without a name, then its pages are no 400."""
    asked = "from django.test import RequestFactory as F; print(F(headers={'host': '[::2]:8000'}).get('/').get_host())"
    done = run(
        "manage.py", "shell", "--no-imports", "-c", asked, HOOKPOST_BASE_URL="http://[::2]:8000", **services(tmp_path)
    )
    assert (done.stdout, done.stderr) == ("[::2]:8000\n", "")


def services(folder: Path) -> dict[str, str]:
    """Names of services of which none is asked."""
    return {
        **KEYS,
        "DATABASE_URL": "postgresql://127.0.0.1:1/x",
        "BROKER_URL": "redis://127.0.0.1:1",
        "HOOKPOST_DATA": str(folder),
    }


def test_other_names_are_kept_as_requests_have_them() -> None:
    """Given names of ours that customers may register no endpoint at, then a request's spelling is found among them."""
    found = load({"HOOKPOST_ALLOWED_HOSTS": "Höoks.example.com, .höoks.example, [0:0::1], *"})
    assert found.allowed_hosts == ("xn--hoks-5qa.example.com", ".xn--hoks-5qa.example", "[::1]", "*")


def test_no_port_at_all_is_refused() -> None:
    with pytest.raises(WrongSetting, match=r"^HOOKPOST_ALLOWED_PORTS: names no port"):
        load({"HOOKPOST_ALLOWED_PORTS": " "})


@pytest.fixture
def closed_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home that this process may not look into, as under systemd's ProtectHome=, or as root's for another user."""
    monkeypatch.delenv("PGSSLCERT", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir(mode=0o000)
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    yield
    os.seteuid(before)


@pytest.mark.usefixtures("closed_home")
def test_a_home_that_is_closed_ends_no_tls() -> None:
    """Given libpq, to which a certificate of ours that it may not look for is an error, then it does not look there."""
    assert database_settings("postgresql://db/x")["OPTIONS"]["sslcert"] == NO_CERTIFICATE  # type: ignore[index]
    mine = database_settings("postgresql://db/x?sslcert=/etc/hookpost.crt")
    assert mine["OPTIONS"]["sslcert"] == "/etc/hookpost.crt"  # type: ignore[index]


def test_a_certificate_at_home_is_libpqs_to_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "sslcert" not in defaults()
