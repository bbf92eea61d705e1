"""A list looked for among the first rows of another, which the ORM cannot write.

What lives here: a subquery in the place of a table. It must not know lists or pages. The LIMIT inside makes
it a window: PostgreSQL reads the subquery in its order and stops when the outside has enough. Without it, a
customer's rows in a state that it believes to be rare would be fetched all, and sorted, for fifty of them.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.db.models.sql.datastructures import BaseTable

WINDOW_ROWS = 1_000_000  # beyond all that is between the bounds of a subquery; it only has to be there

Row = TypeVar("Row", bound=Model)


class _Window(BaseTable):
    """What stands in FROM: the subquery, under the name of the table that it is read from."""

    def __init__(self, table_name: str, alias: str, inner: QuerySet[Any] | None = None) -> None:
        super().__init__(table_name, alias)
        self.inner = inner

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Return the subquery with its parameters."""
        assert self.inner is not None
        text, parameters = self.inner.query.get_compiler(connection=connection).as_sql()
        return f"({text}) {compiler.quote_name_unless_alias(self.table_alias)}", parameters


def among(rows: QuerySet[Row], inner: QuerySet[Row]) -> QuerySet[Row]:
    """Return `rows` as far as they are among those of `inner`, which is bounded and in the same order."""
    found = rows.all()
    table = found.query.get_initial_alias()
    assert table is not None
    found.query.alias_map[table] = _Window(found.model._meta.db_table, table, inner[:WINDOW_ROWS])
    return found
