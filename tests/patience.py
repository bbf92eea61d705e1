"""Limits that no test has chosen: so long that a machine which stands still for a while reaches none.

What lives here: the patches of what this process waits for: receivers, its database, its broker, its evaluator. A test
that lets something end by its limit says one of its own, and has it: for a request, one that is not between those two
that hold where nobody says any.
"""

from __future__ import annotations

from importlib import import_module

LONG_SECONDS = 600
SOME_SECONDS = 60
FIGURES = (
    ("admin.front.dashboard", "COUNT_SECONDS"),
    ("admin.delivery.delivery_page", "LOOK_SECONDS"),
    ("admin.base.find", "FIND_SECONDS"),
    ("admin.parts.paging", "LIST_SECONDS"),
    ("admin.lists.picks", "PICK_SECONDS"),
    ("admin.log_ins.profile_page", "LOOK_SECONDS"),
    ("admin.site.site_base", "COUNT_SECONDS"),
    ("api.readiness", "ANSWER_SECONDS"),
    ("services.resending.candidates", "COUNT_SECONDS"),
    ("services.endpoint.filter_preview", "LOOK_SECONDS"),
    ("services.process.readiness", "ANSWER_SECONDS"),
)


def be_patient() -> None:
    """Let everything that the tests of this process ask take its time."""
    wait_for_receivers()
    wait_for_database()
    wait_for_broker()
    wait_for_evaluator()
    wait_for_figures()


def wait_for_receivers() -> None:
    """Lengthen what libcurl is told."""
    from deliveries.outbound.client import TIMEOUT_SECONDS  # what they import reads settings
    from deliveries.outbound.handle import Handle
    from deliveries.outbound.multi import CONNECT_SECONDS, Transfers

    limit = Handle.limit

    def lengthened(seconds: float) -> float:
        return LONG_SECONDS if CONNECT_SECONDS <= seconds <= TIMEOUT_SECONDS else seconds

    def patiently(handle: Handle, *, timeout_seconds: float, connect_seconds: float, connection_seconds: float) -> None:
        whole, connect = lengthened(timeout_seconds), lengthened(connect_seconds)
        limit(handle, timeout_seconds=whole, connect_seconds=connect, connection_seconds=connection_seconds)

    Handle.limit = patiently  # type: ignore[method-assign]
    Transfers.__init__.__kwdefaults__["connect_seconds"] = LONG_SECONDS


def wait_for_database() -> None:
    """Lengthen how long a connection may take."""
    from django.db import connection

    connection.settings_dict["OPTIONS"]["connect_timeout"] = LONG_SECONDS


def wait_for_broker() -> None:
    """Lengthen how long an answer may take, also for whoever rings in haste; RabbitMQ is left as it is."""
    import dramatiq

    broker = dramatiq.get_broker()
    for name in ("client", "_hasty"):
        if client := getattr(broker, name, None):
            client.connection_pool.connection_kwargs.update(
                socket_timeout=LONG_SECONDS, socket_connect_timeout=LONG_SECONDS
            )


def wait_for_evaluator() -> None:
    """Lengthen how long a turn and an answer may take; the time of its processor is counted as ever."""
    from deliveries.evaluator import process

    process.ANSWER_SECONDS = process.WAIT_SECONDS = LONG_SECONDS


def wait_for_figures() -> None:
    """Lengthen how long a page counts, lists and finds before it goes on without."""
    for module, *names in FIGURES:
        for name in names:
            setattr(import_module(f"deliveries.{module}"), name, SOME_SECONDS)
