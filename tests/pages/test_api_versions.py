"""Versions on the staff's pages: prepared, tried, released; and on the endpoint's page: looked at, and moved to."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape

import pytest
from django.http import HttpResponse
from django.test import Client

from deliveries.models import ApiVersion, AuditEntry, Endpoint, EventType, Member, VersionChange
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.catalogue import version_table
from deliveries.services.catalogue.api_versions import create_version, release_version, save_change
from deliveries.services.catalogue.event_types import create_event_type
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db

STAFF = "/admin/deliveries"
OLD = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}
NEW = '{"type": "object", "required": ["total"], "properties": {"total": {"type": "object"}}}'
CHANGE = {"event_type": "invoice.paid", "schema": NEW, "example": '{"total": {"value": 2}}', "up": ""}
DOWN = "{amount: total.value}"
SITES = pytest.mark.parametrize("site", ["admin", "portal"])


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Versions of other tests are rolled back and not deleted."""
    version_table._forget()
    yield
    version_table._forget()


@pytest.fixture
def prepared(acme: House) -> ApiVersion:
    """Last year's version, and this year's, of which nothing is said yet."""
    create_event_type({"name": "invoice.paid", "schema": OLD, "example": {"amount": 1}}, actor="system")
    create_event_type({"name": "order.paid"}, actor="system")
    release_version(create_version({"name": "2025-11-01"}, actor="system"), actor="system")
    return create_version({"name": "2026-11-01", "description": "Totals are objects."}, actor="system")


@pytest.fixture
def released(prepared: ApiVersion) -> ApiVersion:
    """Both versions, the second with its change of invoice.paid, and an event of each."""
    fields = {"schema": {"properties": {"total": {"type": "object"}}}, "example": {"total": {"value": 2}}}
    save_change(prepared, "invoice.paid", {**fields, "down": DOWN}, actor="system")
    version = release_version(prepared, actor="system")
    version_table._forget()
    return version


def text_of(answer: HttpResponse) -> str:
    """What an answer shows, in one line."""
    return " ".join(unescape(answer.content.decode()).split())


def posted(client: Client, place: str, **form: str) -> str:
    """Post a form; the page that follows, or the form with what is wrong in it."""
    return text_of(client.post(place, form, follow=True))


def test_a_version_is_prepared_tried_and_released_by_hand(alice: Client, prepared: ApiVersion, acme: House) -> None:
    page = f"{STAFF}/apiversion/{prepared.public_id}/change/"
    assert "in preparation" in text_of(alice.get(f"{STAFF}/apiversion/"))
    assert f"versionchange/add/?version={prepared.pk}" in text_of(alice.get(page))
    add = f"{STAFF}/versionchange/add/?version={prepared.pk}"
    assert f'<option value="{prepared.pk}" selected>2026-11-01' in text_of(alice.get(add))
    posted(alice, add, version=str(prepared.pk), **CHANGE, down="")
    change = VersionChange.objects.get()
    assert (change.version, change.example, change.down) == (prepared, {"total": {"value": 2}}, "")
    release = f"{STAFF}/apiversion/{prepared.public_id}/release/"
    assert "There is no mapping down of invoice.paid" in text_of(alice.get(page))
    assert "new endpoints are pinned to it" in posted(alice, release)
    assert "No mapping down is declared for invoice.paid" in posted(alice, release, confirmed="yes")
    tried = posted(alice, f"{STAFF}/versionchange/{change.public_id}/preview/", **CHANGE, down=DOWN)
    assert "to the version before" in tried
    assert VersionChange.objects.get().down == "", "a try keeps nothing"
    posted(alice, f"{STAFF}/versionchange/{change.public_id}/change/", **CHANGE, down=DOWN)
    assert VersionChange.objects.get().down == DOWN
    assert "2026-11-01 is released." in posted(alice, release, confirmed="yes")
    assert ApiVersion.objects.get(pk=prepared.pk).released_at is not None
    assert acme.endpoint.api_version is None
    trail = text_of(alice.get(f"{STAFF}/apiversion/{prepared.public_id}/history/"))
    for action in ("API version made", "Change of an event type kept with an API version", "API version released"):
        assert action in trail
    assert "event type: invoice.paid" in trail
    assert set(AuditEntry.objects.filter(object_id=prepared.public_id).values_list("actor", flat=True)) >= {
        "user:alice"
    }


