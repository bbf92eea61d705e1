"""Filters of endpoints that are pinned to a version: they look at what the endpoint is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from django.db import connection

from deliveries.models import ApiVersion, Customer, Delivery, Endpoint, Event, FanOut, Job
from deliveries.models.visible import Viewer
from deliveries.services.accepting import fan_out, filter_judge
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.accepting.filter_judge import judge
from deliveries.services.bodies.filter_bodies import mapped_bodies, mapped_events, matching
from deliveries.services.catalogue import version_table
from deliveries.services.catalogue.api_versions import create_version, endpoints_in, release_version, save_change
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.catalogue.version_schemas import changes_for, unreachable
from deliveries.services.endpoint.filter_preview import Verdict, preview_filter
from deliveries.services.endpoints import create_endpoint
from deliveries.services.reading.selection import Selection
from deliveries.services.resending.jobs import count_matching

pytestmark = pytest.mark.django_db

URL = "https://93.184.216.34/"
OLD, NEW = b'{"amount": 5}', b'{"total": {"value": 7}}'
FILTERS = {
    "old": ("v1", "$.data.amount > 6"),
    "new": ("v2", "$.data.total.value > 6"),
    "first": (None, "$.data.amount > 6"),
    "wrong": ("v1", "$.data.total.value > 6"),
    "plain": ("v1", ""),
}


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Versions of other tests are rolled back and not deleted."""
    version_table._forget()
    yield
    version_table._forget()


@pytest.fixture
def alice() -> Customer:
    """A customer with an endpoint for each filter; invoice.paid changed with the second version."""
    create_event_type({"name": "invoice.paid"}, actor="system")
    create_event_type({"name": "order.paid"}, actor="system")
    release_version(create_version({"name": "v1"}, actor="system"), actor="system")
    version = create_version({"name": "v2"}, actor="system")
    fields = {"down": "{amount: total.value}", "up": "{total: {value: amount}}"}
    save_change(version, "invoice.paid", fields, actor="system")
    release_version(version, actor="system")
    customer = Customer.objects.create(name="Alice")
    for uid, (pin, text) in FILTERS.items():
        create_endpoint(customer, {"url": URL, "uid": uid, "filter": text, "api_version": pin}, actor="system")
    version_table._forget()
    return customer


def sent(customer: Customer, data: bytes, version: str | None, *, event_type: str = "invoice.paid") -> set[str]:
    """The uids of the endpoints that an event goes to, once its fan-out is over."""
    draft = EventDraft(type=event_type, data=data, customer_id=customer.id, api_version=version)
    event_id = accept_event(draft).event_id
    while fan_out.continue_fan_outs(lambda lanes: None):
        pass
    assert not FanOut.objects.exists()
    found = Delivery.objects.filter(event_id=event_id).values_list("endpoint_id", flat=True)
    return {str(each) for each in Endpoint.objects.filter(id__in=list(found)).values_list("uid", flat=True)}


def test_a_filter_looks_at_the_data_as_the_endpoints_version_has_it(alice: Customer) -> None:
    """Given the same event in the old shape and in the new one, then each filter sees the shape it was written for."""
    assert sent(alice, NEW, "v2") == {"old", "new", "first", "plain"}
    assert sent(alice, b'{"amount": 7}', "v1") == {"old", "new", "first", "plain"}
    assert sent(alice, OLD, "v1") == {"plain"}
    assert sent(alice, b'{"total": {"value": 5}}', "v2") == {"plain"}


def test_only_an_event_that_some_filter_sees_otherwise_is_fanned_out_afterwards(alice: Customer) -> None:
    draft = EventDraft(type="order.paid", data=b'{"amount": 7}', customer_id=alice.id)
    assert not accept_event(draft).pending
    accepted = accept_event(EventDraft(type="invoice.paid", data=NEW, customer_id=alice.id))
    assert (accepted.pending, accepted.deliveries) == (True, None)
    Endpoint.objects.exclude(filter="").filter(api_version=None).update(deleted_at=datetime.now(UTC))
    Endpoint.objects.filter(api_version="v1").update(filter="")
    assert not accept_event(EventDraft(type="invoice.paid", data=NEW, customer_id=alice.id)).pending


def test_what_cannot_be_mapped_is_looked_at_as_it_was_emitted(alice: Customer) -> None:
    save_change(ApiVersion.objects.get(name="v2"), "invoice.paid", {"down": "missing"}, actor="system")
    version_table._forget()
    assert sent(alice, NEW, "v2") == {"new", "wrong", "plain"}
    save_change(ApiVersion.objects.get(name="v2"), "invoice.paid", {"down": ""}, actor="system")
    version_table._forget()
    assert sent(alice, NEW, "v2") == {"new", "wrong", "plain"}


def test_a_type_that_did_not_change_is_looked_at_as_ever(alice: Customer) -> None:
    assert sent(alice, b'{"amount": 7}', "v2", event_type="order.paid") == {"old", "first", "plain"}


def test_a_preview_and_a_replay_say_what_the_fan_out_does(alice: Customer) -> None:
    """Given events of both versions that no endpoint got, one of which cannot be mapped, then both find the same."""
    Endpoint.objects.update(event_types=["other.*"])
    for data, version in ((NEW, "v2"), (OLD, "v1"), (b'{"amount": 7}', "v1"), (b'{"amount": 1e400}', "v1")):
        accept_event(EventDraft(type="invoice.paid", data=data, customer_id=alice.id, api_version=version))
    Endpoint.objects.update(event_types=[])
    since = datetime.now(UTC) - timedelta(hours=1)
    for uid, number in (("old", 3), ("new", 2), ("first", 3), ("wrong", 0), ("plain", 4)):
        endpoint = Endpoint.objects.get(uid=uid)
        pin, text = FILTERS[uid]
        counts = preview_filter(alice.id, filter_=text, event_types=[], api_version=pin).counts
        assert counts[Verdict.MATCHED] == number, uid
        meant = Selection(customer_id=alice.id, endpoint_id=endpoint.id, since=since)
        assert count_matching(Job.Kind.REPLAY, meant, viewer=Viewer(alice.id)).number == number, uid


