"""A worker that is told to writes a line of JSON for each attempt."""

from __future__ import annotations

import json
from typing import Any

from deliveries.models import Attempt
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.steps import emit, endpoints_at


def attempt_lines(cluster: Cluster) -> list[dict[str, Any]]:
    """What the workers have written of attempts; a line that is being written now comes later."""
    text = "".join((cluster.data_dir / f"{name}.log").read_text(errors="replace") for name in cluster.children)
    lines = text.splitlines() if text.endswith("\n") else text.splitlines()[:-1]
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return [line for line in found if line["event"] == "attempt_finished"]


def test_a_worker_writes_a_line_of_json_for_each_attempt_that_failed(
    cluster: Cluster, receivers: list[Counting]
) -> None:
    receivers[1].answer = lambda _: (503, {"retry-after": "600"}, b"")
    well, ill = endpoints_at(receivers[:2], retry_schedule=[0, 3600])
    emitted = emit([well, ill], 2)
    worker = cluster.worker(log_format="json", log_level="INFO", log_failed_percent=100)
    cluster.eventually(lambda: Attempt.objects.count() == len(emitted), seconds=20, what="two attempts")
    cluster.eventually(lambda: attempt_lines(cluster), seconds=20, what="a line")
    (line,) = attempt_lines(cluster)
    attempt = Attempt.objects.get(endpoint=ill)
    assert (line["attempt_id"], line["delivery_id"]) == (attempt.public_id, attempt.delivery.public_id)
    assert (line["status"], line["state"], line["duration_ms"]) == (503, "pending", attempt.duration_ms)
    assert line["worker"].endswith(f":{worker.pid}")
