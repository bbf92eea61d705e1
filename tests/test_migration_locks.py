"""No migration locks for long what grows: it runs while events are accepted and deliveries recorded.

What lives here: the SQL of each migration, read statement by statement. docs/upgrading.md says the rules.
"""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

GROWING = (
    "event", "delivery", "attempt", "due_delivery", "idempotency_key", "audit_entry", "endpoint_hour", "alert", "job",
)  # fmt: skip
TABLE = rf'"?hookpost_(?:{"|".join(GROWING)})"?(?![a-z_])'
FIRST_RELEASE = "0012"  # before it there was no installation
FORBIDDEN = {
    "builds an index with a lock": re.compile(rf"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)\S+ ON {TABLE}"),
    "drops an index with a lock": re.compile(r"DROP INDEX (?!CONCURRENTLY)"),
    "changes a type": re.compile(rf"ALTER TABLE {TABLE} ALTER COLUMN \S+ TYPE"),
    "looks at all rows for a null": re.compile(rf"ALTER TABLE {TABLE} ALTER COLUMN \S+ SET NOT NULL"),
    "checks all rows": re.compile(rf"ALTER TABLE {TABLE} ADD CONSTRAINT (?!.*NOT VALID)"),
    "writes all rows": re.compile(rf"UPDATE {TABLE} "),
    "rewrites": re.compile(rf"(CLUSTER|VACUUM FULL|LOCK TABLE) {TABLE}"),
}
# What accepting, claiming or recording locks in an order of its own.
HOT = (
    "customer",
    "endpoint",
    "lane",
    "event",
    "delivery",
    "attempt",
    "due_delivery",
    "idempotency_key",
    "job",
    "worker",
)
LOCKED = re.compile(rf'(?:ALTER TABLE (?:ONLY )?|REFERENCES )"?(hookpost_(?:{"|".join(HOT)}))"?(?![a-z_])')
CREATED = re.compile(r'CREATE TABLE "?(hookpost_\w+)"?')


def faults_of(text: str) -> list[str]:
    """What the statements of one migration must not do; a table that it makes itself has no rows yet."""
    own = tuple(CREATED.findall(text))
    found = []
    for line in text.splitlines():
        if own and any(f'"{name}"' in line for name in own):
            continue
        found += [f"{words}: {line}" for words, pattern in FORBIDDEN.items() if pattern.search(line)]
    return found


def locked_by(text: str) -> set[str]:
    """The tables in use on which the statements of one migration hold a lock together."""
    return set(LOCKED.findall(text)) - set(CREATED.findall(text))


@pytest.mark.django_db(transaction=True)  # concurrent operations refuse to be written inside one
def test_no_migration_locks_a_growing_table_for_long() -> None:
    executor = MigrationExecutor(connection)
    state = executor.loader.project_state([("deliveries", "0003_log")], at_end=True)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes("deliveries"), clean_start=True)
    faults = {}
    for migration, _ in plan:
        if migration.app_label != "deliveries" or migration.name <= "0003_log":
            continue
        with connection.schema_editor(collect_sql=True, atomic=False) as editor:
            state = migration.apply(state, editor, collect_sql=True)
        text = "\n".join(editor.collected_sql or [])
        found = faults_of(text)
        if migration.atomic and len(locked := locked_by(text)) > 1:
            found.append(f"may meet others in a deadlock: {sorted(locked)}")
        if found and migration.name >= FIRST_RELEASE:
            faults[migration.name] = found
    assert faults == {}


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE INDEX "x" ON "hookpost_delivery" ("state");',
        "ALTER TABLE hookpost_attempt ALTER COLUMN error TYPE varchar(10);",
        'ALTER TABLE "hookpost_event" ALTER COLUMN "type" SET NOT NULL;',
        'ALTER TABLE "hookpost_job" ADD CONSTRAINT "c" CHECK (total > 0);',
        "UPDATE hookpost_due_delivery SET rank = 1;",
    ],
)
def test_each_rule_finds_what_it_is_for(statement: str) -> None:
    assert len(faults_of(statement)) == 1
    assert faults_of(f'CREATE TABLE "hookpost_new" ();\n{statement.replace("hookpost_", "hookpost_not_")}') == []


def test_two_tables_in_use_are_not_locked_by_one_migration() -> None:
    one = 'ALTER TABLE "hookpost_event" ADD COLUMN "a" text NULL;'
    made = 'CREATE TABLE "hookpost_job" ();\nALTER TABLE "hookpost_job" ADD COLUMN "a" text NULL;'
    assert locked_by(f"{one}\n{one}\n{made}") == {"hookpost_event"}
    assert (
        len(locked_by(f'{one}\nALTER TABLE "hookpost_new" ADD FOREIGN KEY ("b") REFERENCES "hookpost_lane" ("id");'))
        == 2
    )
