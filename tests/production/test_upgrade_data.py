"""What the previous release stored, after the migrations since: it is shown, it is sent, and it still lets people in.

What lives here: rows in the words of that release (previous.sql), sealed and hashed as it did. The migrations up to
its last one are those of today, so no history is needed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import requests
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from standardwebhooks import Webhook

from config.embedded.processes import wait_until
from deliveries.protocol.writing.ids import decode_id, delivery_id, encode_id, time_ordered
from tests.ports import free_ports
from tests.production.databases import KEYS, Installation, empty_database, is_up
from tests.receiver import Receiver

LAST_MIGRATION = "0016_failed_jobs"
API_KEY = "hk_" + "k" * 43
SHOP_SECRET, PAUSED_SECRET = (f"whsec_{base64.b64encode(bytes([n]) * 16 + os.urandom(16)).decode()}" for n in (1, 2))
EVENT = {"customer": "acme", "type": "invoice.paid", "data": {"invoice": "inv_1"}}
NAMES = (
    *("customer", "api_key", "event_type", "shop", "paused", "shop_secret", "paused_secret", "done", "dead", "due"),
    *("attempt", "failed_attempt", "job", "audit", "alert"),
)
PATIENCE_SECONDS = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """The installation after the upgrade, with all its processes running."""

    base_url: str
    ids: dict[str, UUID]
    receiver: Receiver
    url: str

    def ask(self, path: str, *, post: object = None, **headers: str) -> Any:
        """What the API answers to the key of old."""
        said = requests.request(
            "GET" if post is None else "POST", f"{self.base_url}{path}", data=json.dumps(post) if post else None,
            headers={"authorization": f"Bearer {API_KEY}", "content-type": "application/json"} | headers, timeout=60,
        )  # fmt: skip
        assert said.ok, said.text
        return said.json()

    def row(self, statement: str) -> tuple[Any, ...]:
        """One row of the database."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement).fetchone() or ()


def sealed(text: str, row: UUID) -> bytes:
    """A value at rest as that release wrote it: version, key id, nonce, AES-256-GCM bound to the row."""
    key_id, _, key = KEYS["HOOKPOST_ENCRYPTION_KEYS"].partition(":")
    nonce = os.urandom(12)
    secret = AESGCM(base64.b64decode(key)).encrypt(nonce, text.encode(), row.bytes)
    return bytes([1, len(key_id)]) + key_id.encode() + nonce + secret


def rows_of(ids: dict[str, UUID], *, url: str) -> dict[str, Any]:
    """The parameters of previous.sql."""
    pairs = {
        f"{event}_at_{endpoint}": (event, endpoint)
        for event in ("done", "dead", "due")
        for endpoint in ("shop", "paused")
    }
    return {
        **ids,
        **{name: delivery_id(ids[event], ids[place]) for name, (event, place) in pairs.items()},
        "url": url,
        "body": json.dumps(
            {"type": "invoice.paid", "timestamp": "2026-01-01T00:00:00Z", "data": EVENT["data"]}
        ).encode(),
        "headers": sealed('{"x-token": "t-1"}', ids["shop"]),
        "shop_sealed": sealed(SHOP_SECRET, ids["shop_secret"]),
        "paused_sealed": sealed(PAUSED_SECRET, ids["paused_secret"]),
        "hashed": hashlib.sha256(API_KEY.encode()).digest(),
        "fingerprint": hashlib.sha256(json.dumps(EVENT).encode()).digest(),
    }


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    """An installation of the previous release with data, migrated; then web and worker."""
    folder: Path = tmp_path_factory.mktemp("upgrade")
    port, receiver_port = free_ports(2)
    now = int(time.time() * 1000)
    ids = {name: time_ordered(now, number) for number, name in enumerate(NAMES)}
    with empty_database(os.environ["DATABASE_URL"]) as url, Receiver(receiver_port) as receiver:
        settings = {
            **KEYS,
            "DATABASE_URL": url,
            "BROKER_URL": os.environ["BROKER_URL"],
            "HOOKPOST_ALLOW_TARGETS": f"127.0.0.1/32:{receiver_port}",
        }
        installation = Installation(settings=settings)
        for words in ("auth", f"deliveries {LAST_MIGRATION}"):
            done = installation.manage("migrate", "-v0", *words.split())
            assert done.returncode == 0, done.stderr
        with psycopg.connect(url) as connection:
            text = (Path(__file__).parent / "previous.sql").read_text()
            psycopg.ClientCursor(connection).execute(text, rows_of(ids, url=receiver.url))
        done = installation.manage("migrate", "--noinput")
        assert done.returncode == 0, done.stderr
        with (
            installation.process("web", "--port", str(port), log=folder / "web.log"),
            installation.process("worker", log=folder / "worker.log"),
        ):
            assert wait_until(lambda: is_up(port), seconds=PATIENCE_SECONDS)
            yield Upgraded(base_url=f"http://127.0.0.1:{port}/api/v1", ids=ids, receiver=receiver, url=url)


