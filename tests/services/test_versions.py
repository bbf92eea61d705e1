"""Versions without HTTP: what holds of a type in each, what is refused, and what a mapping is tried on."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from deliveries.errors import Conflict, InvalidInput
from deliveries.models import ApiVersion, Customer, Event, EventType, VersionChange
from deliveries.protocol.sending.payload import PayloadMode, Shaping
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.bodies.sent_bodies import body_sent, in_version, shaped_of
from deliveries.services.catalogue import version_preview, version_table
from deliveries.services.catalogue.api_versions import (
    create_version,
    delete_change,
    delete_version,
    newest_version,
    release_version,
    save_change,
    update_version,
)
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.catalogue.validation import rules_for, version_emitted
from deliveries.services.catalogue.version_preview import preview_change
from deliveries.services.catalogue.version_schemas import all_in_force, example_to_send, in_force

pytestmark = pytest.mark.django_db

# Each year one member of an order is called otherwise.
YEARS = {"2024": "a", "2025": "b", "2026": "c", "2027": "d"}
ACTOR = "user:ops"


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Versions of other tests are rolled back and not deleted."""
    version_table._forget()
    yield
    version_table._forget()


@pytest.fixture
def order() -> EventType:
    """A type that changes each year, and one that never does."""
    create_event_type({"name": "user.made", "example": {"n": 1}}, actor=ACTOR)
    made = create_event_type({"name": "order.made", "example": {"a": 1}, "schema": required("a")}, actor=ACTOR)
    before = ""
    for name, member in YEARS.items():
        version = create_version({"name": name}, actor=ACTOR)
        if before:
            change = {"down": f"{{{before}: {member}}}", "up": f"{{{member}: {before}}}", "schema": required(member)}
            save_change(version, "order.made", change | {"example": {member: 1}}, actor=ACTOR)
        release_version(version, actor=ACTOR)
        before = member
    version_table._forget()
    return made


def required(name: str) -> dict[str, object]:
    """A schema with one member."""
    return {"type": "object", "required": [name]}


def an_order(customer: Customer, member: str, version: str) -> Event:
    """An event of a version."""
    draft = EventDraft(
        type="order.made", data=b'{"%b": 7}' % member.encode(), customer_id=customer.id, api_version=version
    )
    return Event.objects.get(pk=accept_event(draft).event_id)


@pytest.mark.parametrize("wanted", YEARS)
@pytest.mark.parametrize("emitted", YEARS)
def test_from_each_version_a_way_leads_to_each_other(order: EventType, emitted: str, wanted: str) -> None:
    event = an_order(Customer.objects.create(name="Alice"), YEARS[emitted], emitted)
    shaped = shaped_of(event, Shaping(payload_mode=PayloadMode.DATA, api_version=wanted))
    same = b'{"%b": 7}' if emitted == wanted else b'{"%b":7}'
    assert shaped.body == same % YEARS[wanted].encode()
    assert shaped.headers == {"webhook-version": wanted}
    assert in_version(event, wanted).api_version == wanted


def test_where_no_way_leads_the_stored_body_is_shown_and_a_version_is_refused(order: EventType) -> None:
    event = an_order(Customer.objects.create(name="Alice"), "a", "2024")
    VersionChange.objects.filter(version__name="2026").update(up="")
    version_table._forget()
    assert body_sent(event, Shaping(api_version="2027")) == bytes(event.body)
    with pytest.raises(Conflict, match=r"no mapping of order\.made is declared from 2025 to 2026"):
        in_version(event, "2027")
    with pytest.raises(InvalidInput):
        in_version(event, "2028")


