"""Endpoints: what each verb changes, refuses and writes into the audit trail."""

from __future__ import annotations

import pytest
from django.utils import timezone

from deliveries.errors import Conflict, InvalidFilter, InvalidHeader, InvalidInput, InvalidUrl
from deliveries.models import AuditEntry, Customer, Delivery, DueDelivery, Endpoint, Event, Lane
from deliveries.models.base import new_id
from deliveries.protocol.signing.secrets import format_secret
from deliveries.protocol.writing.ids import delivery_id
from deliveries.services import endpoints
from deliveries.services.endpoint.endpoint_secrets import new_secret
from deliveries.services.resending import backlog
from tests.reading import rows_read

pytestmark = pytest.mark.django_db

ACTOR = "key:tests"


@pytest.fixture
def alice() -> Customer:
    return Customer.objects.create(name="Alice", uid="alice")


@pytest.fixture
def url(receiver_ports: list[int]) -> str:
    return f"http://127.0.0.1:{receiver_ports[0]}/hook"


@pytest.fixture
def endpoint(alice: Customer, url: str) -> Endpoint:
    return endpoints.create_endpoint(alice, {"url": url}, actor=ACTOR)[0]


def acts(endpoint: Endpoint) -> list[str]:
    return list(AuditEntry.objects.filter(object_id=endpoint.public_id).order_by("id").values_list("action", flat=True))


def waiting(endpoint: Endpoint, *, held: bool = False, manual: bool = False) -> Delivery:
    """A delivery of that endpoint in the queue; one that is held is due at no time."""
    event_id = new_id()
    Event.objects.create(id=event_id, customer=endpoint.customer, type="a.b", body=b"{}", created_at=timezone.now())
    delivery = Delivery.objects.create(
        id=delivery_id(event_id, endpoint.id),
        event_id=event_id,
        endpoint=endpoint,
        customer=endpoint.customer,
        event_type="a.b",
        state="held" if held else "pending",
        created_at=timezone.now(),
    )
    DueDelivery.objects.create(
        delivery_id=delivery.id,
        manual=manual,
        endpoint_id=endpoint.id,
        event_id=event_id,
        due_at=None if held else timezone.now(),
    )
    return delivery


def test_a_new_endpoint_has_a_lane_and_one_secret_that_opens(alice: Customer, url: str) -> None:
    endpoint, secret = endpoints.create_endpoint(alice, {"url": url}, actor=ACTOR)
    (kept,) = endpoint.secrets.all()
    assert secret.startswith("whsec_")
    assert kept.hint == secret[-4:]
    assert secret.encode() not in bytes(kept.sealed)
    assert Lane.objects.filter(endpoint=endpoint).exists()
    assert acts(endpoint) == ["endpoint.create"]


def test_a_given_secret_is_kept_and_a_weak_one_refused(alice: Customer, url: str) -> None:
    given = new_secret()
    assert endpoints.create_endpoint(alice, {"url": url, "secret": given}, actor=ACTOR)[1] == given
    with pytest.raises(InvalidInput) as caught:
        endpoints.create_endpoint(alice, {"url": url, "secret": "whsec_c2hvcnQ="}, actor=ACTOR)
    assert caught.value.field == "secret"


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("url", "http://169.254.169.254/", InvalidUrl),
        ("url", "https://user@example.com/", InvalidUrl),
        ("url", "http://127.0.0.1:9/", InvalidUrl),
        ("filter", '$.a like_regex "x"', InvalidFilter),
        ("headers", {"Host": "x"}, InvalidHeader),
        ("headers", {"webhook-id": "x"}, InvalidHeader),
        ("event_types", ["a.*.b"], InvalidInput),
        ("event_types", ["*"], InvalidInput),
        ("signing", "rot13", InvalidInput),
        ("payload_mode", "huge", InvalidInput),
        ("rate_limit", 0, InvalidInput),
        ("max_in_flight", 101, InvalidInput),
        ("timeout_seconds", 31, InvalidInput),
        ("retry_schedule", [], InvalidInput),
        ("retry_schedule", [0, -1], InvalidInput),
        ("description", "x" * 301, InvalidInput),
        ("description", "a\x00b", InvalidInput),
        ("uid", "a b", InvalidInput),
        ("state", "sleeping", InvalidInput),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_stored(
    alice: Customer, url: str, field: str, value: object, error: type[InvalidInput]
) -> None:
    with pytest.raises(error) as caught:
        endpoints.create_endpoint(alice, {"url": url, field: value}, actor=ACTOR)
    assert caught.value.field == field
    assert not Endpoint.objects.exists()