def test_an_explanation_shows_what_the_filter_looked_at(alice: Customer) -> None:
    accept_event(EventDraft(type="invoice.paid", data=NEW, customer_id=alice.id))
    for pin, found in (("v1", ["7"]), ("v2", [])):
        preview = preview_filter(alice.id, filter_="$.data.amount > 6", event_types=[], api_version=pin)
        assert [each.found for each in preview.examples[0].conditions] == [found]
        assert Event.objects.get().api_version == "v2"


def test_versions_in_which_a_type_looks_otherwise_are_those_with_a_mapping_between(alice: Customer) -> None:
    table = version_table.version_table()
    assert list(table.other_shapes("invoice.paid", "v2")) == ["v1", ""]
    assert list(table.other_shapes("invoice.paid", "v1")) == ["v2"]
    assert list(table.other_shapes("order.paid", "v2")) == []


def test_filters_of_several_pins_are_judged_in_the_order_of_their_endpoints(alice: Customer) -> None:
    """Given bodies that change from one endpoint to the next, then no endpoint is forgotten and none comes early."""
    event = Event.objects.get(pk=accept_event(EventDraft(type="order.paid", data=OLD, customer_id=alice.id)).event_id)
    ids = list(Endpoint.objects.exclude(filter="").order_by("id").values_list("id", flat=True))
    mapped = b'{"data": {"amount": 7, "total": {"value": 7}}}'
    Endpoint.objects.filter(id=ids[0]).update(description="written last, and so read last where no index is used")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
    for bodies in ({}, dict.fromkeys(ids, mapped), {ids[0]: mapped, ids[2]: mapped}):
        judged = judge(event.id, ids, bodies=bodies)
        assert judged.matched == [each for each in ids if each in bodies]
        assert (judged.failed, judged.left) == ([], [])


def test_what_no_time_is_left_for_is_named_from_the_first_on(alice: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    event = Event.objects.get(pk=accept_event(EventDraft(type="order.paid", data=OLD, customer_id=alice.id)).event_id)
    ids = list(Endpoint.objects.exclude(filter="").order_by("id").values_list("id", flat=True))
    monkeypatch.setattr(filter_judge, "TURN_SECONDS", -1.0)
    assert judge(event.id, ids, bodies={ids[1]: b"{}"}).left == ids
    monkeypatch.setattr(filter_judge, "EVENT_MS", -1)
    assert judge(event.id, ids, bodies={ids[1]: b"{}"}).failed == ids


def test_an_odd_number_among_many_events_is_found_by_halving(alice: Customer) -> None:
    """Given one event whose number no filter can evaluate, then the others are judged all the same."""
    Endpoint.objects.update(event_types=["other.*"])
    bodies = [b'{"amount": 7}', b'{"amount": 1e200000}', b'{"amount": 8}', b'{"amount": 1}', b'{"amount": 9}']
    drafts = [EventDraft(type="order.paid", data=each, customer_id=alice.id) for each in bodies]
    made = [accept_event(each).event_id for each in drafts]
    assert matching(made, "$.data.amount > 6", "v1") == {made[0], made[2], made[4]}
    assert matching([], "$.data.amount > 6", "v1") == set()


def test_events_that_look_otherwise_are_those_with_a_mapping_to_the_pin(alice: Customer) -> None:
    cases = (("invoice.paid", NEW, "v2"), ("invoice.paid", OLD, "v1"), ("order.paid", OLD, "v2"))
    made = [
        accept_event(EventDraft(type=name, data=data, customer_id=alice.id, api_version=version)).event_id
        for name, data, version in cases
    ]
    assert mapped_events(made, "v1") == mapped_events(made, None) == [made[0]]
    assert mapped_events(made, "v2") == [made[1]]
    assert mapped_events(made, "v9") == []
    assert mapped_events([], "v1") == []
    (body,) = mapped_bodies(made, "v2").values()
    assert orjson.loads(body)["data"] == {"total": {"value": 5}}


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ([], ["invoice.paid", "order.paid"]),
        (["invoice.*"], ["invoice.paid"]),
        (["order.paid"], ["order.paid"]),
        (["a.b"], []),
    ],
)
def test_an_endpoint_is_told_of_changes_of_what_it_gets(alice: Customer, patterns: list[str], names: list[str]) -> None:
    version = create_version({"name": "v3"}, actor="system")
    for name in ("invoice.paid", "order.paid"):
        save_change(version, name, {"down": "@"}, actor="system")
    assert list(changes_for(patterns)) == (["v2"] if "invoice.paid" in names else []), "v3 is being prepared"
    release_version(version, actor="system")
    assert list(changes_for(patterns).get("v3", {})) == names
    assert unreachable(patterns, start="v1", end="v3") == names
    assert unreachable(patterns, start="v1", end="v2") == []
    assert unreachable(patterns, start="v3", end="v1") == []
    assert unreachable(patterns, start="v1", end="v9") == []


def test_endpoints_are_counted_by_their_pins_and_those_without_as_of_the_oldest(alice: Customer) -> None:
    rows = Endpoint.objects.order_by("uid")
    for name, uids in (("v1", ["first", "old", "plain", "wrong"]), ("v2", ["new"]), ("v9", [])):
        assert [each.uid for each in endpoints_in(rows, name)] == uids
