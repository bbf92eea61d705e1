"""/customers/{customer}/endpoints"""

from __future__ import annotations

from typing import Any

import pytest
import trustme

from deliveries.models import AuditEntry, Customer, Endpoint
from deliveries.protocol.sending.polled import POLLED_URL
from deliveries.services.endpoint.endpoint_secrets import new_secret
from deliveries.services.endpoint.inboxes import URLS
from tests.api.conftest import Caller, Tenant

MAIN = "/customers/alice/endpoints/main"


@pytest.fixture
def customer(db: None) -> Customer:
    return Customer.objects.create(name="Alice", uid="alice")


def test_an_endpoint_is_created_with_all_its_fields(ops: Caller, customer: Customer, url: str) -> None:
    body = {
        "url": url,
        "uid": "main",
        "description": "Books",
        "event_types": ["invoice.*", "a.b"],
        "filter": "$.data.amount > 100",
        "headers": {"X-Token": "s3cret"},
        "signing": "github",
        "payload_mode": "thin",
        "method": "PUT",
        "body_format": "form",
        "rate_limit": 10,
        "max_in_flight": 2,
        "retry_schedule": [0, 60],
        "timeout_seconds": 20,
        "ordered": True,
        "send_trace_context": True,
        "state": "paused",
    }
    made = ops.post("/customers/alice/endpoints", body)
    assert made.status == 201
    assert made.json["secret"].startswith("whsec_")
    shown = ops.get(MAIN).json
    for name, value in body.items():
        assert name == "headers" or shown[name] == value
    assert shown["header_names"] == ["x-token"]
    assert shown["secrets"][0]["hint"] == made.json["secret"][-4:]
    assert "secret" not in shown
    assert b"s3cret" not in ops.get(MAIN).raw
    assert AuditEntry.objects.filter(action="endpoint.create", actor="key:ops").exists()


