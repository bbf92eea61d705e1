"""What staff may see and do, and what nobody sees."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from deliveries.admin.site.sites import portal_site, staff_site
from deliveries.models import ApiKey, AuditEntry, Customer, EventType, Lane
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.endpoints import pause_endpoint
from tests.pages.conftest import House, make_house

pytestmark = pytest.mark.django_db


def addresses(site: str, house: House) -> Iterator[str]:
    """Every page of a site: front, lists, forms, rows, histories."""
    yield f"/{site}/"
    yield f"/{site}/password_change/"
    for model, page in (staff_site if site == "admin" else portal_site)._registry.items():
        base = f"/{site}/{page.opts.app_label}/{page.opts.model_name}/"
        yield base
        yield f"{base}add/"
        for row in house.rows():
            if isinstance(row, model):
                yield f"{base}{row.public_id}/change/"
                yield f"{base}{row.public_id}/history/"
                yield f"{base}{row.public_id}/delete/"
    for entry in AuditEntry.objects.all() if site == "admin" else ():
        yield f"/admin/deliveries/auditentry/{entry.public_id}/change/"


def secrets_of(house: House) -> list[str]:
    """What must never be readable."""
    return [house.secret, house.secret.removeprefix("whsec_"), f"{house.customer.name}-topsecret", house.key_text]


def test_nobody_sees_secrets_on_any_page(alice: Client, carol: Client, acme: House) -> None:
    walked = 0
    for client, site in ((alice, "admin"), (carol, "portal")):
        for address in addresses(site, acme):
            answer = client.get(address)
            assert answer.status_code in (200, 403), address
            text = answer.content.decode()
            assert not [each for each in secrets_of(acme) if each in text], address
            walked += answer.status_code == 200
    assert walked > 40


def test_every_page_that_support_may_open_opens(bob: Client, acme: House) -> None:
    answers = {address: bob.get(address).status_code for address in addresses("admin", acme)}
    assert set(answers.values()) <= {200, 403}
    assert [address for address, status in answers.items() if status == 403 and address.endswith("/change/")] == []


def test_support_sees_no_staff_accounts(bob: Client) -> None:
    for address in ("/admin/auth/user/", "/admin/auth/group/", "/admin/axes/accessattempt/", "/admin/auth/user/add/"):
        assert bob.get(address).status_code == 403


def test_pages_load_nothing_from_elsewhere(alice: Client, carol: Client, acme: House) -> None:
    for client, site in ((alice, "admin"), (carol, "portal")):
        for address in addresses(site, acme):
            text = client.get(address).content.decode()
            loaded = re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"([^\"]+)\"", text)
            assert [each for each in loaded if not each.startswith(("/static/", "/admin/", "/portal/"))] == [], address


def test_pages_run_no_script_of_their_own_text(alice: Client, acme: House) -> None:
    for address in addresses("admin", acme):
        text = alice.get(address).content.decode()
        assert not re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", text), address
        assert not re.findall(r"\son(?:click|load|error|change)=", text), address


def test_every_answer_carries_the_policy(bob: Client) -> None:
    for address in ("/admin/", "/admin/login/", "/portal/login/", "/admin/deliveries/delivery/", "/admin/nowhere/"):
        policy = bob.get(address).headers.get("Content-Security-Policy", "")
        assert "default-src 'none'" in policy, address


def test_a_migrate_brings_the_groups_of_roles_in_step_and_leaves_others_alone(db: None) -> None:
    group, other = Group.objects.get(name="Hookpost support"), Group.objects.create(name="Support")
    names = set(group.permissions.values_list("codename", flat=True))
    assert {"view_delivery", "redeliver_delivery", "pause_endpoint", "view_endpoint"} <= names
    assert not [name for name in names if name.startswith(("change_", "add_", "delete_"))]
    group.permissions.clear()
    call_command("migrate", verbosity=0)
    assert set(group.permissions.values_list("codename", flat=True)) == names
    assert other.permissions.count() == 0


def test_the_front_page_shows_the_last_day_and_links_to_its_lists(bob: Client, acme: House) -> None:
    pause_endpoint(acme.endpoint, actor="user:carol", reason="maintenance")
    page = bob.get("/admin/")
    counts = {figure.state: figure.value for figure in page.context["figures"].counts}
    assert counts == {"exhausted": "0", "pending": "1", "held": "0"}
    assert "maintenance" in page.content.decode()
    for figure in page.context["figures"].counts:
        assert bob.get(figure.url).status_code == 200


def test_the_front_page_counts_failing_endpoints_and_leads_to_them(
    bob: Client, carol: Client, acme: House, globex: House, receiver_ports: list[int]
) -> None:
    pause_endpoint(make_house("Stopped", "erin", receiver_ports[0]).endpoint, actor="system")
    Lane.objects.update(failing_since="2026-01-01T00:00:00Z", failures=12)
    for client, site, theirs in (
        (bob, "admin", {acme.endpoint.pk, globex.endpoint.pk}),
        (carol, "portal", {acme.endpoint.pk}),
    ):
        failing = client.get(f"/{site}/").context["figures"].failing
        rows = client.get(failing.url).context["listing"].rows
        assert (failing.value, {row.pk for row in rows}) == (str(len(theirs)), theirs)


def test_a_figure_stops_counting_at_its_limit(acme: House, globex: House) -> None:
    from deliveries.admin.front.dashboard import count
    from deliveries.models import Delivery

    assert count(Delivery.objects.all(), limit=1) == "1+"
    assert count(Delivery.objects.all(), limit=2) == "2"


def test_a_customer_is_created_and_changed_with_a_trail(alice: Client) -> None:
    form = {"name": "Initech", "uid": "init", "metadata": '{"plan": "pro"}'}
    added = alice.post("/admin/deliveries/customer/add/", form)
    customer = Customer.objects.get(uid="init")
    assert added.headers["Location"].endswith(f"/{customer.public_id}/change/")  # where its members are added
    assert customer.metadata == {"plan": "pro"}
    form = {"name": "Initech Ltd", "uid": "", "metadata": ""}
    alice.post(f"/admin/deliveries/customer/{customer.public_id}/change/", form)
    customer.refresh_from_db()
    assert (customer.name, customer.uid, customer.metadata) == ("Initech Ltd", None, {})
    assert list(AuditEntry.objects.order_by("id").values_list("action", "actor")) == [
        ("customer.create", "user:alice"),
        ("customer.update", "user:alice"),
    ]


@pytest.mark.parametrize(
    "metadata",
    [
        *("{", "[1]", '"text"', '{"a": NaN}', '{"a": Infinity}', '{"a": "\\u0000"}', '{"a": "\\ud800"}'),
        *("[" * 5000, '{"a": ' + "9" * 5000 + "}", '{"a": "' + "x" * 70_000 + '"}'),
    ],
)
def test_metadata_that_cannot_be_stored_is_refused_at_its_field(metadata: str, alice: Client) -> None:
    answer = alice.post("/admin/deliveries/customer/add/", {"name": "Initech", "metadata": metadata})
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == ["metadata"]
    assert not Customer.objects.exists()


def test_a_taken_uid_is_refused_in_words(alice: Client, acme: House) -> None:
    text = alice.post("/admin/deliveries/customer/add/", {"name": "Other", "uid": "acme"}).content.decode()
    assert "There is a customer with this uid already." in text


def test_members_edit_their_own_event_types_and_only_read_the_operators(carol: Client, acme: House) -> None:
    operators = create_event_type({"name": "invoice.paid"}, actor="system")
    form = {"description": "Ours", "validation": "off", "schema": '{"type": "object"}', "example": "{}"}
    own = f"/portal/deliveries/eventtype/{acme.event_type.public_id}/change/"
    assert carol.post(own, form).status_code == 302
    assert EventType.objects.get(name="acme.own").schema == {"type": "object"}
    theirs = f"/portal/deliveries/eventtype/{operators.public_id}/change/"
    assert carol.get(theirs).status_code == 200
    assert carol.post(theirs, form).status_code == 403


def test_an_example_that_does_not_fit_its_schema_is_refused_at_its_field(carol: Client, acme: House) -> None:
    form = {"name": "acme.two", "validation": "off", "schema": '{"type": "object"}', "example": "[]"}
    answer = carol.post("/portal/deliveries/eventtype/add/", form)
    assert list(answer.context["adminform"].form.errors) == ["example"]
    assert not EventType.objects.filter(name="acme.two").exists()


def test_a_key_is_shown_once_and_revoked_at_once(carol: Client, acme: House) -> None:
    text = carol.post("/portal/deliveries/apikey/add/", {"name": "sync", "scopes": ["read"]}).content.decode()
    assert len(set(re.findall(r"hk_[A-Za-z0-9_-]{43}", text))) == 1
    key = ApiKey.objects.get(name="sync")
    assert (key.customer, key.scopes) == (acme.customer, ["read"])
    carol.post(f"/portal/deliveries/apikey/{key.public_id}/revoke/", {"reason": "lost", "confirmed": "yes"})
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert AuditEntry.objects.get(action="api_key.revoke").reason == "lost"


def test_members_make_no_keys_that_emit_events(carol: Client, acme: House) -> None:
    answer = carol.post("/portal/deliveries/apikey/add/", {"name": "sync", "scopes": ["events:write"]})
    assert list(answer.context["adminform"].form.errors) == ["scopes"]


def test_an_expiry_in_the_past_is_refused_at_its_field(alice: Client) -> None:
    form = {"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00"}
    answer = alice.post("/admin/deliveries/apikey/add/", form)
    assert list(answer.context["adminform"].form.errors) == ["expires_at"]


def test_staff_make_keys_for_services_and_for_customers(alice: Client, acme: House) -> None:
    alice.post("/admin/deliveries/apikey/add/", {"name": "service", "scopes": ["events:write"]})
    form = {"name": "theirs", "scopes": ["read"], "customer": str(acme.customer.pk)}
    alice.post("/admin/deliveries/apikey/add/", form)
    assert ApiKey.objects.get(name="service").customer is None
    assert ApiKey.objects.get(name="theirs").customer == acme.customer


def test_jobs_and_the_trail_are_for_looking_only(alice: Client, acme: House) -> None:
    entry = AuditEntry.objects.first()
    assert entry is not None
    for address in (
        f"/admin/deliveries/job/{acme.job.public_id}/change/",
        f"/admin/deliveries/auditentry/{entry.public_id}/change/",
        "/admin/deliveries/auditentry/add/",
    ):
        assert alice.post(address, {"actor": "nobody"}).status_code == 403
    assert "1 of 4" in alice.get(f"/admin/deliveries/job/{acme.job.public_id}/change/").content.decode()


def test_log_ins_have_their_moments_written_as_everywhere(alice: Client) -> None:
    alice_herself = User.objects.get(username="alice")
    assert alice_herself.last_login is not None
    written = f'datetime="{alice_herself.last_login:%Y-%m-%dT%H:%M:%S}'
    for page in ("", f"{alice_herself.pk}/change/"):
        assert written in alice.get(f"/admin/auth/user/{page}").content.decode()


def test_an_administrator_makes_a_support_account(alice: Client) -> None:
    form = {"username": "eve", "password1": "a-good-password-41", "password2": "a-good-password-41"}
    answer = alice.post("/admin/auth/user/add/", {**form, "usable_password": "true"}, follow=True)
    assert "errors" not in answer.context or not answer.context["errors"]
    user = User.objects.get(username="eve")
    assert alice.get(f"/admin/auth/user/{user.pk}/change/").status_code == 200
    assert alice.get(f"/admin/auth/user/{user.pk}/password/").status_code == 200


@pytest.mark.parametrize(
    "path", ["delivery/nonsense/change/", "delivery/dlv_x/change/", "endpoint/%00/change/", "nothing/"]
)
def test_what_does_not_exist_is_not_found(path: str, alice: Client) -> None:
    assert alice.get(f"/admin/deliveries/{path}").status_code == 404


@pytest.mark.parametrize(
    "query", ["p=x", "p=older-", "p=99999999999999999999", "o=1.2.x", "q=%00", "all=", "_popup=1", "e=1", "_facets=1"]
)
def test_odd_addresses_of_lists_are_no_server_errors(query: str, alice: Client, acme: House) -> None:
    for page in staff_site._registry.values():
        answer = alice.get(f"/admin/{page.opts.app_label}/{page.opts.model_name}/?{query}")
        assert answer.status_code in (200, 302, 400, 404), page
