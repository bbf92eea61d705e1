"""Whether the tables are there: asked of names where all have run, and of the files where one has not."""

from __future__ import annotations

import pytest
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from deliveries.services.housekeeping import tables

pytestmark = pytest.mark.django_db


def test_where_every_migration_has_run_no_file_of_them_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MigrationExecutor", None)
    assert tables.missing_migrations() == []


@pytest.mark.parametrize("app", sorted(tables.NEEDED))
def test_a_migration_that_is_not_recorded_is_missing_with_those_after_it(app: str) -> None:
    last = next(name for label, name in MigrationLoader(None).graph.leaf_nodes(app) if label == app)
    MigrationRecorder.Migration.objects.filter(app=app, name=last).delete()
    assert tables.missing_migrations() == [f"{app}.{last}"]
    MigrationRecorder.Migration.objects.filter(app=app).delete()
    missing = tables.missing_migrations()
    assert [each for each in missing if each.startswith(f"{app}.")][-1] == f"{app}.{last}"


def test_what_is_asked_of_names_is_what_the_graph_has() -> None:
    graph = MigrationExecutor(None).loader.graph
    assert set(tables._files()) == {node for node in graph.nodes if node[0] in tables.NEEDED}


def test_a_project_that_migrates_an_app_otherwise_is_asked_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MigrationLoader, "migrations_module", lambda app: (None, True))
    assert list(tables._files()) == []