def test_a_release_without_a_mapping_is_for_who_says_so(alice: Client, prepared: ApiVersion) -> None:
    save_change(prepared, "invoice.paid", {}, actor="system")
    place = f"{STAFF}/apiversion/{prepared.public_id}/release/"
    assert '<input type="hidden" name="force" value="on">' in posted(alice, place, force="on")
    assert "2026-11-01 is released." in posted(alice, place, force="on", confirmed="yes")


def test_mappings_are_tried_on_examples_and_events_before_they_are_kept(
    alice: Client, acme: House, released: ApiVersion
) -> None:
    """Given an event that was emitted in the version, and the house's of before with a number that no double holds."""
    accept_event(EventDraft(type="invoice.paid", data=b'{"total": {"value": 7}}', customer_id=acme.customer.id))
    place = f"{STAFF}/versionchange/{VersionChange.objects.get().public_id}/preview/"
    shown = text_of(alice.get(place))
    assert "the event holds a number that cannot be read" in shown
    assert ">null<" not in shown, "of what cannot be read nothing is shown"
    assert '<span class="hp-j-key">"amount"</span>: <span class="hp-j-number">7</span>' in shown
    assert "It breaks the schema" not in shown
    broken = posted(alice, place, down="{amount: total.text}")
    assert "It breaks the schema" in broken
    assert "/amount" in broken
    assert "cannot be read" in posted(alice, place, down="{")
    assert "The mapping to the endpoint's version failed" in posted(alice, place, down="missing")


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"name": "a b"}, "A version has 1 to 32 of the characters"),
        ({"name": "2025-11-01"}, "There is a version 2025-11-01 already."),
        ({"name": ""}, "This field is required."),
    ],
)
def test_a_name_that_no_version_has_is_refused(
    form: dict[str, str], says: str, alice: Client, prepared: ApiVersion
) -> None:
    assert says in posted(alice, f"{STAFF}/apiversion/add/", **form)
    assert ApiVersion.objects.count() == 2


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"down": "{"}, "cannot be read"),
        ({"example": '{"total": 1}'}, "Does not fit the schema"),
        ({"schema": '{"type": 7}'}, "errorlist"),
        ({"schema": "{"}, "This is no JSON: look at line 1, column 2."),
        ({"event_type": "nosuch.type"}, "Select a valid choice."),
        ({"version": "x"}, "Select a valid choice."),
    ],
)
def test_a_change_is_refused_as_by_api_and_nothing_is_kept(
    form: dict[str, str], says: str, alice: Client, prepared: ApiVersion
) -> None:
    answer = posted(alice, f"{STAFF}/versionchange/add/", **({"version": str(prepared.pk)} | CHANGE | form))
    assert says in answer
    assert not VersionChange.objects.exists()


def test_what_is_declared_is_not_declared_again_but_changed(alice: Client, prepared: ApiVersion) -> None:
    save_change(prepared, "invoice.paid", {"down": DOWN}, actor="system")
    answer = posted(alice, f"{STAFF}/versionchange/add/", version=str(prepared.pk), **CHANGE)
    assert "It is declared already how this event type changes with this version." in answer
    assert VersionChange.objects.get().down == DOWN


def test_what_was_released_is_mended_and_never_deleted(alice: Client, released: ApiVersion) -> None:
    change = VersionChange.objects.get()
    place = f"{STAFF}/versionchange/{change.public_id}"
    other = {"schema": '{"required": ["more"]}', "example": "", "down": DOWN, "up": "@"}
    assert "This schema may break receivers" in posted(alice, f"{place}/change/", **other)
    posted(alice, f"{place}/change/", **other, force="on")
    change.refresh_from_db()
    assert (change.up, change.schema) == ("@", {"required": ["more"]})
    for gone in (place, f"{STAFF}/apiversion/{released.public_id}"):
        assert alice.post(f"{gone}/delete/", {"post": "yes"}).status_code == 403
    posted(alice, f"{STAFF}/apiversion/{released.public_id}/change/", description="Totals.")
    assert ApiVersion.objects.get(pk=released.pk).description == "Totals."


def test_what_is_being_prepared_is_forgotten_with_its_changes(alice: Client, prepared: ApiVersion) -> None:
    for event_type in ("invoice.paid", "order.paid"):
        save_change(prepared, event_type, {"down": "@"}, actor="system")
    change = VersionChange.objects.get(event_type="order.paid")
    posted(alice, f"{STAFF}/versionchange/{change.public_id}/delete/", post="yes")
    assert VersionChange.objects.get().event_type == "invoice.paid"
    page = f"{STAFF}/apiversion/{prepared.public_id}/delete/"
    assert "2026-11-01 and its changes" in text_of(alice.get(page))
    posted(alice, page, post="yes")
    assert not VersionChange.objects.exists()
    assert {"api_version.unchange", "api_version.delete"} <= set(AuditEntry.objects.values_list("action", flat=True))


