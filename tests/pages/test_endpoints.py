"""Endpoints as members and support handle them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import trustme
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from deliveries.models import AuditEntry, Delivery, Endpoint, EndpointSecret, Event, Lane
from deliveries.protocol.sending.polled import POLLED_URL
from deliveries.protocol.signing import profiles
from deliveries.protocol.writing import timestamps
from deliveries.services.accepting.events import send_test_event
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.endpoints import create_endpoint, rotate_secret
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db

ADD = "/portal/deliveries/endpoint/add/"


def form_with(port: int, **changes: Any) -> dict[str, Any]:
    """A filled form."""
    form = {"url": f"http://127.0.0.1:{port}/new", "signing": "standard", "payload_mode": "full"}
    return {**form, "max_in_flight": "10", "timeout_seconds": "15", **changes}


def stored() -> Endpoint:
    """What the form made."""
    return Endpoint.objects.get(url__endswith="/new")


def errors_of(answer: HttpResponse) -> dict[str, list[str]]:
    """The errors that the form shows, by field."""
    form = answer.context["adminform"].form  # type: ignore[attr-defined]
    return {name: list(texts) for name, texts in form.errors.items()}


def press(client: Client, house: House, act: str, *, site: str = "portal", **form: str) -> HttpResponse:
    """Press a button on the endpoint's page, and say yes where that is asked."""
    address = f"/{site}/deliveries/endpoint/{house.endpoint.public_id}/{act}/"
    return client.post(address, {"confirmed": "yes", **form}, follow=True)


def test_a_new_endpoint_is_stored_as_the_form_says(carol: Client, acme: House, receiver_ports: list[int]) -> None:
    create_event_type({"name": "invoice.paid"}, actor="system")
    form = form_with(
        receiver_ports[0],
        chosen_types=["invoice.paid", "acme.own"],
        other_types="order.*, stock.low",
        filter="$.data.amount > 100",
        signing="hex_sha256",
        headers="Authorization: Bearer abc\nX-Team: billing",
        rate_limit="7",
        schedule="0, 60, 600",
        method="PUT",
        body_format="form",
    )
    assert carol.post(ADD, form).status_code == 200
    endpoint = stored()
    assert endpoint.event_types == ["invoice.paid", "acme.own", "order.*", "stock.low"]
    assert endpoint.headers == {"authorization": "Bearer abc", "x-team": "billing"}
    assert (endpoint.signing, endpoint.rate_limit, endpoint.retry_schedule) == ("hex_sha256", 7, [0, 60, 600])
    assert (endpoint.method, endpoint.body_format) == ("PUT", "form")
    assert endpoint.customer == acme.customer
    assert Lane.objects.filter(endpoint=endpoint).exists()
    assert AuditEntry.objects.get(object_id=endpoint.public_id).actor == "member:carol"


def test_a_scheme_of_ones_own_is_described_in_the_form(carol: Client, acme: House, receiver_ports: list[int]) -> None:
    own = {"own_header": "X-Acme", "own_encoding": "base64", "own_hash": "sha1", "own_prefix": "sha1="}
    own["own_type_header"] = "X-Acme-Event"
    form = form_with(receiver_ports[0], signing="own", secret="8f742231b10e8888abcd99yyyzzz85a5", **own)
    assert "8f742231b10e8888abcd99yyyzzz85a5" in carol.post(ADD, form).content.decode()
    assert profiles.shown_signing(stored().signing) == {
        "header": "X-Acme",
        "encoding": "base64",
        "hash": "sha1",
        "prefix": "sha1=",
        "timestamp_header": "",
        "type_header": "X-Acme-Event",
        "id_header": "",
    }
    page = f"/portal/deliveries/endpoint/{stored().public_id}/change/"
    shown = carol.get(page).context["adminform"].form
    assert (shown["signing"].value(), shown["own_prefix"].value()) == ("own", "sha1=")
    answer = carol.post(page, form | {"own_header": "Host"})
    assert "own_header" in errors_of(answer)
    carol.post(page, form | {"signing": "github"})
    assert stored().signing == "github"