def test_a_plain_endpoint_has_the_defaults(ops: Caller, alice: Tenant) -> None:
    shown = ops.get(MAIN).json
    assert shown["retry_schedule"] == [0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert (shown["event_types"], shown["filter"], shown["rate_limit"], shown["state"]) == ([], "", None, "enabled")
    assert (shown["signing"], shown["payload_mode"], shown["timeout_seconds"]) == ("standard", "full", 15)


def test_credentials_are_taken_and_shown_without_their_secret(ops: Caller, alice: Tenant) -> None:
    auth = {"type": "basic", "username": "hook", "password": "a-very-secret-pass1234"}
    answer = ops.patch(MAIN, {"auth": auth})
    assert answer.json["auth"] == {"type": "basic", "username": "hook", "hint": "1234"}
    assert ops.patch(MAIN, {"auth": {"type": "basic", "username": "new"}}).json["auth"]["hint"] == "1234"
    for wrong in ({**auth, "hint": "1234"}, {**auth, "username": "a:b"}, {"type": "digest"}, {"type": "bearer"}, "x"):
        refused = ops.patch(MAIN, {"auth": wrong})
        assert refused.status == 422
        assert refused.json["errors"][0]["pointer"].startswith("/auth")
    assert ops.get(MAIN).json["auth"]["username"] == "new"
    assert ops.patch(MAIN, {"auth": None}).json["auth"] is None


def test_a_token_url_is_checked_like_the_endpoints_own(ops: Caller, alice: Tenant, url: str) -> None:
    auth = {"type": "oauth2", "token_url": url, "client_id": "hookpost", "client_secret": "a-very-secret-client1234"}
    for wrong in ("http://169.254.169.254/token", "ftp://x.example/", "https://localhost/", *URLS, POLLED_URL):
        refused = ops.patch(MAIN, {"auth": {**auth, "token_url": wrong}})
        assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/auth")
        assert "token_url" in refused.json["errors"][0]["detail"]
    shown = ops.patch(MAIN, {"auth": auth}).json["auth"]
    assert shown == {"type": "oauth2", "token_url": url, "client_id": "hookpost", "hint": "1234"}


def test_certificates_are_taken_and_shown_without_their_key(
    ops: Caller, alice: Tenant, receiver_ports: list[int]
) -> None:
    made = trustme.CA().issue_cert("hooks.example", common_name="hooks")
    certificate, key = made.cert_chain_pems[0].bytes().decode(), made.private_key_pem.bytes().decode()
    url = f"https://127.0.0.1:{receiver_ports[0]}/"
    shown = ops.patch(MAIN, {"url": url, "tls": {"certificate": certificate, "key": key}}).json["tls"]
    assert "CN=hooks" in shown["subject"]
    assert (shown["authorities"], shown["authorities_expire_at"]) == ([], None)
    for wrong in ({"key": "x"}, {"certificate": None}, {"subject": "x"}, {"ca": 7}, "x"):
        refused = ops.patch(MAIN, {"tls": wrong})
        assert (refused.status, wrong == {"certificate": None}) in ((422, False), (200, True))
    assert ops.get(MAIN).json["tls"] is None


def test_a_given_secret_is_taken(ops: Caller, customer: Customer, url: str) -> None:
    secret = new_secret()
    assert ops.post("/customers/alice/endpoints", {"url": url, "secret": secret}).json["secret"] == secret


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "/url"),
    ({"url": None}, "/url"),
    ({"url": 5}, "/url"),
    ({"url": ""}, "/url"),
    ({"url": "ftp://example.com/"}, "/url"),
    ({"url": "http://example.com/"}, "/url"),
    ({"url": "https://169.254.169.254/latest"}, "/url"),
    ({"url": "https://127.0.0.1/"}, "/url"),
    ({"url": "https://10.1.2.3/"}, "/url"),
    ({"url": "https://[::1]/"}, "/url"),
    ({"url": "https://localhost/"}, "/url"),
    ({"url": "https://0x7f.1/"}, "/url"),
    ({"url": "https://user:pw@example.com/"}, "/url"),
    ({"url": "https://does-not-exist.invalid.example/"}, "/url"),
    ({"url": "https://example.com/#part"}, "/url"),
    ({"event_types": ["a..b"]}, "/event_types"),
    ({"event_types": "a.b"}, "/event_types"),
    ({"event_types": [5]}, "/event_types/0"),
    ({"event_types": None}, "/event_types"),
    ({"filter": "$.a =="}, "/filter"),
    ({"filter": '$.a like_regex "^(a+)+$"'}, "/filter"),
    ({"headers": {"Host": "x"}}, "/headers"),
    ({"headers": {"X-A": "a\r\nb"}}, "/headers"),
    ({"headers": {"X-A": 5}}, "/headers/X-A"),
    ({"headers": []}, "/headers"),
    ({"secret": "whsec_short"}, "/secret"),
    ({"secret": "plain"}, "/secret"),
    ({"signing": "rot13"}, "/signing"),
    ({"payload_mode": "half"}, "/payload_mode"),
    ({"method": "GET"}, "/method"),
    ({"body_format": "xml"}, "/body_format"),
    ({"payload_mode": "cloudevents_binary", "body_format": "form"}, "/body_format"),
    ({"body_format": "form", "headers": {"content-type": "text/json"}}, "/headers"),
    ({"batch_size": 0}, "/batch_size"),
    ({"batch_size": 101}, "/batch_size"),
    ({"batch_size": None}, "/batch_size"),
    ({"batch_size": 2, "ordered": True}, "/batch_size"),
    ({"batch_size": 2, "send_trace_context": True}, "/batch_size"),
    ({"batch_size": 2, "url": "https://poll.hookpost.invalid/"}, "/batch_size"),
    ({"batch_size": 2, "payload_mode": "cloudevents_binary"}, "/batch_size"),
    ({"batch_size": 2, "body_format": "form"}, "/batch_size"),
    ({"batch_wait_ms": 5001}, "/batch_wait_ms"),
    ({"batch_wait_ms": -1}, "/batch_wait_ms"),
    ({"rate_limit": 0}, "/rate_limit"),
    ({"rate_limit": "5"}, "/rate_limit"),
    ({"rate_limit": True}, "/rate_limit"),
    ({"rate_limit": 2**40}, "/rate_limit"),
    ({"max_in_flight": 0}, "/max_in_flight"),
    ({"max_in_flight": None}, "/max_in_flight"),
    ({"timeout_seconds": 31}, "/timeout_seconds"),
    ({"retry_schedule": []}, "/retry_schedule"),
    ({"retry_schedule": [0, -5]}, "/retry_schedule"),
    ({"retry_schedule": [0] * 31}, "/retry_schedule"),
    ({"retry_schedule": [0.5]}, "/retry_schedule/0"),
    ({"ordered": "yes"}, "/ordered"),
    ({"send_trace_context": None}, "/send_trace_context"),
    ({"state": "asleep"}, "/state"),
    ({"uid": "a b"}, "/uid"),
    ({"description": "x" * 301}, "/description"),
    ({"draining": True}, "/draining"),
    ({"customer": "cus_x"}, "/customer"),
]