def test_a_uid_is_taken_once_per_customer(alice: Customer, url: str) -> None:
    endpoints.create_endpoint(alice, {"url": url, "uid": "main"}, actor=ACTOR)
    with pytest.raises(Conflict):
        endpoints.create_endpoint(alice, {"url": url, "uid": "main"}, actor=ACTOR)
    bob = Customer.objects.create(name="Bob")
    assert endpoints.create_endpoint(bob, {"url": url, "uid": "main"}, actor=ACTOR)[0].uid == "main"


def test_an_update_changes_only_what_is_given(endpoint: Endpoint) -> None:
    endpoints.update_endpoint(endpoint, {"description": "new", "rate_limit": 5}, actor=ACTOR)
    kept = Endpoint.objects.get()
    assert (kept.description, kept.rate_limit, kept.timeout_seconds, kept.url) == ("new", 5, 15, endpoint.url)
    endpoints.update_endpoint(endpoint, {"rate_limit": None}, actor=ACTOR)
    assert Endpoint.objects.get().rate_limit is None


def test_another_host_clears_the_secret_headers(endpoint: Endpoint, receiver_ports: list[int]) -> None:
    endpoints.update_endpoint(endpoint, {"headers": {"X-Token": "s3cret"}}, actor=ACTOR)
    endpoints.update_endpoint(endpoint, {"url": endpoint.url + "/other"}, actor=ACTOR)
    assert Endpoint.objects.get().headers == {"x-token": "s3cret"}
    endpoints.update_endpoint(endpoint, {"url": f"http://[::1]:{receiver_ports[1]}/"}, actor=ACTOR)
    kept = Endpoint.objects.get()
    assert (kept.headers, kept.header_names) == ({}, [])


def test_another_host_keeps_headers_given_with_it(endpoint: Endpoint, receiver_ports: list[int]) -> None:
    url = f"http://[::1]:{receiver_ports[1]}/"
    endpoints.update_endpoint(endpoint, {"url": url, "headers": {"X-Token": "fresh"}}, actor=ACTOR)
    assert Endpoint.objects.get().headers == {"x-token": "fresh"}


def test_secret_headers_are_sealed_and_absent_from_the_trail(endpoint: Endpoint) -> None:
    endpoints.update_endpoint(endpoint, {"headers": {"X-Token": "s3cret"}}, actor=ACTOR)
    assert b"s3cret" not in bytes(Endpoint.objects.get().headers_sealed or b"")
    assert "s3cret" not in str(list(AuditEntry.objects.values()))


def test_rotation_keeps_the_old_secret_for_a_while(endpoint: Endpoint) -> None:
    fresh = endpoints.rotate_secret(endpoint, actor=ACTOR)
    newest, older = endpoint.secrets.all()
    assert (newest.hint, newest.expires_at) == (fresh[-4:], None)
    assert older.expires_at is not None
    assert 23 < (older.expires_at - timezone.now()).total_seconds() / 3600 <= 24


def test_rotation_after_a_leak_keeps_no_old_secret(endpoint: Endpoint) -> None:
    endpoints.rotate_secret(endpoint, actor=ACTOR)
    fresh = endpoints.rotate_secret(endpoint, actor=ACTOR, keep_hours=0)
    assert [secret.hint for secret in endpoint.secrets.all()] == [fresh[-4:]]


def test_a_secret_that_is_given_again_signs_once_and_does_not_end(endpoint: Endpoint) -> None:
    first = endpoints.rotate_secret(endpoint, actor=ACTOR)
    for secret in (None, first, first):
        endpoints.rotate_secret(endpoint, actor=ACTOR, secret=secret)
    *others, newest = [secret for secret in endpoint.secrets.order_by("id") if secret.expires_at is None]
    kept = [format_secret(secret.open_key()) for secret in endpoint.secrets.all()]
    assert (others, newest.hint, kept.count(first), len(kept)) == ([], first[-4:], 1, 3)


@pytest.mark.parametrize(
    "steps",
    [
        [{"headers": {"x_acme": "7"}}, {"signing": {"header": "X-Acme"}}],
        [{"signing": {"header": "X-Acme", "timestamp_header": "X-Time"}}, {"headers": {"X_Time": "7"}}],
        [{"signing": {"header": "Ce-Id"}}, {"payload_mode": "cloudevents_binary"}],
        [{"payload_mode": "cloudevents_binary"}, {"signing": {"header": "X-Acme", "timestamp_header": "Ce-Time"}}],
        [{"payload_mode": "cloudevents_binary"}, {"headers": {"ce_id": "7"}}],
        [{"send_trace_context": True}, {"signing": {"header": "traceparent"}}],
    ],
)
def test_no_header_is_sent_twice_whatever_sets_it(endpoint: Endpoint, steps: list[dict[str, object]]) -> None:
    """Given receivers to which - and _ in a name are the same, as to all behind WSGI or CGI."""
    first, second = steps
    endpoints.update_endpoint(endpoint, first, actor=ACTOR)
    with pytest.raises(InvalidInput, match=r"is set by|signature.s, and a custom one"):
        endpoints.update_endpoint(endpoint, second, actor=ACTOR)


