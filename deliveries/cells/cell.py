"""A cell, and connections to two of them.

What lives here: reading another cell's settings, connecting, and what must hold before anything is moved between two.
It must not know which rows there are.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
from django.contrib.auth import get_user_model
from django.db import connection as ours

from deliveries.conf import conf, load
from deliveries.database.connection import LimitedConnection, connect_to
from deliveries.errors import Conflict, InvalidInput
from deliveries.models.keyring import Keys

Connection = psycopg.Connection[tuple[object, ...]]

APART_SECONDS = 1.0  # of the clocks of two cells
APPLICATION = "hookpost move_customer"
MIGRATIONS = "SELECT app || '.' || name FROM django_migrations WHERE app = ANY(%s) ORDER BY 1"
SELF = "SELECT system_identifier, current_database() FROM pg_control_system()"
NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Another installation: its name, its database, and the keys that seal there."""

    name: str
    database_url: str
    keys: Keys


@dataclass(frozen=True, slots=True)
class Link:
    """A connection to the cell that a customer leaves, one to where it goes, and the keys there."""

    source: Connection
    destination: Connection
    customer_id: UUID
    name: str
    keys: Keys


def find_cell(name: str) -> Cell:
    """Return the cell of the file NAME.env in HOOKPOST_CELLS; raises InvalidInput, WrongSetting."""
    path = Path(conf.cells) / f"{name}.env"
    if not conf.cells or "/" in name or not path.is_file():
        raise InvalidInput(f"there is no file {name}.env in the folder HOOKPOST_CELLS ({conf.cells or 'not set'})")
    if name == conf.cell:
        raise InvalidInput(f"{name} is this cell")
    found = load(read_settings(path.read_text()))
    if not found.database_url or not found.encryption_keys:
        raise InvalidInput(f"{path} must name DATABASE_URL and HOOKPOST_ENCRYPTION_KEYS")
    return Cell(name=name, database_url=found.database_url, keys=found.encryption_keys)


def read_settings(text: str) -> dict[str, str]:
    """Return the variables of a file as shells and systemd read it: NAME='value' in each line."""
    words = (word for line in text.splitlines() for word in shlex.split(line, comments=True))
    return {name: value for name, equals, value in (word.partition("=") for word in words) if equals}


@contextmanager
def linked(cell: Cell, customer_id: UUID) -> Iterator[Link]:
    """Connect this cell with another one; raises Conflict where they do not fit together."""
    with (
        LimitedConnection.connect(
            **ours.get_connection_params() | {"application_name": APPLICATION}, autocommit=True
        ) as source,
        connect_to(cell.database_url, name=APPLICATION) as destination,
    ):
        source.introduce()
        for each in (source, destination):
            each.lift_limits()
            # Parts are found by their ids: a plan that reads a whole day for one would be the wrong one.
            each.execute("SET enable_seqscan = off")
        link = Link(source, destination, customer_id, cell.name, cell.keys)
        _refuse_unfit(link)
        yield link


def value_of(connection: Connection, statement: str, *parameters: object) -> object:
    """Return the one value of the one row of a statement; None without a row."""
    row = connection.execute(psycopg.sql.SQL(statement), parameters).fetchone()
    return None if row is None else row[0]


def _refuse_unfit(link: Link) -> None:
    if link.source.execute(SELF).fetchone() == link.destination.execute(SELF).fetchone():
        raise Conflict(f"the cell {link.name} has the same database as this one")
    apps = ["deliveries", get_user_model()._meta.app_label]  # whose tables are copied
    here, there = ({name for (name,) in each.execute(MIGRATIONS, [apps])} for each in (link.source, link.destination))
    if other := sorted(map(str, here ^ there)):
        raise Conflict(
            f"this cell and {link.name} have not had the same migrations ({other[-1]}): bring both to one version first"
        )
    if (apart := _seconds_apart(link)) > APART_SECONDS:
        raise Conflict(f"the clocks of the two databases are {apart:.1f} s apart: nothing could be kept in order")


def _seconds_apart(link: Link) -> float:
    """Return how far the clocks are apart at least: the way to and from may account for the rest."""
    asked_at = time.monotonic()
    here, there = value_of(link.source, NOW), value_of(link.destination, NOW)
    assert isinstance(here, float)
    assert isinstance(there, float)
    return max(0.0, abs(there - here) - (time.monotonic() - asked_at))
