"""Imports: each line whole or not at all, refused with a reason, and the same file twice changes nothing."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from deliveries.api.endpoint_shapes import EndpointShape, show_endpoint
from deliveries.api.export_lines import export_lines
from deliveries.errors import InvalidInput
from deliveries.models import AuditEntry, Customer, Endpoint, EndpointSecret, EventType, Lane
from deliveries.models.visible import OPERATOR
from deliveries.protocol.imports import ITEM_LIMIT, read_items
from deliveries.protocol.imports.item import ImportItem
from deliveries.services.catalogue.api_versions import create_version, release_version
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.customers import create_customer
from deliveries.services.endpoints import create_endpoint, delete_endpoint
from deliveries.services.imports import Way, import_item
from tests.receivers.moving import SVIX_SECRET, convoy_document, hook0_document, outpost_document, svix_document, table

pytestmark = pytest.mark.django_db(transaction=True)
URL = "https://93.184.216.34/in"
WAY = Way(actor="user:alice")


def run(data: Any, kind: str, way: Way = WAY) -> list[tuple[str, str]]:
    """Import all of it; returns what came of each line."""
    outcomes = [import_item(item, way) for item in read_items(data, format=kind)]
    return [(str(outcome.result), outcome.detail) for outcome in outcomes]


def counts() -> list[int]:
    return [model._default_manager.count() for model in (Customer, Endpoint, EndpointSecret, EventType, Lane)]


def ours(**endpoint: Any) -> dict[str, Any]:
    """A document of our own."""
    told = {"uid": "main", "url": URL, "secret": SVIX_SECRET, **endpoint}
    return {
        "event_types": [{"name": "invoice.paid", "description": "Paid", "schema": {"type": "object"}}],
        "customers": [{"uid": "acme", "name": "Acme Ltd", "metadata": {"plan": "pro"}, "endpoints": [told]}],
    }


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("hookpost", ours()),
        ("svix", svix_document(URL)),
        ("convoy", convoy_document(URL)),
        ("csv", table(URL)),
        ("outpost", outpost_document(URL)),
        ("hook0", hook0_document(URL)),
    ],
    ids=["hookpost", "svix", "convoy", "csv", "outpost", "hook0"],
)
def test_a_file_that_is_imported_twice_is_imported_once(kind: str, data: Any) -> None:
    assert {result for result, _ in run(data, kind)} == {"imported"}
    before, acts = counts(), AuditEntry.objects.count()
    assert {result for result, _ in run(data, kind)} == {"unchanged"}
    assert (counts(), AuditEntry.objects.count()) == (before, acts)


@pytest.mark.parametrize("data", [ours(), svix_document(URL)], ids=["hookpost", "svix"])
def test_a_rehearsal_says_the_same_and_stores_nothing(data: dict[str, Any]) -> None:
    kind = "svix" if "applications" in data else "hookpost"
    told = run(data, kind, Way(actor="user:alice", dry_run=True))
    assert (counts(), AuditEntry.objects.count()) == ([0] * 5, 0)
    assert told == run(data, kind)


TYPE, TWO = {"name": "acme.own"}, [{"uid": "one", "url": URL}, {"uid": "two", "url": URL}]
DEPENDING: dict[str, dict[str, Any]] = {
    "a type of a new customer": {"event_types": [TYPE], "endpoints": TWO},
    "more endpoints than there may be": {"endpoint_limit": 1, "endpoints": TWO},
    "more endpoints than there might be": {"endpoint_limit": 2, "endpoints": TWO},
    "what is there twice": {"event_types": [TYPE, {**TYPE, "description": "x"}], "endpoints": [*TWO, TWO[0]]},
}


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "known"])
@pytest.mark.parametrize("told", DEPENDING.values(), ids=DEPENDING.keys())
def test_a_rehearsal_knows_what_lines_before_would_have_stored(told: dict[str, Any], is_there: bool) -> None:
    """Given lines of which one changes what becomes of the next, then a rehearsal and an import say the same."""
    document = {"customers": [{"uid": "acme", "name": "Acme", **told}]}
    if is_there:  # and full
        create_customer({"uid": "acme", "name": "Acme", "endpoint_limit": 0}, actor="system")
    rehearsed = run(document, "hookpost", Way(actor="user:alice", dry_run=True))
    assert counts()[1:] == [0] * 4
    imported = run(document, "hookpost")
    public_id = re.compile("cus_[a-z0-9]{26}")  # of a new customer another one each time
    assert [(result, public_id.sub("", said)) for result, said in rehearsed] == [
        (result, public_id.sub("", said)) for result, said in imported
    ]
    assert {result for result, _ in run(document, "hookpost")} <= {"unchanged", "refused"}


def test_what_a_file_has_twice_is_refused_the_second_time() -> None:
    """Given two lines of one name that differ, then no import undoes what the one before did."""
    data = f"customer,uid,url\nacme,main,{URL}\nbob,main,{URL}\nacme,main,{URL}2\n"
    assert run(data, "csv")[2] == ("refused", "the file has it already, at line 2")
    assert [result for result, _ in run(data, "csv")] == ["unchanged", "unchanged", "refused"]
    assert Endpoint.objects.get(customer__uid="acme").url == URL


def test_what_differs_is_changed_and_named() -> None:
    run(ours(), "hookpost")
    other = ours(description="new", event_types=["invoice.*"], secret="whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY")
    assert run(other, "hookpost")[-1] == ("changed", "description, event_types, secret")
    endpoint = Endpoint.objects.get()
    assert (endpoint.description, endpoint.secrets.count()) == ("new", 2)  # the old one signs for a day more


def test_what_people_decided_since_about_sending_is_left_to_them() -> None:
    run(ours(state="disabled"), "hookpost")
    Endpoint.objects.update(state="enabled")
    assert run(ours(state="disabled"), "hookpost")[-1] == ("unchanged", "")
    assert Endpoint.objects.get().state == "enabled"


def test_another_host_keeps_the_headers_that_came_with_it() -> None:
    run(ours(headers={"X-Tenant": "7"}), "hookpost")
    moved = ours(headers={"X-Tenant": "7"}, url="https://93.184.216.35/in")
    assert run(moved, "hookpost")[-1][0] == "changed"
    assert Endpoint.objects.get().headers == {"x-tenant": "7"}


def test_an_endpoint_without_a_secret_gets_one_and_says_so() -> None:
    document = ours()
    del document["customers"][0]["endpoints"][0]["secret"]
    assert run(document, "hookpost")[-1] == ("imported", "no secret came with it, so one was made")


ELEVEN = [
    {"secret": f"whsec_{base64.b64encode(bytes([number]) * 16 + b'0123456789abcdef').decode()}"} for number in range(11)
]
OF_OURS = (
    ({"url": "http://10.0.0.1/"}, "url: "),
    ({"url": ""}, "url: a URL is required"),
    ({"url": 7}, "url: must be a text"),
    ({"colour": "red"}, "colour: there is no such field"),
    ({"uid": None}, "uid: it needs one"),
    ({"uid": "a b"}, "uid: a uid has"),
    ({"secret": "plain text"}, "secret: a secret starts with whsec_"),
    ({"signing": "paypal"}, "signing: "),
    ({"headers": {"host": "x"}}, "headers: the header host"),
    ({"event_types": ["in voice"]}, "event_types: "),
    ({"max_in_flight": None}, "max_in_flight: "),
    ({"secrets": [{"secret": SVIX_SECRET, "expires_at": "soon"}], "secret": None}, "secrets: expires_at"),
    ({"secret": [SVIX_SECRET]}, "secret: must be a text"),
    ({"secret": {"key": SVIX_SECRET}}, "secret: must be a text"),
    ({"secret": None, "secrets": SVIX_SECRET}, "secrets: must be a list of objects"),
    ({"secret": None, "secrets": [SVIX_SECRET]}, "secrets: must be a list of objects"),
    ({"secret": None, "secrets": {"secret": SVIX_SECRET}}, "secrets: must be a list of objects"),
    ({"secret": None, "secrets": [{"key": SVIX_SECRET}]}, "secrets: must be a list of objects"),
    ({"secret": None, "secrets": ELEVEN}, "secrets: at most 10 sign for an endpoint"),
)


def test_as_many_secrets_as_may_sign_come_with_an_endpoint_and_those_that_ended_count_not() -> None:
    ended = [{**each, "expires_at": "2026-01-01T00:00:00Z"} for each in ELEVEN]
    assert run(ours(secret=None, secrets=[*ELEVEN[1:], *ended]), "hookpost")[-1] == ("imported", "")
    assert Endpoint.objects.get().secrets.count() == 10


@pytest.mark.parametrize(("endpoint", "reason"), OF_OURS)
def test_a_line_that_is_refused_says_why_and_stores_nothing_of_itself(endpoint: dict[str, Any], reason: str) -> None:
    *others, (result, detail) = run(ours(**endpoint), "hookpost")
    assert (result, detail[: len(reason)]) == ("refused", reason)
    assert {result for result, _ in others} == {"imported"}
    assert counts() == [1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"customers": {"uid": "acme"}}, "customers must be a list of objects"),
        ({"customers": [{"uid": "acme"}], "event_types": 5}, "event_types must be a list of objects"),
        ({"customers": [{"uid": "acme"}, "bob"]}, "customers must be a list of objects"),
        ({"customers": [{"uid": "acme"}], "event_type": []}, "there is no event_type in a document"),
        ([{"object": "customer", "uid": "acme"}, {"object": "error", "lines": 1}], "line 2: the export ended early"),
    ],
)
def test_a_document_of_which_a_part_would_be_passed_over_is_refused_whole(data: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_items(data, format="hookpost")


@pytest.mark.parametrize("name", ["endpoints", "event_types"])
@pytest.mark.parametrize("value", [5, "x", {"uid": "main"}, ["main"], {"data": 5}])
def test_a_customer_of_which_a_part_would_be_passed_over_is_refused(name: str, value: Any) -> None:
    told = run({"customers": [{"uid": "acme", name: value}]}, "hookpost")
    assert told[0] == ("refused", f"{name}: must be a list of objects")
    assert counts() == [0] * 5


def test_lists_may_come_as_the_answers_of_an_api() -> None:
    document = ours()
    document["customers"][0]["endpoints"] = {"data": document["customers"][0]["endpoints"]}
    assert [result for result, _ in run(document, "hookpost")] == ["imported"] * 3


OF_SVIX = (
    ({"secret": None}, "secret: it is missing"),
    ({"channels": ["blue sky"]}, "tags: a tag has"),
    ({"transformation": {"code": "x", "enabled": True}}, "transformation: "),
    ({"headers": {"headers": {}, "sensitive": ["Authorization"]}}, "headers: Svix does not tell the value of Author"),
    ({"filterTypes": "all"}, "event_types: must be a list of texts"),
)
OF_CONVOY = (
    ({"secrets": []}, "secrets: "),
    ({"owner_id": "", "project_id": ""}, "uid, or owner_id"),
    ({"uid": "other"}, "no subscription names it"),
    ({"content_type": "application/x-www-form-urlencoded"}, "content_type: "),
    ({"authentication": {"type": "oauth2", "oauth2": {"url": "x"}}}, "authentication: "),
    ({"mtls_client_cert": {"client_cert": "-----BEGIN", "client_key": ""}}, "mtls_client_cert: "),
    ({"mtls_client_cert": {"client_cert": "PEM", "client_key": "PEM"}}, "tls: "),
)


@pytest.mark.parametrize(("endpoint", "reason"), OF_SVIX)
def test_what_svix_does_and_hookpost_does_not_is_refused(endpoint: dict[str, Any], reason: str) -> None:
    assert run(svix_document(URL, **endpoint), "svix")[-1][1].startswith(reason)
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(("endpoint", "reason"), OF_CONVOY)
def test_what_convoy_does_and_hookpost_does_not_is_refused(endpoint: dict[str, Any], reason: str) -> None:
    assert run(convoy_document(URL, **endpoint), "convoy")[-1][1].startswith(reason)
    assert not Endpoint.objects.exists()


OF_OUTPOST = (
    ({"type": "aws_sqs"}, "type: only webhooks are sent from here, not aws_sqs"),
    ({"filter": {"data": {"amount": {"$gte": 5}}}}, "filter: "),
    ({"topics": []}, "topics: "),
    ({"topics": ["in voice"]}, "event_types: "),
    ({"config": {"url": URL, "custom_headers": "{x"}}, "config.custom_headers: "),
    ({"config": {"url": URL, "custom_headers": '["x"]'}}, "config.custom_headers: "),
    ({"config": {"url": URL, "custom_headers": '{"webhook-id": "7"}'}}, "headers: the header webhook-id"),
    ({"credentials": {}}, "credentials.secret: "),
    ({"credentials": {"secret": "s3cr3t-1", "previous_secret": "s3cr3t-0"}}, ""),
    ({"id": ""}, "id, or that of its tenant"),
)
OF_HOOK0 = (
    ({"labels": {}}, "labels: it has none called tenant"),
    ({"labels": {"tenant": "acme", "region": "eu", "tier": "1"}}, "labels: Hook0 asks for all of them"),
    ({"labels": {"tenant": "acme", "region": "old town"}}, "tags: "),
    ({"event_types": []}, "event_types: it has none"),
    ({"target": {"type": "http", "method": "DELETE", "url": URL}}, "target.method: DELETE"),
    ({"secret": None}, "secret: it is missing"),
    ({"subscription_id": None}, "subscription_id: "),
    ({"target": None}, "url: a URL is required"),
)


@pytest.mark.parametrize(
    ("kind", "document", "endpoint", "reason"),
    [
        *(("outpost", outpost_document, *each) for each in OF_OUTPOST),
        *(("hook0", hook0_document, *each) for each in OF_HOOK0),
    ],
)
def test_what_outpost_and_hook0_do_and_hookpost_does_not_is_refused(
    kind: str, document: Any, endpoint: dict[str, Any], reason: str
) -> None:
    result, detail = run(document(URL, **endpoint), kind)[-1]
    assert detail.startswith(reason)
    assert (result, Endpoint.objects.count()) == (("refused", 0) if reason else ("imported", 1))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, "outpost"),
        ({"MODE": "standard"}, "standard"),
        (
            {"HEADER_PREFIX": "x-acme-"},
            {
                "header": "x-acme-signature",
                "encoding": "hex",
                "hash": "sha256",
                "type_header": "x-acme-topic",
                "id_header": "x-acme-event-id",
            },
        ),
        (
            {"SIGNATURE_ENCODING": "base64", "SIGNATURE_ALGORITHM": "hmac-sha1", "SIGNATURE_HEADER_NAME": "X-Acme"},
            {
                "header": "X-Acme",
                "encoding": "base64",
                "hash": "sha1",
                "type_header": "x-outpost-topic",
                "id_header": "x-outpost-event-id",
            },
        ),
        ({"MODE": "standard", "HEADER_PREFIX": "x-acme-"}, None),
        ({"SIGNATURE_CONTENT_TEMPLATE": "{{.Timestamp.Unix}}.{{.Body}}"}, None),
    ],
)
def test_what_outposts_operator_configured_becomes_a_scheme(config: dict[str, str], expected: Any) -> None:
    told = {f"DESTINATIONS_WEBHOOK_{name}": value for name, value in config.items()}
    secret = {"secret": SVIX_SECRET}
    document = outpost_document(URL, settings=told, credentials=secret, topics="*", delivery_metadata=None)
    item = read_items(document, format="outpost")[-1]
    if expected is None:
        assert item.refused == "signature: no scheme here is like it"
        return
    assert item.fields["signing"] == (expected if isinstance(expected, str) else {**expected, "prefix": "v0="})
    assert run(document, "outpost")[-1] == ("imported", "")
    assert Endpoint.objects.get().event_types == []


def test_without_a_label_an_application_of_hook0_is_a_customer() -> None:
    document = hook0_document(URL, retry_schedule_id="5b7e3a9c", target={"url": URL, "headers": {"x-a": ["1", "2"]}})
    del document["customer_label"]
    notes = "it gets what is emitted with the tag tenant:acme; its retry schedule was left behind"
    assert run(document, "hook0")[-1] == ("imported", notes)
    endpoint = Endpoint.objects.get()
    assert (endpoint.customer.name, endpoint.tags, endpoint.headers) == ("Shop", ["tenant:acme"], {"x-a": "1, 2"})


def test_a_subscription_with_a_filter_or_a_function_is_refused() -> None:
    for part, given in (("filter_config", {"filter": {"body": {"amount": {"$gt": 5}}}}), ("function", "code")):
        document = convoy_document(URL)
        document["subscriptions"]["data"]["content"][0][part] = given
        assert run(document, "convoy")[-1][0] == "refused"


@pytest.mark.parametrize(
    ("status", "state"),
    [("active", "enabled"), ("paused", "paused"), ("inactive", "disabled"), ("pending", "disabled")],
)
def test_the_state_at_convoy_is_the_state_here(status: str, state: str) -> None:
    run(convoy_document(URL, status=status), "convoy")
    assert Endpoint.objects.get().state == state


def test_a_disabled_endpoint_of_svix_stays_disabled_also_in_an_import_that_pauses() -> None:
    run(svix_document(URL, disabled=True), "svix", Way(actor="user:alice", paused=True))
    assert Endpoint.objects.get().state == "disabled"


@pytest.mark.parametrize(
    ("versions", "header", "expected"),
    [
        (
            [{"hash": "SHA512", "encoding": "base64"}],
            "X-Acme",
            {
                "header": "X-Acme",
                "hash": "sha512",
                "encoding": "base64",
                "id_header": "X-Convoy-Idempotency-Key",
            },
        ),
        ([{"hash": "SHA256", "encoding": "hex"}], "x-convoy-signature", "convoy"),
    ],
)
def test_a_projects_own_signature_becomes_a_scheme(versions: Any, header: str, expected: Any) -> None:
    document = convoy_document(URL)
    document["project"]["data"]["config"]["signature"] = {"header": header, "versions": versions}
    (item,) = read_items(document, format="convoy")
    assert item.fields["signing"] == expected
    assert run(document, "convoy")[0][0] == "imported"


def test_an_advanced_signature_of_another_hash_is_refused() -> None:
    document = convoy_document(URL, advanced=True)
    document["project"]["data"]["config"]["signature"]["versions"] = [{"hash": "SHA512", "encoding": "hex"}]
    assert run(document, "convoy") == [("refused", "signature: no scheme here is like it")]


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        ({}, "hookpost", "nothing of the format"),
        ([1, 2], "svix", ""),
        ("x", "convoy", "subscriptions"),
        ({"customers": []}, "csv", "one text"),
        ("colour\nred\n", "csv", "no column 'colour'"),
        ("uid,url\n1,2\n", "csv", "column customer is missing"),
        ('customer,uid,url\n"a', "csv", "no CSV"),
        ({"applications": {"data": [{"id": "app_1"}], "done": False}}, "svix", "a list ends before its end"),
        ({"tenants": {"models": [{"id": "a"}], "pagination": {"next": "x"}}}, "outpost", "a list ends before its end"),
        ({"tenants": {"data": [{"id": "a"}], "next": "x"}}, "outpost", "a list ends before its end"),
        ({"subscriptions": "x"}, "hook0", "nothing of the format"),
        ([1], "hook0", ""),
        (
            {"subscriptions": [], "endpoints": {"data": {"content": [], "pagination": {"has_next_page": True}}}},
            *("convoy", "a list ends before its end"),
        ),
    ],
)
def test_what_is_no_such_file_is_refused_as_a_whole(data: Any, kind: str, reason: str) -> None:
    if reason:
        with pytest.raises(InvalidInput, match=reason):
            read_items(data, format=kind)
    else:
        assert {result for result, _ in run(data, kind)} == {"refused"}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_is_read_as_a_spreadsheet_of_any_region_writes_it(separator: str, end: str) -> None:
    """Given Excel in German, French or Spanish, which puts semicolons between cells, and empty rows behind the last."""
    rows = [["\ufeffcustomer", "uid ", "url", "description"], ["acme", "main", URL, '"a; b, c"'], [""] * 4, [" "] * 4]
    (item,) = read_items(end.join(separator.join(row) for row in rows), format="csv")
    assert (item.customer, item.uid, item.place) == ("acme", "main", "line 2")
    assert item.fields == {"url": URL, "description": "a; b, c"}


def test_a_file_has_a_limit() -> None:
    with pytest.raises(InvalidInput, match="at most 10,000"):
        read_items({"event_types": [{"name": "a"}] * (ITEM_LIMIT + 1)}, format="hookpost")


def test_a_customers_export_can_be_imported_with_secrets_written_into_it() -> None:
    lines = [
        {"object": "customer", "id": "cus_x", "uid": "acme", "name": "Acme", "metadata": {}, "created_at": "…"},
        {
            "object": "endpoint",
            "id": "ep_x",
            "uid": "main",
            "url": URL,
            "secret": SVIX_SECRET,
            "secrets": [{"hint": "x"}],
        },
        {"object": "event", "id": "evt_x"},
        {"object": "end", "lines": 3},
    ]
    assert run(lines, "hookpost") == [("imported", ""), ("imported", "")]


# All that an endpoint can have, none of it as it is where nobody says anything.
FULL = {
    "description": "Billing",
    "event_types": ["invoice.*"],
    "filter": "$.data.amount > 100",
    "tags": ["eu"],
    "metadata": {"team": "billing"},
    "headers": {"x-tenant": "7"},
    "signing": {"header": "X-Acme", "encoding": "base64"},
    "payload_mode": "data",
    "method": "PUT",
    "transformation": "data.{id: invoice}",
    "body_format": "form",
    "api_version": "2026-11-01",
    "rate_limit": 5,
    "max_in_flight": 3,
    "batch_size": 1,
    "batch_wait_ms": 250,
    "retry_schedule": [0, 60],
    "timeout_seconds": 7,
    "ordered": True,
    "send_trace_context": True,
    "set_aside_after": 2,
    "delivery_window": {"days": ["mon"], "from": "08:00", "to": "18:00", "timezone": "Europe/Berlin"},
    "state": "disabled",
}
ELSEWHERE = {"secret", "auth", "tls", "url", "uid"}  # tried in tests of their own


def test_what_an_endpoint_can_have_comes_along_in_an_export() -> None:
    """Given a field that the API learned since, then an export with it is still imported."""
    shape = {name for name, field in EndpointShape().fields.items() if not field.read_only}
    assert shape - ELSEWHERE == set(FULL)
    release_version(create_version({"name": "2026-11-01"}, actor="system"), actor="system")
    customer = create_customer({"uid": "acme", "name": "Acme", "metadata": {"a": 1}}, actor="system")
    create_event_type({"name": "a.b", "schema": {"type": "object"}}, customer=customer, actor="system")
    endpoint, secret = create_endpoint(customer, {"url": URL, "uid": "main", **FULL}, actor="system")
    create_endpoint(customer, {"url": URL, "uid": "old"}, actor="system")
    delete_endpoint(Endpoint.objects.get(uid="old"), actor="system")
    lines = [json.loads(line) for line in export_lines(customer, viewer=OPERATOR)]
    told = [line | {"uid": "bob"} if line["object"] == "customer" else line for line in lines]
    (line,) = [line for line in told if line.get("uid") == "main"]
    line |= {"headers": FULL["headers"], "secret": secret}
    assert run(told, "hookpost") == [("imported", "")] * 3
    moved = Endpoint.objects.get(uid="main", customer__uid="bob")
    passed = ("id", "customer", "created_at", "updated_at", "state_changed_at", "secrets")
    was, now = (show_endpoint(each) for each in (endpoint, moved))
    assert {name: now[name] for name in now if name not in passed} == {n: was[n] for n in was if n not in passed}
    assert (moved.headers, run(told, "hookpost")) == (endpoint.headers, [("unchanged", "")] * 3)


def test_an_endpoint_that_only_waits_for_its_window_is_imported_enabled() -> None:
    window = {"days": ["mon"], "from": "08:00", "to": "18:00", "timezone": "Europe/Berlin"}
    run(ours(state="paused", state_reason="outside its delivery window", delivery_window=window), "hookpost")
    assert Endpoint.objects.get().state == "enabled"


def test_channels_of_svix_become_tags_and_its_metadata_metadata() -> None:
    run(svix_document(URL, channels=["project_1"], metadata={"team": "x"}), "svix")
    endpoint = Endpoint.objects.get()
    assert (endpoint.tags, endpoint.metadata) == (["project_1"], {"team": "x"})


def test_client_credentials_of_convoy_are_client_credentials_here() -> None:
    asked = {"url": "https://93.184.216.34/token", "client_id": "c", "client_secret": "s3cret", "scope": "a b"}
    oauth2 = {"authentication_type": "shared_secret", "grant_type": "client_credentials", **asked}
    document = convoy_document(URL, authentication={"type": "oauth2", "oauth2": oauth2})
    assert run(document, "convoy")[0][0] == "imported"
    assert Endpoint.objects.get().credentials["auth"] == {
        "type": "oauth2",
        "client_auth": "post",
        "token_url": "https://93.184.216.34/token",
        **{name: value for name, value in asked.items() if name != "url"},
    }
    assert run(document, "convoy")[0][0] == "unchanged"


def test_an_item_survives_being_kept_as_bytes() -> None:
    for item in read_items(convoy_document(URL), format="convoy"):
        assert ImportItem.from_json(item.to_json()) == item


def test_the_command_reports_each_line_and_fails_when_one_is_refused(tmp_path: Any, capsys: Any) -> None:
    file = tmp_path / "old.json"
    file.write_text(json.dumps(svix_document(URL)))
    call_command("import_endpoints", str(file), "--format", "svix", "--dry-run")
    call_command("import_endpoints", str(file), "--format", "svix", "--paused")
    told = capsys.readouterr()
    assert "imported  applications[0].endpoints[0]  endpoint  ep_1srOrx2ZWZBpBUvZwXKQmoEYga2" in told.out
    holds = f"{file} holds 1 customers, 1 endpoints, 1 event types"
    assert told.err.splitlines() == [holds, "3 imported; nothing was stored", holds, "3 imported"]
    assert SVIX_SECRET not in told.out
    call_command("release_imported", "--customer", "acme")
    assert Endpoint.objects.get().state == "enabled"
    table_file = tmp_path / "old.csv"
    table_file.write_text(table("http://10.0.0.1/"), encoding="utf-8-sig")
    with pytest.raises(CommandError, match="1 refused"):
        call_command("import_endpoints", str(table_file))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_endpoints", str(tmp_path / "none"))
    file.write_text("{")
    with pytest.raises(CommandError, match="not JSON"):
        call_command("import_endpoints", str(file))