def test_what_was_due_arrives_signed_with_the_secret_of_old(upgraded: Upgraded) -> None:
    wanted = encode_id("evt", upgraded.ids["due"])

    def arrived() -> bool:
        return wanted in [each.header("webhook-id") for each in upgraded.receiver.requests]

    assert wait_until(arrived, seconds=PATIENCE_SECONDS)
    (request, *_) = [each for each in upgraded.receiver.requests if each.header("webhook-id") == wanted]
    headers = {name.lower(): value for name, value in request.headers}
    assert Webhook(SHOP_SECRET).verify(request.body, headers)["data"] == EVENT["data"]
    assert (request.path, headers["x-token"]) == ("/shop", "t-1")


def test_the_job_that_was_waiting_sends_its_deliveries_again(upgraded: Upgraded) -> None:
    job = f"/jobs/{encode_id('job', upgraded.ids['job'])}"
    assert wait_until(lambda: upgraded.ask(job)["state"] == "done", seconds=PATIENCE_SECONDS)
    wanted = encode_id("evt", upgraded.ids["dead"])
    assert wait_until(
        lambda: wanted in [each.header("webhook-id") for each in upgraded.receiver.requests], seconds=PATIENCE_SECONDS
    )


def test_the_log_of_old_is_shown(upgraded: Upgraded) -> None:
    delivery = encode_id("dlv", delivery_id(upgraded.ids["done"], upgraded.ids["shop"]))
    assert upgraded.ask(f"/deliveries/{delivery}")["state"] == "succeeded"
    (attempt,) = upgraded.ask(f"/deliveries/{delivery}/attempts")["results"]
    assert (attempt["id"], attempt["status_code"], attempt["duration_ms"]) == (
        encode_id("att", upgraded.ids["attempt"]),
        200,
        31,
    )
    found = upgraded.ask("/deliveries?customer=acme&endpoint=shop")["results"]
    assert {each["event"] for each in found} >= {
        encode_id("evt", upgraded.ids[name]) for name in ("done", "dead", "due")
    }


def test_what_was_held_goes_out_when_its_endpoint_is_resumed(upgraded: Upgraded) -> None:
    path = "/customers/acme/endpoints/paused"
    assert upgraded.ask(path)["state"] == "paused"
    assert [each for each in upgraded.receiver.requests if each.path == "/paused"] == []
    upgraded.ask(f"{path}/resume", post={"reason": "their change is done"})
    assert wait_until(
        lambda: [each for each in upgraded.receiver.requests if each.path == "/paused"] != [], seconds=PATIENCE_SECONDS
    )


def test_a_request_that_is_sent_again_after_the_upgrade_is_recognised(upgraded: Upgraded) -> None:
    again = upgraded.ask("/events", post=EVENT, **{"Idempotency-Key": "order-17"})
    assert decode_id("evt", again["id"]) == upgraded.ids["done"]


def test_audit_and_alerts_are_still_there(upgraded: Upgraded) -> None:
    assert upgraded.row("SELECT action, reason FROM hookpost_audit_entry ORDER BY id LIMIT 1") == (
        "endpoint.pause",
        "a change of theirs",
    )
    assert upgraded.row("SELECT count(*) FROM hookpost_alert WHERE kind = 'failing'") == (1,)
