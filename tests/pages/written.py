"""What a request wrote.

What lives here: PostgreSQL's own count of it. It must not know what was asked for.
"""

from __future__ import annotations

from collections import Counter

from django.db import connection

WRITTEN = """
SELECT relname, pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
       + pg_stat_get_xact_tuples_deleted(oid)
FROM pg_class WHERE relkind = 'r' AND relname ~ '^(hookpost|auth)_'
"""


def written() -> Counter[str]:
    """How many rows this transaction has made, changed and deleted, by table; sessions do not count."""
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN)
        return Counter(dict(cursor.fetchall()))