def test_the_public_key_of_an_ed25519_secret_is_on_the_page(carol: Client, acme: House) -> None:
    given = "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA=="
    rotate_secret(acme.endpoint, secret=given, actor="user:carol")
    page = carol.get(f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/").content.decode()
    assert "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=" in page


def test_the_secret_is_shown_once_and_later_only_its_end(carol: Client, acme: House, receiver_ports: list[int]) -> None:
    answer = carol.post(ADD, form_with(receiver_ports[0]))
    (secret,) = set(re.findall(r"whsec_[A-Za-z0-9+/]+=*", answer.content.decode()))
    assert "no-store" in answer.headers["Cache-Control"]
    page = carol.get(f"/portal/deliveries/endpoint/{stored().public_id}/change/").content.decode()
    assert secret not in page
    assert secret[-4:] in page


def test_the_page_with_the_secret_shows_how_to_check_a_request(
    carol: Client, acme: House, receiver_ports: list[int]
) -> None:
    text = carol.post(ADD, form_with(receiver_ports[0], signing="github")).content.decode()
    assert "from standardwebhooks import Webhook" in text
    assert "npm install standardwebhooks" in text
    assert "octokit" in text


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("url", {"url": "http://169.254.169.254/latest"}),
        ("url", {"url": "https://127.0.0.1/"}),
        ("url", {"url": "ftp://example.com"}),
        ("url", {"url": ""}),
        ("url", {"url": "https://user:pw@example.com/"}),
        ("filter", {"filter": '$.a like_regex "x"'}),
        ("filter", {"filter": "$.a =="}),
        ("other_types", {"other_types": "*"}),
        ("other_types", {"other_types": "not a name!"}),
        ("chosen_types", {"chosen_types": ["globex.own"]}),
        ("headers", {"headers": "no colon here"}),
        ("headers", {"headers": "Host: evil.example"}),
        ("headers", {"headers": "X-A: 1\nx-a: 2"}),
        ("headers", {"headers": "Webhook-Id: 1"}),
        ("rate_limit", {"rate_limit": "0"}),
        ("rate_limit", {"rate_limit": "-3"}),
        ("max_in_flight", {"max_in_flight": "1000"}),
        ("timeout_seconds", {"timeout_seconds": "31"}),
        ("timeout_seconds", {"timeout_seconds": "x"}),
        ("schedule", {"schedule": "0, soon"}),
        ("schedule", {"schedule": "0, 999999999"}),
        ("signing", {"signing": "rot13"}),
        ("payload_mode", {"payload_mode": "fat"}),
        ("secret", {"secret": "whsec_short"}),
        ("description", {"description": "x" * 301}),
        ("url", {"url": "https://example.com/\x00"}),
    ],
)
def test_bad_input_is_shown_at_its_field_and_nothing_is_stored(
    field: str, changes: dict[str, Any], carol: Client, acme: House, globex: House, receiver_ports: list[int]
) -> None:
    before = (Endpoint.objects.count(), EndpointSecret.objects.count(), Lane.objects.count())
    answer = carol.post(ADD, form_with(receiver_ports[0], **changes))
    assert answer.status_code == 200
    assert list(errors_of(answer)) == [field]
    assert (Endpoint.objects.count(), EndpointSecret.objects.count(), Lane.objects.count()) == before


def test_a_refused_change_leaves_the_endpoint_as_it_was(carol: Client, acme: House, receiver_ports: list[int]) -> None:
    address = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/"
    answer = carol.post(address, form_with(receiver_ports[0], description="new", filter="$.a =="))
    assert list(errors_of(answer)) == ["filter"]
    acme.endpoint.refresh_from_db()
    assert (acme.endpoint.description, acme.endpoint.url[-5:]) == ("", "/Acme")


def test_a_change_stores_only_what_was_changed(carol: Client, acme: House, receiver_ports: list[int]) -> None:
    form = form_with(receiver_ports[0], url=acme.endpoint.url, description="billing")
    address = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/"
    answer = carol.post(address, form)
    assert answer.status_code == 302
    assert AuditEntry.objects.get(action="endpoint.update").detail == {"fields": ["description"]}
    acme.endpoint.refresh_from_db()
    assert acme.endpoint.description == "billing"
    assert acme.endpoint.headers == {"authorization": "Bearer Acme-topsecret"}
    carol.post(address, {**form, "batch_size": "50", "batch_wait_ms": "200"})
    acme.endpoint.refresh_from_db()
    assert (acme.endpoint.batch_size, acme.endpoint.batch_wait_ms) == (50, 200)
    assert errors_of(carol.post(address, {**form, "batch_size": "50", "ordered": "on"})).keys() == {"batch_size"}
    carol.post(address, {**form, "batch_size": "1", "batch_wait_ms": "0"})
    acme.endpoint.refresh_from_db()
    assert (acme.endpoint.batch_size, acme.endpoint.batch_wait_ms) == (1, 0)


