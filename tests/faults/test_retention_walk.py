"""The runbook of a day that went with what was not delivered, walked on a running installation with a backup."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from config.embedded import binaries
from deliveries.models import Customer, Endpoint
from deliveries.protocol.writing import ids
from deliveries.services.endpoints import create_endpoint, pause_endpoint, resume_endpoint
from deliveries.services.housekeeping import retention
from deliveries.services.people.api_keys import create_api_key
from tests.faults.calling import Caller
from tests.faults.cluster import CHECKOUT, Cluster
from tests.faults.counting import Counting
from tests.faults.states import Asker
from tests.faults.steps import arrived_ids, emit
from tests.faults.test_monitoring import prometheus
from tests.faults.test_rolling_restart import Load
from tests.ports import free_ports

pytestmark = pytest.mark.skipif("TEST_RESTORE" not in os.environ, reason="make test-restore")
DAYS_AGO, HELD = 40, 5
RUNBOOK = (CHECKOUT / "docs/runbooks.md").read_text().partition("## Retention took what was not delivered")[2]
RUNBOOK = RUNBOOK.partition("\n## ")[0]
OLDER = """
CREATE OR REPLACE FUNCTION pg_temp.older(id uuid) RETURNS uuid LANGUAGE sql AS $$
    SELECT (lpad(to_hex(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint - {ms}), 12, '0')
        || right(replace(id::text, '-', ''), 20))::uuid
$$;
UPDATE hookpost_event SET id = pg_temp.older(id), created_at = created_at - interval '{days} days' WHERE {of};
UPDATE hookpost_delivery SET id = pg_temp.older(id), event_id = pg_temp.older(event_id) WHERE {of};
UPDATE hookpost_due_delivery SET delivery_id = pg_temp.older(delivery_id), event_id = pg_temp.older(event_id)
WHERE endpoint_id = '{endpoint}';
"""


def held_long_ago(cluster: Cluster, endpoint: Endpoint) -> None:
    """Events that came for a paused endpoint so many days ago."""
    emit([endpoint], HELD)
    retention.open_partitions(days_back=DAYS_AGO + 2)
    values = {"ms": DAYS_AGO * 86_400_000, "days": DAYS_AGO, "endpoint": endpoint.id}
    statement = OLDER.format(of=f"customer_id = '{endpoint.customer_id}'", **values)
    with psycopg.connect(cluster.database.database_url) as link:
        link.execute(statement)  # type: ignore[arg-type]
    connection.close()


def of_backup(cluster: Cluster, dump: Path) -> list[tuple[object, ...]]:
    """What a backup had of days before, by the runbook's statement, in a database beside."""
    url = cluster.database.database_url
    with psycopg.connect(url.replace("/hookpost?", "/postgres?"), autocommit=True) as server:
        server.execute("CREATE DATABASE looked_at")
    there = url.replace("/hookpost?", "/looked_at?")
    program = str(binaries.postgres_bin() / "pg_restore")
    subprocess.run([program, f"--dbname={there}", "--no-owner", str(dump)], check=True)
    (statement,) = re.findall(r"`(SELECT [^`]+)`", RUNBOOK)
    day = f"{datetime.now(UTC) - timedelta(days=DAYS_AGO - 1):%Y-%m-%d}"
    with psycopg.connect(there) as link:
        return link.execute(re.sub(r"'20\d\d-\d\d-\d\d'", f"'{day}'", statement)).fetchall()  # type: ignore[arg-type]


def lines_of(cluster: Cluster, event: str) -> list[str]:
    """The lines of this name in all logs."""
    logs = [path.read_text(errors="replace") for path in cluster.data_dir.glob("*.log")]
    return [line for log in logs for line in log.splitlines() if event in line]


def test_what_went_with_its_day_is_seen_told_and_sent_again_from_the_backup(
    cluster: Cluster, receivers: list[Counting], tmp_path: Path
) -> None:
    customer = Customer.objects.create(name="Bob", uid="bob")
    paused, _ = create_endpoint(customer, {"url": f"{receivers[0].url}/paused"}, actor="user:alice")
    pause_endpoint(paused, actor="user:alice")
    live = Customer.objects.create(name="Acme", uid="acme")
    create_endpoint(live, {"url": receivers[1].url}, actor="user:alice")
    _, key = create_api_key("tests", ["events:write", "read"], actor="user:alice")
    held_long_ago(cluster, paused)
    program, url = str(binaries.postgres_bin() / "pg_dump"), cluster.database.database_url
    subprocess.run([program, "--format=custom", f"--file={tmp_path / 'dump'}", url], check=True)
    (health,) = free_ports(1)
    cluster.web()
    caller = Caller(cluster.port, key=key)
    with prometheus(tmp_path, cluster.port, health) as server, Load(caller, [live.public_id]) as load:
        cluster.worker(health_address=f"127.0.0.1:{health}", retention_days=DAYS_AGO + 20)
        dropped = "sum(hookpost_undelivered_dropped_total)"
        cluster.eventually(lambda: server.values(dropped) == [0], seconds=60, what="a first figure")
        load.await_parts(cluster)
        assert cluster.ask("SELECT count(*) FROM hookpost_due_delivery WHERE due_at IS NULL") == [(HELD,)]
        for child in [child for name, child in cluster.children.items() if name.startswith("worker")]:
            child.terminate()
            child.wait()
        cluster.worker(health_address=f"127.0.0.1:{health}", retention_days=30)
        cluster.eventually(lambda: server.values(dropped) == [HELD], seconds=90, what="the drop")
        firing = 'ALERTS{alertname="HookpostUndeliveredDropped", alertstate="firing"}'
        cluster.eventually(lambda: server.values(firing) == [1], seconds=90, what="the alert")
        (line,) = lines_of(cluster, "day_dropped")
        assert (f"{datetime.now(UTC) - timedelta(days=DAYS_AGO):%Y-%m-%d}" in line, str(HELD) in line) == (True, True)
        load.await_parts(cluster)  # nobody else noticed
    caller.close()
    rows = of_backup(cluster, tmp_path / "dump")
    assert [row[0] for row in rows] == ["bob"] * HELD
    asker, again = Asker(cluster.port, key), set()
    for uid, _, kind, body in rows:
        data = json.loads(str(body))["data"]
        said = asker("POST", "/api/v1/events", {"customer": uid, "type": kind, "data": data})
        assert said.status == 202
        again.add(said.json["id"])
    resume_endpoint(Endpoint.objects.get(id=paused.id), actor="user:alice")
    cluster.eventually(lambda: again <= arrived_ids(receivers), seconds=60, what="the arrival of what was sent again")
    assert not {ids.encode_id(ids.EVENT, row[1]) for row in rows} & arrived_ids(receivers)  # type: ignore[arg-type]
    print(f"{HELD} held deliveries of {DAYS_AGO} days ago went, rang, were found in the backup and sent again")
