"""How PostgreSQL reads lists when the log is long: in the order of an index, and no further than a page needs.

What lives here: the plans of the statements that the views really send, over a log that the planner takes
for a hundred times longer than it is. Times are measured by `python -m bench lists`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deliveries import sql
from deliveries.models import Customer, EventType
from deliveries.models.log import EVERYONES
from deliveries.protocol.writing import ids
from deliveries.services.housekeeping.retention import open_partitions
from deliveries.sql.rows import ValidatingTypesRow
from tests.api.conftest import Caller, Tenant, make_tenant

ROWS, DAYS, OTHERS = 20_000, 4, 50
BELIEVED = 100

FILL = """
WITH made AS (
    SELECT
        (lpad(to_hex((%(begin)s + n * %(step)s)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || 'a'
            || substr(md5(n::text), 1, 15))::uuid AS id, n, n %% %(owners)s AS who
    FROM generate_series(0, %(rows)s - 1) n
), event AS (
    INSERT INTO hookpost_event (id, customer_id, type, body, created_at)
    SELECT
        id, (%(customers)s::uuid[])[1 + who], (ARRAY['a.b', 'c.d'])[1 + n %% 2],
        '{"type":"a.b","timestamp":"2026-01-01T00:00:00.000Z","data":{}}', now()
    FROM made
)
INSERT INTO hookpost_delivery (
    id, event_id, endpoint_id, customer_id, event_type, state, attempts, status_code, error, created_at, failed_at
)
SELECT
    id, id, (%(endpoints)s::uuid[])[1 + who], (%(customers)s::uuid[])[1 + who], (ARRAY['a.b', 'c.d'])[1 + n %% 2],
    CASE WHEN n %% 37 = 0 THEN 'exhausted' ELSE 'succeeded' END, 1, CASE WHEN n %% 37 = 0 THEN 503 ELSE 204 END,
    CASE WHEN n %% 37 = 0 THEN 'http_5xx' ELSE '' END, now(), CASE WHEN n %% 37 = 0 THEN now() END
FROM made
"""

BELIEVE = """
UPDATE pg_class SET reltuples = reltuples * %s
WHERE relname LIKE 'hookpost_delivery_p%%' OR relname LIKE 'hookpost_event_p%%'
"""


@pytest.fixture
def long_log(alice: Tenant, url: str) -> Tenant:
    """A log of many customers, of which Alice is one."""
    open_partitions(days_back=DAYS)
    tenants = [alice] + [make_tenant(f"other{number}", url) for number in range(3)]
    customers = [each.customer.id for each in tenants]
    endpoints = [each.endpoint.id for each in tenants]
    strangers = [Customer().id for _ in range(OTHERS)]
    begin = datetime.now(UTC) - timedelta(days=DAYS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if not cursor.fetchone()[0]:
            pytest.skip("only a superuser can tell the planner how long the log is")
        parameters = {
            "begin": int(begin.timestamp() * 1000),
            "step": DAYS * 86_400_000 // ROWS,
            "rows": ROWS,
            "customers": customers + strangers,
            "endpoints": endpoints + strangers,
            "owners": len(customers) + OTHERS,
        }
        cursor.execute(FILL, parameters)
        cursor.execute("ANALYZE hookpost_delivery, hookpost_event")
        cursor.execute("SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on")
        cursor.execute(BELIEVE, [BELIEVED])
    return alice


def delivery_queries(tenant: Tenant) -> Iterator[str]:
    """Every filter of the list alone, with the customer, and some in threes."""
    day = timedelta(days=1)
    values = {
        "customer": "alice",
        "endpoint": tenant.endpoint.public_id,
        "event": an_event_of(tenant),
        "type": "a.*",
        "state": "exhausted",
        "status_code": "503",
        "error": "http_5xx",
        "since": (datetime.now(UTC) - 2 * day).isoformat(),
        "until": (datetime.now(UTC) - day).isoformat(),
    }
    yield ""
    for name in values:
        yield urlencode({name: values[name]})
        if name != "customer":
            yield urlencode({"customer": "alice", name: values[name]})
    for names in (
        ("customer", "since", "until"),
        ("customer", "state", "type"),
        ("customer", "endpoint", "state"),
        ("customer", "status_code", "type", "since"),
        ("endpoint", "state", "since", "until"),
        ("state", "type", "until"),
        ("event", "endpoint", "state"),
    ):
        yield urlencode({name: values[name] for name in names})
    for states in ("pending", "pending,held", "exhausted,cancelled"):
        yield urlencode({"state": states})
        yield urlencode({"customer": "alice", "state": states})


def an_event_of(tenant: Tenant) -> str:
    """The id of an event in the log."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM hookpost_event WHERE customer_id = %s LIMIT 1", [tenant.customer.id])
        return ids.encode_id(ids.EVENT, cursor.fetchone()[0])


def statements_for(caller: Caller, path: str) -> list[str]:
    """What a page, the one after it and the way back ask the log for."""
    found: list[str] = []
    following: Any = path
    for link in ("next", "previous", "stop"):
        with CaptureQueriesContext(connection) as captured:
            page = caller.get(following)
        assert page.status == 200, page.raw
        found += [each["sql"] for each in captured if is_of_the_log(each["sql"])]
        following = page.json.get(link)
        if following is None:
            break
    return found


def is_of_the_log(statement: str) -> bool:
    """Whether a statement reads events or deliveries; of events for everyone there are few, to sort them is quicker."""
    is_for_everyone = f"\"customer_id\" = '{EVERYONES.hex}'" in statement
    is_asked = statement.startswith("SELECT") and 'FROM "hookpost_' in statement and "_p2" not in statement
    return is_asked and not is_for_everyone


def faults_of(statement: str, *, may_sort: bool = False) -> list[str]:
    """What in the plan of a statement costs more, the longer the log is."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
        plan = cursor.fetchone()[0]
    root = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    nodes = list(walk(root))
    kinds = [node["Node Type"] for node in nodes]
    refused = {"Seq Scan", "Aggregate", "BitmapAnd", "BitmapOr", "Hash", "Gather"} | (
        set() if may_sort else {"Sort", "Incremental Sort", "Merge Append", "Bitmap Heap Scan"}
    )
    found = [f"{node['Node Type']} {node.get('Relation Name', '')}" for node in nodes if is_bad(node, refused)]
    is_bounded = kinds[0] == "Limit" or " IN (" in statement  # by ids that a page has found
    return found + ([] if is_bounded else ["no limit"])


def is_bad(node: dict[str, Any], refused: set[str]) -> bool:
    """Whether a node reads or sorts without bound; small tables may be read in full."""
    of_the_log = node.get("Relation Name", "hookpost_delivery_p").startswith(("hookpost_delivery", "hookpost_event_p"))
    return of_the_log and node["Node Type"] in refused


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes, the outermost first."""
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)