def test_a_version_shows_who_is_pinned_to_it(alice: Client, released: ApiVersion, acme: House, globex: House) -> None:
    Endpoint.objects.filter(pk=globex.endpoint.pk).update(api_version="2026-11-01")
    for name, url in (("2025-11-01", acme.endpoint.url), ("2026-11-01", globex.endpoint.url)):
        rows = alice.get(f"{STAFF}/endpoint/?api_version={name}").context["listing"].rows
        assert [row.url for row in rows] == [url], name
    page = text_of(alice.get(f"{STAFF}/apiversion/{released.public_id}/change/"))
    assert 'endpoint/?api_version=2026-11-01">1</a>' in page
    oldest = ApiVersion.objects.get(name="2025-11-01")
    assert "It is the oldest" in text_of(alice.get(f"{STAFF}/apiversion/{oldest.public_id}/change/"))
    assert alice.get(f"{STAFF}/endpoint/?api_version=nosuch").context["asked"].is_refused


@SITES
def test_an_endpoint_is_moved_by_who_has_seen_what_changes(
    site: str, alice: Client, carol: Client, acme: House, released: ApiVersion
) -> None:
    client, page = alice if site == "admin" else carol, f"/{site}/deliveries/endpoint/{acme.endpoint.public_id}"
    assert f"{page}/versions/" in text_of(client.get(f"{page}/change/"))
    shown = text_of(client.get(f"{page}/versions/"))
    assert '<strong class="hp-code">2025-11-01</strong>' in shown
    assert "Totals are objects." in shown
    assert "invoice.paid</a>" in shown
    assert 'value="2026-11-01" selected' in text_of(client.get(f"{page}/payload/?api_version=2026-11-01"))
    asked = posted(client, f"{page}/move/", version="2026-11-01")
    assert "Move it to 2026-11-01?" in asked
    assert "What is still emitted in an older version is not sent of: invoice.paid." in asked
    assert Endpoint.objects.get(pk=acme.endpoint.pk).api_version is None
    assert "It is pinned to 2026-11-01 now." in posted(client, f"{page}/move/", version="2026-11-01", confirmed="yes")
    assert Endpoint.objects.get(pk=acme.endpoint.pk).api_version == "2026-11-01"
    assert "not sent of" not in posted(client, f"{page}/move/", version="2025-11-01"), "back, all is mapped"
    assert "There is no released version x" in posted(client, f"{page}/move/", version="x", confirmed="yes")
    assert AuditEntry.objects.filter(action="endpoint.update", object_id=acme.endpoint.public_id).count() == 1


def test_of_versions_a_member_sees_what_was_released_and_what_is_sent(
    carol: Client, acme: House, released: ApiVersion
) -> None:
    create_version({"name": "2027-11-01"}, actor="system")
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(event_types=["order.*"])
    page = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}"
    shown = text_of(carol.get(f"{page}/versions/"))
    assert "Nothing of what is sent here changes with it." in shown
    assert "2027-11-01" not in shown
    assert "invoice.paid" not in shown
    for noun, row in (("apiversion", released), ("versionchange", VersionChange.objects.get())):
        assert carol.get(f"/portal/deliveries/{noun}/{row.public_id}/change/").status_code == 404
    Member.objects.filter(pk=acme.member.pk).update(role="viewer")
    assert "Move it here" not in text_of(carol.get(f"{page}/versions/"))
    assert carol.post(f"{page}/move/", {"version": "2026-11-01", "confirmed": "yes"}).status_code == 403
    assert Endpoint.objects.get(pk=acme.endpoint.pk).api_version is None


@SITES
def test_without_versions_an_endpoint_has_no_page_of_them(site: str, alice: Client, carol: Client, acme: House) -> None:
    client, page = alice if site == "admin" else carol, f"/{site}/deliveries/endpoint/"
    assert client.get(f"{page}{acme.endpoint.public_id}/versions/").status_code == 404
    assert "API version</" not in text_of(client.get(page))
    if site == "admin":
        assert "The first one is a name for what there is today." in text_of(client.get(f"{STAFF}/apiversion/"))


