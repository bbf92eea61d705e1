"""What the house uses of others although they promise nothing: each name, where, and the version it was seen in.

What lives here: a test for each, that says after an upgrade what is gone and where it is missed; and the search for
more of them, so that none is used without a line here.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from importlib.metadata import version
from typing import NamedTuple

import pytest

from tests.counters import ROOT, production_files


class Private(NamedTuple):
    """A name that its owner does not promise, and what we do with it."""

    package: str
    seen: str
    owner: str
    name: str
    used_in: str


USED = [
    Private("Django", "5.2.19", "django.db.models.sql.query:Query", "get_initial_alias", "api/window_query.py"),
    Private("Django", "5.2.19", "django.db.models.sql.datastructures:BaseTable", "as_sql", "api/window_query.py"),
    Private("Django", "5.2.19", "django.forms.models:BaseModelForm", "_post_clean", "admin/base/pages.py"),
    Private("Django", "5.2.19", "django.contrib.admin:ModelAdmin", "_changeform_view", "admin/base/pages.py"),
    Private(
        "Django",
        "5.2.19",
        "django.contrib.sessions.backends.db:SessionStore",
        "_get_or_create_session_key",
        "sessions.py",
    ),
    Private("Django", "5.2.19", "django.db.backends.base.base:BaseDatabaseWrapper", "_close", "database/base.py"),
    Private(
        "Django", "5.2.19", "django.contrib.sessions.backends.db:SessionStore", "_get_session_from_db", "sessions.py"
    ),
    Private("drf-spectacular", "0.30.0", "drf_spectacular.openapi:AutoSchema", "_map_serializer", "api/describe.py"),
    Private(
        "drf-spectacular", "0.30.0", "drf_spectacular.plumbing", "_load_enum_name_overrides", "api/openapi_settings.py"
    ),
    Private(
        "dramatiq", "2.2.1", "dramatiq.brokers.rabbitmq:RabbitmqBroker", "_build_queue_arguments", "rabbit_broker.py"
    ),
    Private("dramatiq", "2.2.1", "dramatiq.brokers.rabbitmq:RabbitmqBroker", "_declare_queue", "rabbit_broker.py"),
    Private("dramatiq", "2.2.1", "dramatiq.brokers.rabbitmq:RabbitmqBroker", "_declare_xq_queue", "rabbit_broker.py"),
    Private(
        "jmespath", "1.1.0", "jmespath.functions:Functions", "_func_to_string", "protocol/events/transformation.py"
    ),
    Private("psycopg", "3.3.9", "psycopg:Connection", "wait", "database/connection.py"),
    Private("psycopg", "3.3.9", "psycopg.errors", "_WaitTimeout", "database/connection.py"),
    Private("psycopg", "3.3.9", "psycopg.errors", "error_from_result", "database/kept_statements.py"),
    Private("psycopg", "3.3.9", "psycopg.generators", "execute", "database/kept_statements.py"),
    Private("psycopg", "3.3.9", "psycopg.adapt:Transformer", "load_rows", "database/kept_statements.py"),
    Private("psycopg", "3.3.9", "psycopg.adapt:Transformer", "set_pgresult", "database/kept_statements.py"),
]
PROMISED = {
    "_meta",
    "_default_manager",
    "_asdict",
    "_make",
    "_replace",
    "_state",
}  # documented, in spite of their names


@pytest.mark.parametrize("private", USED, ids=lambda each: f"{each.package}: {each.name}")
def test_a_private_name_is_there_as_it_was(private: Private) -> None:
    """Given an upgrade, then what is gone is named, and the file that misses it."""
    module, _, part = private.owner.partition(":")
    owner = getattr(importlib.import_module(module), part) if part else importlib.import_module(module)
    now = version(private.package)
    assert hasattr(owner, private.name), (
        f"{private.package} {now} has no {private.name} (seen in {private.seen}): look at {private.used_in}"
    )
    assert list(ROOT.glob(f"*/**/{private.used_in}")), "who used it is gone: take the line away"


def test_a_query_has_its_tables_by_alias() -> None:
    """Django's `alias_map`, for api/window_query.py; an attribute of each query, so it shows in a query only."""
    from deliveries.models import Event

    query = Event.objects.all().query
    assert query.get_initial_alias() in query.alias_map


def test_the_headers_of_requests_are_kept_as_they_were() -> None:
    """requests' `_store`, seen in 2.34.2, for outbound/handle.py."""
    from requests.structures import CaseInsensitiveDict

    assert CaseInsensitiveDict({"X-One": "1"})._store == {"x-one": ("X-One", "1")}


def test_what_is_set_in_dramatiqs_broker_for_rabbitmq_is_there() -> None:
    """A constant and a property with a deleter, seen in dramatiq 2.2.1, for config/rabbit_broker.py."""
    from dramatiq.brokers import rabbitmq

    assert isinstance(rabbitmq.MAX_ENQUEUE_ATTEMPTS, int)
    assert "MAX_ENQUEUE_ATTEMPTS" in inspect.getsource(rabbitmq.RabbitmqBroker)
    connection = vars(rabbitmq.RabbitmqBroker)["connection"]
    assert isinstance(connection, property)
    assert connection.fdel is not None


def test_no_other_private_name_is_read() -> None:
    ours = names_that_we_define()
    read = {
        (node.attr, str(path.relative_to(ROOT)))
        for path in production_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in ours | PROMISED
    }
    known = {private.name for private in USED} | {"_store"}
    assert {f"{where}: {name}" for name, where in read if name not in known} == set()


def test_no_other_private_method_is_overridden() -> None:
    known = {private.name for private in USED} | {"_store"}
    assert {f"{cls.__module__}.{cls.__name__}.{name}" for cls, name in overridden() if name not in known} == set()


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def names_that_we_define() -> set[str]:
    """Return private names that our own files set or define, other than those that they override."""
    found: set[str] = set()
    for path in production_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.attr if isinstance(node, ast.Attribute) else node.id)
    return {name for name in found if is_private(name)} - {private.name for private in USED}


def overridden() -> list[tuple[type, str]]:
    """Return our classes with the private names of theirs that a base of another package has too."""
    return [
        (cls, name)
        for path in production_files()
        if "commands" not in path.parts and path.stem not in ("settings", "wsgi", "urls")
        for cls in vars(importlib.import_module(module_of(path.relative_to(ROOT).with_suffix("").parts))).values()
        if inspect.isclass(cls) and is_ours(cls)
        for name, made in vars(cls).items()
        if is_private(name) and inspect.isfunction(made) and made.__module__ == cls.__module__
        if any(name in vars(base) for base in others_of(cls))
    ]


def module_of(parts: tuple[str, ...]) -> str:
    return ".".join(parts).removesuffix(".__init__")


def is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in ("deliveries", "config")


def others_of(cls: type) -> list[type]:
    generic = {"Generic", "Protocol", "object"}
    return [base for base in cls.__mro__[1:] if not is_ours(base) and base.__name__ not in generic]