def all_faults(caller: Caller, paths: list[str]) -> dict[str, list[str]]:
    """The faults of each path that has any."""
    found = {}
    for path in paths:
        of_log = [each for each in statements_for(caller, path) if '"hookpost_delivery"' in each or "_event" in each]
        assert of_log, path
        faults = [fault for each in of_log for fault in faults_of(each, may_sort="event=" in path)]
        if faults:
            found[path] = faults
    return found


@pytest.mark.parametrize("who", ["operator", "customer"])
def test_every_list_of_deliveries_is_read_in_order_and_ends_with_its_page(
    who: str, ops: Caller, long_log: Tenant
) -> None:
    caller = ops if who == "operator" else long_log.caller
    paths = [f"/deliveries?{query}&limit=20" for query in delivery_queries(long_log)]
    assert len(paths) == 31
    assert all_faults(caller, paths) == {}


def test_lists_of_events_and_the_feed_are_too(ops: Caller, long_log: Tenant) -> None:
    since = urlencode({"since": (datetime.now(UTC) - timedelta(days=2)).isoformat()})
    lists = [f"/events?{query}&limit=20" for query in ("", "type=a.*", "customer=alice", "customer=alice&type=a.b")]
    feeds = [f"/customers/alice/events?{query}&limit=20" for query in ("", "types=a.*", since, f"types=c.d&{since}")]
    assert all_faults(ops, lists + feeds) == {}
    assert all_faults(long_log.caller, lists + feeds) == {}


def test_the_attempts_of_a_delivery_are_found_by_index(ops: Caller, long_log: Tenant) -> None:
    shown = ops.get("/deliveries?customer=alice&limit=1").json["results"][0]
    with CaptureQueriesContext(connection) as captured:
        ops.get(f"/deliveries/{shown['id']}/attempts")
    (statement,) = [each["sql"] for each in captured if 'FROM "hookpost_attempt"' in each["sql"]]
    assert "delivery_id" in statement
    assert "COUNT(" not in statement.upper()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("SELECT count(*) FROM hookpost_delivery", "Aggregate"),
        ("SELECT * FROM hookpost_delivery ORDER BY state LIMIT 50", "Sort"),
        ("SELECT * FROM hookpost_delivery WHERE status_code = 503 ORDER BY created_at LIMIT 5", "Seq Scan"),
        ("SELECT * FROM hookpost_delivery WHERE event_id = gen_random_uuid()", "no limit"),
    ],
)
def test_the_judge_sees_what_is_slow(long_log: Tenant, statement: str, fault: str) -> None:
    assert any(each.startswith(fault) for each in faults_of(statement))


def test_the_types_that_judge_are_found_by_name(alice: Tenant) -> None:
    EventType.objects.bulk_create(
        EventType(customer=alice.customer, name=f"a.b{number}", validation="off") for number in range(5000)
    )
    EventType.objects.create(name="a.b", validation="warn", schema={})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE hookpost_event_type")
    assert [row.name for row in sql.fetch(ValidatingTypesRow, {"names": ["a.b"]})] == ["a.b"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql.statement('validating_types')}", {"names": ["a.b"]})
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "event_type_judging" in plan