def test_the_catalogue_says_what_changed_with_a_version(carol: Client, acme: House, released: ApiVersion) -> None:
    entry = f"/portal/catalogue/{EventType.objects.get(name='invoice.paid').public_id}/"
    shown = text_of(carol.get(f"{entry}?version=2026-11-01"))
    assert "What changed since 2025-11-01" in shown
    assert '<td class="hp-code">amount</td><td>is gone</td>' in shown
    assert '<td class="hp-code">total</td><td>is new: object</td>' in shown
    assert "What changed since" not in text_of(carol.get(f"{entry}?version=2025-11-01"))


def test_pages_of_versions_hold_no_english_sentence_in_another_language(
    alice: Client, carol: Client, acme: House, released: ApiVersion
) -> None:
    from tests.pages.test_languages import english_on

    change = VersionChange.objects.get()
    ours = ("apiversion/", "versionchange/", "apiversion/add/", f"apiversion/{released.public_id}/change/")
    ours = (*ours, *(f"versionchange/{change.public_id}/{page}/" for page in ("change", "preview")))
    assert english_on(alice, [f"{STAFF}/{page}" for page in ours]) == {}
    page = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}"
    assert english_on(carol, [f"{page}/versions/", f"{page}/payload/"]) == {}


def test_what_is_refused_is_told_in_the_readers_language(alice: Client, prepared: ApiVersion) -> None:
    german = {"accept-language": "de"}
    page = alice.post(f"{STAFF}/apiversion/add/", {"name": "2025-11-01"}, headers=german).content.decode()
    assert "Es gibt schon eine Version 2025-11-01." in page
    save_change(prepared, "invoice.paid", {}, actor="system")
    place = f"{STAFF}/apiversion/{prepared.public_id}/release/"
    page = alice.post(place, {"confirmed": "yes"}, headers=german, follow=True).content.decode()
    assert "Für invoice.paid ist keine Abbildung abwärts festgelegt; @ ist die Abbildung von Daten" in page
    page = alice.post(place, headers=german).content.decode()
    assert "2026-11-01 freigeben?" in page


def test_versions_are_found_by_name_and_changes_by_version(alice: Client, released: ApiVersion) -> None:
    assert "2026-11-01" in text_of(alice.get("/admin/find/?q=2026-11"))
    for noun, words, number in (
        ("apiversion", "2026", 1),
        ("apiversion", "objects", 1),
        ("apiversion", "nosuch", 0),
        ("versionchange", "invoice", 1),
        ("versionchange", "2026-11-01", 1),
        ("versionchange", "order", 0),
    ):
        found = alice.get(f"{STAFF}/{noun}/?q={words}").context["listing"].lines
        assert len(found) == number, (noun, words)
    assert "changes with a version yet" not in text_of(alice.get(f"{STAFF}/versionchange/"))


def test_support_sees_versions_and_tries_mappings_but_changes_nothing(bob: Client, released: ApiVersion) -> None:
    change = VersionChange.objects.get()
    page = text_of(bob.get(f"{STAFF}/apiversion/{released.public_id}/change/"))
    assert "invoice.paid" in page
    assert "Say how an event type changes" not in page
    tried = {"down": "{amount: `3`}", "example": '{"total": {}}'}
    assert "The example" in posted(bob, f"{STAFF}/versionchange/{change.public_id}/preview/", **tried)
    for place in (f"versionchange/{change.public_id}/change/", f"apiversion/{released.public_id}/change/"):
        assert bob.post(f"{STAFF}/{place}", {"description": "x", "down": "@"}).status_code == 403
    change.refresh_from_db()
    assert (change.down, change.version.description) == (DOWN, "Totals are objects.")


def test_pages_of_versions_answer_no_other_method(alice: Client, acme: House, released: ApiVersion) -> None:
    change = VersionChange.objects.get()
    for place, method in (
        (f"versionchange/{change.public_id}/preview/", "PUT"),
        (f"apiversion/{released.public_id}/release/", "DELETE"),
        (f"endpoint/{acme.endpoint.public_id}/versions/", "POST"),
    ):
        assert alice.generic(method, f"{STAFF}/{place}").status_code == 405, place
    for place in ("versionchange/vch_nosuch/preview/", f"apiversion/{change.public_id}/change/"):
        assert alice.get(f"{STAFF}/{place}").status_code in (302, 404), place


def test_members_narrow_their_endpoints_by_version(carol: Client, acme: House, released: ApiVersion) -> None:
    place = "/portal/deliveries/endpoint/"
    assert 'name="api_version"' in text_of(carol.get(place))
    for name, number in (("2025-11-01", 1), ("2026-11-01", 0)):
        assert len(carol.get(f"{place}?api_version={name}").context["listing"].lines) == number, name