@pytest.mark.parametrize(("fields", "pointer"), WRONG)
def test_a_wrong_field_is_pointed_to(
    ops: Caller, customer: Customer, url: str, fields: dict[str, Any], pointer: str
) -> None:
    body = fields if "url" in fields or not fields else {"url": url, **fields}
    answer = ops.post("/customers/alice/endpoints", body)
    assert answer.status == 422
    assert pointer in answer.pointers()
    assert not Endpoint.objects.exists()


def test_a_patch_changes_what_is_given_and_null_clears(ops: Caller, alice: Tenant) -> None:
    ops.patch(MAIN, {"rate_limit": 5, "retry_schedule": [0], "description": "x", "headers": {"X-A": "1"}})
    shown = ops.patch(MAIN, {"description": "y"}).json
    assert (shown["rate_limit"], shown["retry_schedule"], shown["header_names"]) == (5, [0], ["x-a"])
    shown = ops.patch(MAIN, {"rate_limit": None, "retry_schedule": None}).json
    assert (shown["rate_limit"], len(shown["retry_schedule"]), shown["description"]) == (None, 10, "y")
    assert ops.patch(MAIN, {"headers": {}}).json["header_names"] == []
    for name in ("url", "timeout_seconds", "filter", "ordered", "signing", "state", "headers"):
        assert ops.patch(MAIN, {name: None}).status == 422


def test_a_patch_to_another_host_clears_the_headers(ops: Caller, alice: Tenant, receiver_ports: list[int]) -> None:
    ops.patch(MAIN, {"headers": {"X-A": "1"}})
    assert ops.patch(MAIN, {"url": f"http://[::1]:{receiver_ports[0]}/"}).json["header_names"] == []


def test_a_secret_is_not_patched(ops: Caller, alice: Tenant) -> None:
    assert ops.patch(MAIN, {"secret": new_secret()}).pointers() == ["/secret"]


def test_a_refused_patch_changes_nothing(ops: Caller, alice: Tenant) -> None:
    assert ops.patch(MAIN, {"description": "new", "timeout_seconds": 99}).status == 422
    assert ops.get(MAIN).json["description"] == ""


OWN = {
    "header": "X-Acme-Signature",
    "encoding": "base64",
    "hash": "sha512",
    "prefix": "v1=",
    "timestamp_header": "X-Acme-Time",
    "type_header": "X-Acme-Event",
    "id_header": "X-Acme-Delivery",
}


def test_a_scheme_of_ones_own_and_the_secret_that_its_receiver_has(ops: Caller, customer: Customer, url: str) -> None:
    made = ops.post(
        "/customers/alice/endpoints", {"url": url, "uid": "main", "signing": OWN, "secret": "shpss_2cc9d51b"}
    )
    assert (made.status, made.json["secret"], made.json["signing"]) == (201, "shpss_2cc9d51b", OWN)
    assert ops.get(MAIN).json["secrets"][0]["hint"] == "1b"
    assert ops.patch(MAIN, {"signing": {"header": "X-Sign"}}).json["signing"]["hash"] == "sha256"
    assert ops.patch(MAIN, {"signing": "slack"}).json["signing"] == "slack"
    assert ops.patch(MAIN, {"signing": "standard"}).pointers() == ["/signing"]
    assert ops.post(f"{MAIN}/rotate-secret", {"secret": "a" * 32}).json["secret"] == "a" * 32


@pytest.mark.parametrize("signing", [[], 7, {"header": "Host"}, {"header": "X-A", "hash": "md5"}, {"colour": "red"}])
def test_a_scheme_that_cannot_be_is_refused(ops: Caller, alice: Tenant, signing: Any) -> None:
    assert ops.patch(MAIN, {"signing": signing}).pointers() == ["/signing"]


def test_a_header_is_the_signatures_or_the_customers_and_not_both(ops: Caller, alice: Tenant) -> None:
    assert ops.patch(MAIN, {"signing": {"header": "X-Mine"}, "headers": {"x-mine": "a"}}).pointers() == ["/signing"]
    assert ops.patch(MAIN, {"signing": {"header": "X-Mine"}}).status == 200
    assert ops.patch(MAIN, {"headers": {"x-mine": "a"}}).pointers() == ["/signing"]