def test_a_signing_profile_that_needs_a_shared_secret_refuses_an_ed25519_key(endpoint: Endpoint) -> None:
    import base64

    seed = "whsk_" + base64.b64encode(bytes(range(32))).decode()
    endpoints.rotate_secret(endpoint, actor=ACTOR, secret=seed, keep_hours=0)
    with pytest.raises(InvalidInput) as caught:
        endpoints.update_endpoint(endpoint, {"signing": "github"}, actor=ACTOR)
    assert caught.value.field == "signing"


def test_pause_and_resume_set_the_state_and_leave_the_queue_alone(endpoint: Endpoint) -> None:
    delivery = waiting(endpoint)
    endpoints.pause_endpoint(endpoint, actor=ACTOR, reason="maintenance")
    assert (endpoint.state, endpoint.state_reason, endpoint.draining) == ("paused", "maintenance", False)
    Lane.objects.update(failures=7, opened=2, rest_until=timezone.now())
    endpoints.resume_endpoint(endpoint, actor=ACTOR)
    lane = Lane.objects.get()
    assert (endpoint.state, endpoint.draining) == ("enabled", True)
    assert (lane.failures, lane.opened, lane.rest_until) == (0, 0, None)
    assert DueDelivery.objects.filter(delivery_id=delivery.id).exists()
    assert acts(endpoint) == ["endpoint.create", "endpoint.pause", "endpoint.resume"]


def test_a_resume_can_cancel_the_backlog_but_not_redeliveries(endpoint: Endpoint) -> None:
    held, redelivered = waiting(endpoint, held=True), waiting(endpoint, manual=True)
    endpoints.disable_endpoint(endpoint, actor=ACTOR, reason="broken")
    endpoints.resume_endpoint(endpoint, actor=ACTOR, cancel_backlog=True)
    assert Delivery.objects.get(id=held.id).state == "cancelled"
    assert Delivery.objects.get(id=redelivered.id).state == "pending"
    assert list(DueDelivery.objects.values_list("delivery_id", flat=True)) == [redelivered.id]


def test_a_disabled_endpoint_cannot_be_paused(endpoint: Endpoint) -> None:
    endpoints.disable_endpoint(endpoint, actor=ACTOR, reason="410")
    with pytest.raises(Conflict):
        endpoints.pause_endpoint(endpoint, actor=ACTOR)


def test_the_state_can_be_patched(endpoint: Endpoint) -> None:
    endpoints.update_endpoint(endpoint, {"state": "paused"}, actor=ACTOR)
    assert Endpoint.objects.get().state == "paused"
    assert acts(endpoint)[-1] == "endpoint.pause"


def test_deleting_keeps_the_row_without_its_secrets_and_cancels_what_waits(alice: Customer, url: str) -> None:
    endpoint, _ = endpoints.create_endpoint(
        alice, {"url": url, "uid": "main", "headers": {"X-Token": "t"}}, actor=ACTOR
    )
    delivery = waiting(endpoint)
    endpoints.delete_endpoint(endpoint, actor=ACTOR)
    kept = Endpoint.objects.get()
    assert kept.deleted_at is not None
    assert (kept.uid, kept.headers, kept.secrets.count()) == (None, {}, 0)
    assert Delivery.objects.get(id=delivery.id).state == "cancelled"
    assert not DueDelivery.objects.exists()


def test_a_big_backlog_is_cancelled_in_batches(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "CANCEL_BATCH", 2)
    for _ in range(5):
        waiting(endpoint)
    assert backlog.cancel_waiting(endpoint_id=endpoint.id) == 5
    assert set(Delivery.objects.values_list("state", flat=True)) == {"cancelled"}


def test_of_a_very_big_backlog_a_deletion_leaves_the_rest_to_the_rounds(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "CANCEL_BATCH", 2)
    for _ in range(9):
        waiting(endpoint)
    endpoints.delete_endpoint(endpoint, actor=ACTOR)
    assert DueDelivery.objects.count() == 9 - 2 * endpoints.DELETE_BATCHES
    assert [backlog.cancel_orphans() for _ in range(3)] == [2, 1, 0]
    assert set(Delivery.objects.values_list("state", flat=True)) == {"cancelled"}


def test_cancelling_a_batch_costs_the_same_however_long_the_backlog_is(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "CANCEL_BATCH", 5)
    for _ in range(100):
        waiting(endpoint)
    with rows_read("hookpost_due_delivery") as read:
        backlog.cancel_waiting(endpoint_id=endpoint.id, batches=1)
    assert 5 <= read.rows <= 40
    assert DueDelivery.objects.count() == 95
