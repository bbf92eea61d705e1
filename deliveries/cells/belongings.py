"""What people edit of a customer, brought to the destination: endpoints, secrets, keys, members, and the trail of that.

What lives here: sealing anew with the destination's keys, and people, whom each cell numbers for itself. It may come
again: what changed since is written over, what is gone here goes there. It must not know the log.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth import get_user_model
from psycopg import sql

from deliveries.cells.cell import Link, value_of
from deliveries.cells.copying import bring, columns_of, drop_others, merge
from deliveries.cells.moved_tables import (
    CUSTOMER,
    FAR,
    LANES,
    LINKS,
    MEMBERS,
    OF_OTHERS,
    OF_USERS,
    SECOND_FACTORS,
    SETTINGS,
    Table,
)
from deliveries.models.keyring import seal, unseal

BATCH = 500
SESSIONS_END = "UPDATE incoming_member SET session_hashes = '{}'"
ARRIVING = "UPDATE incoming_customer SET moving = 'closed', moved_to = %s, moving_since = NULL"
FROZEN_LANES = "UPDATE incoming_lane SET fence = fence + 1, worker_id = NULL, suspect_id = NULL, lease_until = %s"
NEW_NUMBERS = """
UPDATE {incoming} m SET user_id = there.id
FROM {came} came JOIN {users} there USING ({name}) WHERE came.id = m.user_id
"""
NOT_OF_OTHERS = f"DELETE FROM incoming_second_factor r WHERE r.user_id {OF_OTHERS}"  # noqa: S608
FLAGS = "UPDATE {came} SET is_staff = false, is_superuser = false"


def bring_belongings(link: Link) -> int:
    """Bring all of it in the caller's transaction; returns how many rows came. The destination's lanes are frozen."""
    number = bring(link, CUSTOMER)
    link.destination.execute(ARRIVING, [link.name])
    merge(link, CUSTOMER)
    number += sum(_bring_sealed(link, table) for table in SETTINGS)
    number += _bring_users(link)
    for table in (LINKS, *reversed(SETTINGS)):
        if table.exact:
            drop_others(link, table)
    drop_others(link, MEMBERS)
    return number + bring_lanes(link, frozen_until=FAR)


def bring_lanes(link: Link, *, frozen_until: str | None) -> int:
    """Bring what is known of each endpoint's health; the lanes are held until then, or free."""
    number = bring(link, LANES)
    link.destination.execute(FROZEN_LANES, [frozen_until])
    merge(link, LANES)
    return number


def _bring_sealed(link: Link, table: Table) -> int:
    number = bring(link, table)
    if table.sealed:
        _seal_anew(link, table)
    merge(link, table)
    return number


def _seal_anew(link: Link, table: Table) -> None:
    """Open what came with the keys of this cell and seal it with the destination's; raises CannotDecrypt."""
    for column in table.sealed:
        _seal_column(link, table, column)


def _seal_column(link: Link, table: Table, column: str) -> None:
    after = UUID(int=0)
    select = f"SELECT id, {column} FROM {table.incoming} WHERE id > %s AND {column} IS NOT NULL ORDER BY id"  # noqa: S608
    update = sql.SQL(f"UPDATE {table.incoming} SET {column} = %s WHERE id = %s")  # noqa: S608
    while rows := link.destination.execute(sql.SQL(f"{select} LIMIT {BATCH}"), [after]).fetchall():
        for row_id, sealed in rows:
            assert isinstance(row_id, UUID)
            assert isinstance(sealed, bytes)
            anew = seal(unseal(sealed, row_id=row_id), row_id=row_id, keys=link.keys)
            link.destination.execute(update, [anew, row_id])
            after = row_id


def _bring_users(link: Link) -> int:
    """Bring the people of its members by their names: each cell numbers them itself. Staff they are nowhere else."""
    model = get_user_model()
    users = Table(name=model._meta.db_table, where=f"r.id {OF_USERS}", key=model.USERNAME_FIELD)
    number = bring(link, users)
    link.destination.execute(sql.SQL(FLAGS.format(came=users.incoming)))
    link.destination.execute(sql.SQL(_users_statement(link, users)), {"customer": link.customer_id})
    for table in (MEMBERS, SECOND_FACTORS):
        number += bring(link, table)
        names = {"incoming": table.incoming, "came": users.incoming, "users": users.name, "name": users.key}
        link.destination.execute(sql.SQL(NEW_NUMBERS.format(**names)))
        if table.sealed:
            link.destination.execute(NOT_OF_OTHERS, {"customer": link.customer_id})
            _seal_anew(link, table)
        else:
            link.destination.execute(SESSIONS_END)
        merge(link, table)
    number += bring(link, LINKS)
    merge(link, LINKS)
    return number


def _users_statement(link: Link, users: Table) -> str:
    """Return the statement that writes people without their numbers; who is a member of others there stays as it is."""
    columns = [name for name in columns_of(link.destination, users.name) if name != "id"]
    names = ", ".join(f'"{name}"' for name in columns)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name != users.key)
    return (
        f"INSERT INTO {users.name} ({names}) SELECT {names} FROM {users.incoming} "  # noqa: S608
        f"ON CONFLICT ({users.key}) DO UPDATE SET {changes} "
        f"WHERE NOT {users.name}.id {OF_OTHERS}"
    )


def names_taken(link: Link) -> list[str]:
    """Return what the destination has already and means somebody else by: the customer's uid, names of its members.

    Who has the same name and the same mail address is the same person.
    """
    model = get_user_model()
    name, users = model.USERNAME_FIELD, model._meta.db_table
    uid = value_of(link.source, "SELECT uid FROM hookpost_customer WHERE id = %s", link.customer_id)
    of_other = "SELECT uid FROM hookpost_customer WHERE uid = %s AND id <> %s"
    taken = [] if value_of(link.destination, of_other, uid, link.customer_id) is None else [f"uid {uid}"]
    members = link.source.execute(
        sql.SQL(f"SELECT {name}::text, email::text FROM {users} r WHERE r.id {OF_USERS}"),  # noqa: S608
        {"customer": link.customer_id},
    ).fetchall()
    others = sql.SQL(
        f"SELECT {name}::text FROM {users} r WHERE {name} = ANY(%(names)s) AND NOT r.id {OF_USERS} "  # noqa: S608
        "AND (is_staff OR email = '' OR NOT email = ANY(%(mails)s))"
    )
    given: dict[str, object] = {"names": [each for each, _ in members], "mails": [mail for _, mail in members]}
    there = link.destination.execute(others, given | {"customer": link.customer_id})
    return taken + [f"user {each}" for (each,) in there]
