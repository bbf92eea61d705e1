"""What every test stands on: a real PostgreSQL, a real broker, real receivers.

What lives here: starting the embedded services once per run, before Django reads its settings, and
the fixtures for receivers. DATABASE_URL and BROKER_URL in the environment are used when they are set.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import django
import dramatiq
import hypothesis
import pytest
import pytest_django
from django.conf import settings
from django.db import connection
from django.template import Template
from django.test import TransactionTestCase

from config.embedded import Services
from deliveries.management.collector import look_seldom, spare_old_objects
from tests.emptying import Emptying
from tests.order import spread
from tests.patience import be_patient
from tests.ports import LASTING, free_ports
from tests.production.databases import forget_migrated, migrated
from tests.receiver import Receiver
from tests.rendering import render_telling_of_pages
from tests.surroundings import misleading

RECEIVER_PORTS = 8
# A property is no more wrong on a slow machine than on a quick one, and may ask a server that stands for all examples.
hypothesis.settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("patient")
STARTED = ExitStack()

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
PORTS = free_ports(RECEIVER_PORTS, among=LASTING)


def prepare() -> None:
    """Start the services, unless this is a worker of xdist, and tell Django where everything is."""
    look_seldom()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background: children inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not WORKER:
        forget_settings()
        start_services()
    targets = [f"{address}:{port}" for port in PORTS for address in ("127.0.0.1/32", "[::1]/128")]
    os.environ["HOOKPOST_ALLOW_TARGETS"] = ",".join(targets)
    os.environ["BROKER_URL"] = broker_url_of(WORKER)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    be_patient()
    settings.PASSWORD_HASHERS = ["tests.passwords.FewRounds"]
    del os.environ["DJANGO_SETTINGS_MODULE"]  # a worker of xdist would inherit it, and read the settings before this


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two more than there are cores, for many tests wait, up to four; one with RabbitMQ, which has no place apart."""
    return 0 if os.environ.get("BROKER_URL", "").startswith("amqp") else min(4, 2 + (os.cpu_count() or 1))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hand out in an order that keeps all cores busy; alone, the files stay as they are."""
    if WORKER:
        items[:] = spread(items)


def pytest_collection_finish() -> None:
    """Ten thousand tests live as long as the run: the collector of cycles need not look at them again and again."""
    spare_old_objects()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """A test that broke the connection must not break those that follow."""
    held = connection.connection
    if held is not None and held.closed and not connection.in_atomic_block:
        connection.close()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started."""
    STARTED.close()


def forget_settings() -> None:
    """Tests must not depend on the caller's settings."""
    for name in misleading(os.environ):
        del os.environ[name]
    os.environ["HOOKPOST_SECRET_KEY"] = "only for tests, and long enough that nobody complains about it"
    os.environ["HOOKPOST_DRAIN_SECONDS"] = "0"  # no load balancer is in front
    os.environ["HOOKPOST_CUSTOMER_SHARE"] = "100"  # a test that is fast is nobody's flood
    os.environ["HOOKPOST_ENCRYPTION_KEYS"] = "t1:" + base64.b64encode(b"t" * 32).decode()


def start_services() -> None:
    """Start the services that the environment does not name, in a folder that goes away afterwards."""
    database, broker = "DATABASE_URL" not in os.environ, "BROKER_URL" not in os.environ
    data_dir = Path(tempfile.mkdtemp(prefix="hookpost-tests-"))
    os.environ["HOOKPOST_DATA"] = str(data_dir)
    STARTED.callback(shutil.rmtree, data_dir, ignore_errors=True)
    services = STARTED.enter_context(Services(data_dir, database=database, broker=broker, durable=False))
    if not database:
        STARTED.callback(forget_migrated, os.environ["DATABASE_URL"])
    os.environ.setdefault("DATABASE_URL", services.database_url)
    os.environ.setdefault("BROKER_URL", services.broker_url)


def broker_url_of(worker: str) -> str:
    """A database of its own in Redis or Valkey for each worker of xdist."""
    url = os.environ["BROKER_URL"]
    if not worker or url.startswith("amqp"):
        return url
    number = 1 + int(worker.removeprefix("gw")) % 15
    return f"{url.partition('?')[0]}?db={number}"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """All tables are made once a run; the database of each process begins as a copy."""
    connection.settings_dict["TEST"]["TEMPLATE"] = migrated(os.environ["DATABASE_URL"])


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """The database, which threads that live as long as the process may still hold open at the end."""
    emptying, flush = Emptying(), TransactionTestCase._fixture_teardown
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: emptying.after_a_test(lambda: flush(case)))
        yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session", autouse=True)
def pages_are_told_of(django_test_environment: None) -> None:
    """Each page is rendered as outside, and is in `response.context`."""
    Template._render = render_telling_of_pages


@pytest.fixture(autouse=True)
def nobody_rings() -> None:
    """A test that loads the web server's way in must not have the events of later tests rung for."""
    if commits := sys.modules.get("deliveries.services.accepting.shared_commits"):
        commits._rings.clear()


@pytest.fixture(scope="session")
def receiver_ports() -> list[int]:
    """Ports of 127.0.0.1 and ::1 that the guard lets through; nobody listens there until a test does."""
    return PORTS


@pytest.fixture
def receiver(receiver_ports: list[int]) -> Iterator[Receiver]:
    """A receiver on the first of the ports, which answers 204 until told otherwise."""
    with Receiver(receiver_ports[0]) as receiver:
        yield receiver


@pytest.fixture
def broker() -> Iterator[dramatiq.Broker]:
    """The broker with empty queues."""
    broker = dramatiq.get_broker()
    broker.flush_all()
    yield broker
    broker.flush_all()


# At import, not in pytest_configure: the conftest of a folder below may be imported before that.
prepare()