def test_the_public_key_of_an_ed25519_secret_is_shown(ops: Caller, alice: Tenant) -> None:
    assert ops.get(MAIN).json["secrets"][0]["public_key"] is None
    given = "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA=="
    assert ops.post(f"{MAIN}/rotate-secret", {"secret": given}).status == 200
    assert ops.get(MAIN).json["secrets"][0]["public_key"] == "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="


def test_a_secret_is_rotated(ops: Caller, alice: Tenant) -> None:
    fresh = ops.post(f"{MAIN}/rotate-secret").json["secret"]
    secrets = ops.get(MAIN).json["secrets"]
    assert secrets[0]["hint"] == fresh[-4:]
    assert [each["expires_at"] is None for each in secrets] == [True, False]
    given = new_secret()
    assert ops.post(f"{MAIN}/rotate-secret", {"secret": given, "keep_hours": 0}).json["secret"] == given
    assert len(ops.get(MAIN).json["secrets"]) == 1
    assert ops.post(f"{MAIN}/rotate-secret", {"keep_hours": 169}).status == 422


def test_rotating_again_and_again_is_refused(ops: Caller, alice: Tenant) -> None:
    answers = [ops.post(f"{MAIN}/rotate-secret", {"keep_hours": 168}).status for _ in range(12)]
    assert answers[:5] == [200] * 5
    assert answers[-1] == 409


def test_an_endpoint_is_paused_and_resumed(ops: Caller, alice: Tenant) -> None:
    paused = ops.post(f"{MAIN}/pause", {"reason": "maintenance"})
    assert (paused.status, paused.json["state"], paused.json["state_reason"]) == (200, "paused", "maintenance")
    resumed = ops.post(f"{MAIN}/resume", {"cancel_backlog": False})
    assert (resumed.status, resumed.json["state"]) == (200, "enabled")
    assert ops.post(f"{MAIN}/pause").json["state"] == "paused"
    assert ops.patch(MAIN, {"state": "disabled"}).json["state"] == "disabled"
    assert ops.post(f"{MAIN}/pause").status == 409


def test_a_deleted_endpoint_is_gone_and_its_uid_free(ops: Caller, alice: Tenant, url: str) -> None:
    assert ops.delete(MAIN).status == 204
    assert ops.get(MAIN).status == 404
    assert ops.get(f"/customers/alice/endpoints/{alice.endpoint.public_id}").status == 404
    assert ops.post("/customers/alice/endpoints", {"url": url, "uid": "main"}).status == 201


def test_a_test_event_goes_to_this_endpoint_only(ops: Caller, alice: Tenant, url: str) -> None:
    ops.post("/customers/alice/endpoints", {"url": url, "uid": "other"})
    ops.post("/event-types", {"name": "invoice.paid", "example": {"amount": 7}})
    answer = ops.post(f"{MAIN}/test", {"type": "invoice.paid"})
    assert (answer.status, answer.json["deliveries"]) == (202, 1)
    assert ops.get(f"/events/{answer.json['id']}").json["body"]["data"] == {"amount": 7}
    assert ops.post(f"{MAIN}/test").status == 202
    assert ops.post(f"{MAIN}/test", {"type": "a b"}).pointers() == ["/type"]


def test_a_list_is_filtered_by_state(ops: Caller, alice: Tenant) -> None:
    assert len(ops.get("/customers/alice/endpoints?state=enabled").json["results"]) == 1
    assert ops.get("/customers/alice/endpoints?state=paused").json["results"] == []
    assert ops.get("/customers/alice/endpoints?state=x").pointers() == ["/state"]


@pytest.mark.parametrize("letter", ["a", "é", "語", "\N{GRINNING FACE}"])
def test_metadata_is_measured_in_bytes_of_json_in_every_script(ops: Caller, alice: Tenant, letter: str) -> None:
    """Given what fills 16 KB, then it is taken, and a byte more is refused with the figure."""
    room = 16_384 - len(b'{"a":""}')
    full = letter * (room // len(letter.encode())) + "x" * (room % len(letter.encode()))
    answer = ops.patch("/customers/alice/endpoints/main", {"metadata": {"a": full}})
    assert (answer.status, answer.json["metadata"]) == (200, {"a": full})
    answer = ops.patch("/customers/alice/endpoints/main", {"metadata": {"a": full + "x"}})
    assert answer.json["errors"] == [{"pointer": "/metadata", "detail": "an object of at most 16,384 bytes of JSON"}]