def test_custom_headers_are_removed_on_request(carol: Client, acme: House, receiver_ports: list[int]) -> None:
    form = form_with(receiver_ports[0], url=acme.endpoint.url, forget_headers="on")
    carol.post(f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/", form)
    acme.endpoint.refresh_from_db()
    assert acme.endpoint.headers == {}


def test_credentials_are_written_in_the_form_and_shown_by_their_end_only(
    carol: Client, bob: Client, acme: House, receiver_ports: list[int]
) -> None:
    form = form_with(receiver_ports[0], auth_type="basic", auth_username="hook", auth_password="a-secret-passw-of-ours")
    assert carol.post(ADD, form).status_code == 200
    endpoint = stored()
    assert endpoint.credentials["auth"]["password"] == "a-secret-passw-of-ours"
    address = f"deliveries/endpoint/{endpoint.public_id}/change/"
    seen = carol.get(f"/portal/{address}").content.decode()
    assert "ends in …ours" in seen
    assert "Basic: a name and a password" in bob.get(f"/admin/{address}").content.decode()
    assert "secret-passw" not in seen
    form |= {"auth_username": "other", "auth_password": ""}
    carol.post(f"/portal/{address}", form)
    assert stored().credentials["auth"] == {"type": "basic", "username": "other", "password": "a-secret-passw-of-ours"}
    refused = carol.post(f"/portal/{address}", {**form, "auth_type": "bearer"})
    assert errors_of(refused) == {"auth_type": ["Token is missing."]}
    carol.post(f"/portal/{address}", {**form, "auth_type": ""})
    assert stored().auth is None


def test_certificates_are_written_in_the_form_and_shown_without_their_key(
    carol: Client, acme: House, receiver_ports: list[int]
) -> None:
    made = trustme.CA().issue_cert("hooks.example", common_name="hooks")
    ours = {
        "tls_certificate": made.cert_chain_pems[0].bytes().decode(),
        "tls_key": made.private_key_pem.bytes().decode(),
    }
    form = form_with(receiver_ports[0], url=f"https://127.0.0.1:{receiver_ports[0]}/new")
    refused = carol.post(ADD, {**form, **ours, "tls_key": "x"})
    assert errors_of(refused) == {"tls_certificate": ["Key is no private key in PEM."]}
    assert carol.post(ADD, {**form, **ours}).status_code == 200
    address = f"/portal/deliveries/endpoint/{stored().public_id}/change/"
    seen = carol.get(address).content.decode()
    assert "CN=hooks" in seen
    assert "PRIVATE KEY" not in seen
    carol.post(address, {**form, "description": "kept"})
    assert stored().tls is not None
    carol.post(address, {**form, "forget_tls": "on"})
    assert (stored().description, stored().tls) == ("", None)


@pytest.mark.parametrize(("days", "warned"), [(29, True), (31, False), (-1, True)])
def test_the_page_warns_of_a_certificate_that_ends(days: int, warned: bool, carol: Client, acme: House) -> None:
    end = timestamps.write(timezone.now() + timedelta(days=days))
    shown = {"subject": "CN=hooks", "expires_at": end, "authorities": [], "authorities_expire_at": None}
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(tls_shown=shown)
    page = carol.get(f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/").content.decode()
    assert (f"Our certificate ends at {end}" in page) is warned


def test_a_family_that_is_not_in_the_catalogue_survives_a_save(
    carol: Client, acme: House, receiver_ports: list[int]
) -> None:
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(event_types=["acme.own", "order.*"])
    page = carol.get(f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/")
    initial = page.context["adminform"].form.initial
    assert (initial["chosen_types"], initial["other_types"]) == (["acme.own"], "order.*")


def test_the_catalogue_offers_the_operators_types_and_ones_own_but_no_archived_ones(
    carol: Client, acme: House, globex: House
) -> None:
    create_event_type({"name": "invoice.paid"}, actor="system")
    create_event_type({"name": "old.thing", "archived": True}, actor="system")
    choices = carol.get(ADD).context["adminform"].form.fields["chosen_types"].choices
    assert [name for name, _ in choices] == ["acme.own", "invoice.paid"]


def test_of_a_large_catalogue_the_first_are_offered_and_the_others_are_written_and_tested(
    carol: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given an endpoint with a type that has no place on the page, then a save keeps it and a test can be of it."""
    for module in ("endpoint_forms", "endpoint_live"):
        monkeypatch.setattr(f"deliveries.admin.endpoint.{module}.TYPES_OFFERED", 2)
    for name in ("b.two", "z.last"):
        create_event_type({"name": name}, actor="system")
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(event_types=["acme.own", "z.last"])
    answer = carol.get(f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/")
    field = answer.context["adminform"].form.fields["chosen_types"]
    assert [name for name, _ in field.choices] == ["acme.own", "b.two"]
    assert "The first 2 by name" in field.help_text
    assert [name for name in answer.context["test_types"] if not name.startswith("hookpost.")] == ["acme.own", "b.two"]
    assert answer.context["adminform"].form.initial["other_types"] == "z.last"
    press(carol, acme, "test", event_type="z.last")
    assert Event.objects.filter(type="z.last").exists()


def test_pausing_and_resuming_leave_a_trail_with_the_reason(carol: Client, acme: House) -> None:
    press(carol, acme, "pause", reason="maintenance")
    acme.endpoint.refresh_from_db()
    assert (acme.endpoint.state, acme.endpoint.state_reason) == ("paused", "maintenance")
    press(carol, acme, "resume", backlog="send")
    acme.endpoint.refresh_from_db()
    assert acme.endpoint.state == "enabled"
    actions = AuditEntry.objects.filter(actor="member:carol").order_by("id").values_list("action", "reason")
    assert list(actions) == [("endpoint.pause", "maintenance"), ("endpoint.resume", "")]


def test_resuming_can_cancel_the_backlog(carol: Client, acme: House) -> None:
    press(carol, acme, "pause")
    press(carol, acme, "resume", backlog="cancel")
    acme.delivery.refresh_from_db()
    assert acme.delivery.state == "cancelled"


def test_rotating_shows_a_new_secret_and_lets_the_old_one_sign_on(carol: Client, acme: House) -> None:
    text = press(carol, acme, "rotate", keep_hours="24").content.decode()
    assert "whsec_" in text
    assert acme.secret not in text
    old, new = acme.endpoint.secrets.order_by("id")
    assert new.expires_at is None
    assert old.expires_at - timezone.now() < timedelta(hours=24)


@pytest.mark.parametrize("hours", ["", "-1", "x", "9999", "200", "\uff11"])
def test_nonsense_hours_rotate_nothing(hours: str, carol: Client, acme: House) -> None:
    press(carol, acme, "rotate", keep_hours=hours)
    assert acme.endpoint.secrets.count() == 1


@pytest.mark.parametrize("name", ["hookpost.test", "hookpost.endpoint.failing"])
def test_a_test_event_goes_to_this_endpoint_whose_page_shows_the_answer(
    name: str, carol: Client, acme: House, receiver_ports: list[int]
) -> None:
    carol.post(ADD, form_with(receiver_ports[0]))
    answer = press(carol, acme, "test", event_type=name)
    assert answer.redirect_chain[-1][0].startswith(f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/")
    assert answer.context["test"].event_type == name
    assert acme.endpoint.delivery_set.count() == 2
    assert stored().delivery_set.count() == 0


def test_a_test_event_of_another_customers_type_is_refused(carol: Client, acme: House, globex: House) -> None:
    text = press(carol, acme, "test", event_type="globex.own").content.decode()
    assert "Choose one of the event types." in text


def test_a_member_deletes_an_endpoint_and_its_log_stays(carol: Client, acme: House) -> None:
    address = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/delete/"
    assert "its secrets, headers and waiting deliveries" in carol.get(address).content.decode()
    carol.post(address, {"post": "yes"})
    acme.endpoint.refresh_from_db()
    assert acme.endpoint.deleted_at is not None
    assert not acme.endpoint.secrets.exists()
    assert carol.get(f"/portal/deliveries/delivery/{acme.delivery.public_id}/change/").status_code == 200


def test_members_do_not_disable(carol: Client, acme: House) -> None:
    assert press(carol, acme, "disable").status_code == 403


def test_support_pauses_but_neither_edits_nor_deletes_nor_rotates(
    bob: Client, acme: House, receiver_ports: list[int]
) -> None:
    base = f"/admin/deliveries/endpoint/{acme.endpoint.public_id}"
    assert press(bob, acme, "pause", site="admin", reason="flood").status_code == 200
    assert press(bob, acme, "rotate", site="admin", keep_hours="0").status_code == 403
    assert press(bob, acme, "disable", site="admin").status_code == 403
    assert bob.post(f"{base}/change/", form_with(receiver_ports[0])).status_code == 403
    assert bob.post(f"{base}/delete/", {"post": "yes"}).status_code == 403
    acme.endpoint.refresh_from_db()
    assert (acme.endpoint.state, acme.endpoint.state_reason, acme.endpoint.url[-5:]) == ("paused", "flood", "/Acme")


def test_with_the_permission_support_edits_a_url(bob: Client, acme: House, receiver_ports: list[int]) -> None:
    User.objects.get(username="bob").user_permissions.add(Permission.objects.get(codename="change_endpoint"))
    answer = bob.post(f"/admin/deliveries/endpoint/{acme.endpoint.public_id}/change/", form_with(receiver_ports[0]))
    assert answer.status_code == 302
    assert stored().pk == acme.endpoint.pk


def test_the_page_tells_health_rest_and_backlog(bob: Client, acme: House) -> None:
    now = timezone.now()
    Lane.objects.filter(endpoint=acme.endpoint).update(
        failing_since=now - timedelta(hours=3), failures=9, opened=2, rest_until=now + timedelta(minutes=4), slow=True
    )
    text = bob.get(f"/admin/deliveries/endpoint/{acme.endpoint.public_id}/change/").content.decode()
    assert "its answers were failures; it is tried again then" in text
    assert "Nothing has arrived since" in text
    assert "Resting until" in text
    assert "1 waiting, 0 held" in text
    assert "Slow: it is served apart" in text


def test_an_endpoint_that_refuses_everything_is_failing_on_every_page(bob: Client, carol: Client, acme: House) -> None:
    """Given an endpoint that answers 404 to everything, then no page of either site calls it healthy."""
    since = timezone.now() - timedelta(hours=3)
    Lane.objects.filter(endpoint=acme.endpoint).update(failing_since=since, failures=0)
    Delivery.objects.filter(endpoint=acme.endpoint).update(attempts=1, status_code=404, error="http_4xx")
    pages = {
        bob: [
            "/admin/",
            "/admin/deliveries/endpoint/",
            f"/admin/deliveries/customer/{acme.customer.public_id}/change/",
        ],
        carol: ["/portal/", "/portal/deliveries/endpoint/"],
    }
    pages[bob] += [f"/admin/deliveries/endpoint/{acme.endpoint.public_id}/change/"]
    pages[bob] += [f"/admin/deliveries/customer/{acme.customer.public_id}/change/"]
    pages[carol] += [f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/"]
    for client, paths in pages.items():
        for path in paths:
            text = client.get(path).content.decode()
            assert re.search("Nothing has arrived (since|there for)", text), path
            assert "he receiver answers 404, there is nothing at this path" in text, path


def test_a_polled_endpoint_says_where_it_is_polled_and_what_its_deliveries_wait_for(carol: Client, acme: House) -> None:
    form = carol.get("/portal/deliveries/endpoint/add/").content.decode()
    assert f'data-hp-value="{POLLED_URL}">Have it polled' in form
    endpoint, _ = create_endpoint(acme.customer, {"url": POLLED_URL}, actor="system")
    page = carol.get(f"/portal/deliveries/endpoint/{endpoint.public_id}/change/").content.decode()
    assert f"/api/v1/customers/{acme.customer.public_id}/endpoints/{endpoint.public_id}/poll" in page
    send_test_event(endpoint)
    (delivery,) = Delivery.objects.filter(endpoint=endpoint)
    url = f"/portal/deliveries/delivery/{delivery.public_id}/change/"
    assert "Waits for a poller to take it" in carol.get(url).content.decode()
    assert (
        "How to poll"
        not in carol.get(f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/").content.decode()
    )


def test_folded_groups_say_in_their_headings_what_is_set_inside(carol: Client, acme: House) -> None:
    address = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/"

    def headings() -> list[str]:
        return [str(each.name) for each in carol.get(address).context["adminform"] if each.is_collapsible]

    assert headings()[:2] == ["Further events, and a filter", "How it is sent: Custom headers"]
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(tags=["eu"], ordered=True, timeout_seconds=3, batch_size=9)
    assert headings()[0] == "Further events, and a filter: Tags"
    assert headings()[1] == "How it is sent: Events in one request, Custom headers"
    assert headings()[-1] == "Limits: Seconds for an answer, In order"