def test_what_holds_in_a_version_is_what_changed_last_and_a_customers_own_type_has_none(order: EventType) -> None:
    alice = Customer.objects.create(name="Alice")
    own = create_event_type({"name": "order.made", "example": {"mine": 1}}, customer=alice, actor=ACTOR)
    for name, member in YEARS.items():
        held = in_force(order, name)
        assert (held.schema, held.example, held.since) == (
            required(member),
            {member: 1},
            None if name == "2024" else name,
        )
        assert in_force(own, name).example == {"mine": 1}
    assert in_force(order, None).example == {"a": 1}
    other = EventType.objects.get(name="user.made")
    assert all_in_force([order, other], "2026")["user.made"].since is None
    VersionChange.objects.filter(version__name="2027").update(example=None)
    assert example_to_send(order, ["2027", "2025"]) == ({"b": 1}, "2025")
    assert example_to_send(order, ["2027"]) == (None, None)


def test_a_mapping_is_tried_on_events_of_all_versions_as_far_as_ways_lead_there(order: EventType) -> None:
    alice = Customer.objects.create(name="Alice")
    events: dict[str, UUID] = {name: an_order(alice, member, name).id for name, member in YEARS.items()}
    accept_event(EventDraft(type="user.made", data=b'{"c": 9}', customer_id=alice.id))
    version = ApiVersion.objects.get(name="2026")
    found = {each.event_id: each for each in preview_change(version, "order.made", {"down": "{b: to_string(c)}"})}
    told = {event_id: (each.direction, each.before, each.after) for event_id, each in found.items() if event_id}
    assert told == {
        events["2024"]: ("up", {"b": 7}, {"c": 7}),
        events["2025"]: ("up", {"b": 7}, {"c": 7}),
        events["2026"]: ("down", {"c": 7}, {"b": "7"}),
        events["2027"]: ("down", {"c": 7}, {"b": "7"}),
    }
    assert not any(each.violations for each in found.values())
    VersionChange.objects.filter(version__name="2025").update(up="")
    version_table._forget()
    found = {each.event_id: each for each in preview_change(version, "order.made", {})}
    assert found[events["2024"]].error == "version_not_mapped"
    assert found[events["2025"]].after == {"c": 7}


def test_a_preview_looks_at_few_events_and_at_none_that_was_erased(
    order: EventType, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, version = Customer.objects.create(name="Alice"), ApiVersion.objects.get(name="2027")
    events = [an_order(alice, "d", "2027").id for _ in range(5)]
    Event.objects.filter(pk=events[4]).update(erased_at="2026-01-01T00:00:00Z")
    found = [each.event_id for each in preview_change(version, "order.made", {}, limit=2) if each.event_id]
    assert found == [events[3], events[2]]
    monkeypatch.setattr(version_preview, "LOOKED_AT", 1)
    found = [each.event_id for each in preview_change(version, "order.made", {}) if each.event_id]
    assert found == [events[3]]


def test_what_was_released_stays_and_what_is_prepared_goes_with_its_changes(order: EventType) -> None:
    draft = create_version({"name": "2028"}, actor=ACTOR)
    change = save_change(draft, "order.made", {"down": "@"}, actor=ACTOR)
    assert newest_version() == "2027"
    delete_change(change, actor=ACTOR)
    save_change(draft, "order.made", {"down": "@"}, actor=ACTOR)
    delete_version(draft, actor=ACTOR)
    assert VersionChange.objects.filter(version__name="2028").count() == 0
    released = ApiVersion.objects.get(name="2027")
    for refused in (
        lambda: delete_version(released, actor=ACTOR),
        lambda: delete_change(released.changes.get(), actor=ACTOR),
        lambda: save_change(ApiVersion.objects.get(name="2024"), "order.made", {"down": "@"}, actor=ACTOR),
    ):
        with pytest.raises(Conflict):
            refused()
    assert update_version(released, {"description": "d"}, actor=ACTOR).description == "d"
    with pytest.raises(InvalidInput):
        update_version(released, {"description": "x" * 5001}, actor=ACTOR)


def test_who_has_the_rules_in_hand_while_versions_change_emits_in_the_newest_still(order: EventType) -> None:
    newest = newest_version()
    assert newest is not None
    rules_for([order.name])
    version_table._forget()  # by another thread, after a release or a change
    assert version_emitted(None) == newest
    assert version_emitted(newest) == newest
