"""Tokens of the operator's own issuer in place of keys: who gets in with what, and everything that does not."""

from __future__ import annotations

import base64
import hmac
import json
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from deliveries.checks import problems_of
from deliveries.conf import load
from deliveries.errors import WrongSetting
from deliveries.metrics import names
from deliveries.models import AuditEntry, Endpoint, IdempotencyKey
from deliveries.protocol.who.bearer_tokens import read_keys
from deliveries.services.accepting.events import INSTALLATION
from deliveries.services.people import issuer_keys, token_callers
from deliveries.services.people.issuer_keys import IssuerKeys
from tests.api.conftest import Caller, Tenant
from tests.receiver import Answer, Receiver, Request
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db

ISSUER, AUDIENCE = "https://login.example/realms/ops", "hookpost"
KEY = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"})
RSA = RSAKey.generate_key(2048, {"kid": "r1", "use": "sig"})
with warnings.catch_warnings(action="ignore"):
    WEAK = RSAKey.generate_key(1024, {"kid": "weak"})
STRANGER = ECKey.generate_key("P-256", {"kid": "k1"})


def jwks(*keys: Any) -> bytes:
    """A key set as issuers publish it."""
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


class Issuer:
    """What the issuer publishes, and how often it was asked."""

    def __init__(self) -> None:
        self.document, self.asked, self.now = jwks(KEY, RSA, WEAK), 0, 0.0
        self.problem: Exception | None = None

    def fetch(self) -> bytes:
        self.asked += 1
        if self.problem:
            raise self.problem
        return self.document


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    made = Issuer()
    for name, value in (("jwt_issuer", ISSUER), ("jwt_audience", AUDIENCE), ("jwt_jwks_url", "https://keys.example/")):
        monkeypatch.setattr(SETTINGS, name, value)
    monkeypatch.setattr(token_callers, "issuer_keys", IssuerKeys(made.fetch, monotonic=lambda: made.now))
    token_callers._known.clear()
    yield made
    token_callers._known.clear()


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a good token of a service; one that is None is left out."""
    now = int(time.time())
    made = {"iss": ISSUER, "aud": AUDIENCE, "sub": "billing", "iat": now, "exp": now + 600}
    made |= {"scope": "openid read events:write manage", "hookpost_customer": "*"}
    return {name: value for name, value in (made | changed).items() if value is not None}


def token(key: Any = KEY, header: dict[str, Any] | None = None, **changed: Any) -> str:
    """A signed token."""
    head = {"alg": "RS256" if isinstance(key, RSAKey) else "ES256", "kid": key.kid, **(header or {})}
    with warnings.catch_warnings(action="ignore"):
        return jwt.encode(head, claims(**changed), key, algorithms=[head["alg"]])


def unsigned(header: dict[str, Any], signature: str = "", **changed: Any) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims(**changed)))
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), signature])


def confused() -> str:
    """Signed by HMAC with the public key, which everybody has."""
    text = unsigned({"alg": "HS256", "kid": "r1"}).rstrip(".")
    made = hmac.digest(RSA.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def tampered() -> str:
    head, _, signature = token().split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims(sub="root")).encode()).decode().rstrip("=")
    return f"{head}.{body}.{signature}"


HOSTILE: dict[str, Callable[[], str]] = {
    "no signature": lambda: unsigned({"alg": "none", "kid": "k1"}),
    "none, with a signature": lambda: unsigned({"alg": "none", "kid": "k1"}, "AAAA"),
    "None": lambda: unsigned({"alg": "None", "kid": "k1"}, "AAAA"),
    "HMAC with the public key": confused,
    "another key of the same id": lambda: token(STRANGER),
    "its own key in the header": lambda: token(STRANGER, {"jwk": STRANGER.as_dict(private=False)}),
    "an address of keys in the header": lambda: token(STRANGER, {"jku": "https://evil.example/jwks"}),
    "an unknown key": lambda: token(ECKey.generate_key("P-256", {"kid": "k9"})),
    "no key where there are several": lambda: token(KEY, {"kid": ""}),
    "a key of another kind": lambda: token(KEY, {"kid": "r1"}),
    "a weak key": lambda: token(WEAK),
    "an algorithm that is not allowed": lambda: token(RSA, {"alg": "RS512"}),
    "other claims than were signed": tampered,
    "a header that must be understood": lambda: unsigned({"alg": "ES256", "kid": "k1", "crit": ["x"], "x": 1}, "AAAA"),
    "expired": lambda: token(exp=time.time() - 3600),
    "no end": lambda: token(exp=None),
    "an end that is no number": lambda: token(exp="tomorrow"),
    "an endless end": lambda: unsigned({"alg": "ES256", "kid": "k1"}, "AAAA", exp=1e400),
    "not yet": lambda: token(nbf=time.time() + 3600),
    "issued in the future": lambda: token(iat=time.time() + 3600),
    "another issuer": lambda: token(iss="https://login.example/realms/other"),
    "an issuer with a slash more": lambda: token(iss=f"{ISSUER}/"),
    "no issuer": lambda: token(iss=None),
    "another audience": lambda: token(aud="billing"),
    "an audience that begins alike": lambda: token(aud="hookpost-staging"),
    "no audience": lambda: token(aud=None),
    "no subject": lambda: token(sub=None),
    "a subject of two lines": lambda: token(sub="billing\nroot"),
    "a subject without end": lambda: token(sub="x" * 151),
    "no customer": lambda: token(hookpost_customer=None),
    "an empty customer": lambda: token(hookpost_customer=""),
    "two customers": lambda: token(hookpost_customer=["alice", "bob"]),
    "a customer that is not here": lambda: token(hookpost_customer="nobody"),
    "a customer with a NUL": lambda: token(hookpost_customer="alice\0"),
    "a pattern of customers": lambda: token(hookpost_customer="**"),
    "an identity token": lambda: token(KEY, {"typ": "secevent+jwt"}),
    "very long": lambda: token(padding="x" * 9000),
    "no JSON": lambda: "a.b.c",
    "nested": lambda: f"{base64.urlsafe_b64encode(b'[' * 900).decode()}.e30.AAAA".replace("=", ""),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_token_that_is_not_right_in_every_point_is_a_401(kind: str, issuer: Issuer, ops: Caller) -> None:
    answer = Caller(HOSTILE[kind]()).get("/customers")
    assert answer.status == 401, kind
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json["detail"].startswith("the token is not taken") or "Bearer <key>" in answer.json["detail"]
    posted = Caller(HOSTILE[kind]()).post("/events", {"customer": "alice", "type": "invoice.paid", "data": {}})
    assert posted.status == 401


def test_a_service_works_with_a_token_and_the_trail_names_it(issuer: Issuer, ops: Caller, alice: Tenant) -> None:
    service = Caller(token(RSA, aud=["other", AUDIENCE], exp=time.time() + 600.5))
    assert service.get("/customers/alice").status == 200
    event = {"customer": "alice", "type": "invoice.paid", "data": {}}
    first = service.post("/events", event, Idempotency_Key="one")
    assert (first.status, service.post("/events", event, Idempotency_Key="one").json) == (202, first.json)
    assert IdempotencyKey.objects.get().owner_id == INSTALLATION  # as of any service
    assert ops.post("/events", event, Idempotency_Key="one").json == first.json
    assert service.patch("/customers/alice/endpoints/main", {"description": "by token"}).status == 200
    assert AuditEntry.objects.filter(actor="token:billing", action="endpoint.update").count() == 1
    assert service.post("/deliveries/redeliver", {"customer": "alice"}).status == 403  # no such scope
    assert issuer.asked == 1


def test_a_customers_token_sees_that_customer_only(issuer: Issuer, ops: Caller, alice: Tenant, bob: Tenant) -> None:
    hers = Caller(token(hookpost_customer="alice", sub="shop", scope=None, scp=None))
    assert hers.get("/customers/alice").status == 403  # without a scope
    hers = Caller(token(hookpost_customer="alice", sub="shop", scope=["read", "manage", "root", 7]))
    assert [hers.get(f"/customers/{name}/endpoints").status for name in ("alice", "bob")] == [200, 404]
    assert hers.post("/customers", {"name": "Eve"}).status == 403
    hers.patch("/customers/alice/endpoints/main", {"description": "hers"})
    assert AuditEntry.objects.filter(actor="customer_token:shop").count() == 1
    assert Endpoint.objects.filter(description="hers").count() == 1


def test_a_token_without_a_customer_is_a_services_only_by_choice(
    issuer: Issuer, ops: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "jwt_without_customer", "service")
    assert Caller(token(hookpost_customer=None)).get("/customers").status == 200
    assert Caller(token(hookpost_customer=[])).get("/customers").status == 401


def test_without_an_issuer_no_token_is_taken(ops: Caller) -> None:
    answer = Caller(token()).get("/customers")
    assert (answer.status, answer.json["detail"]) == (401, "send the header Authorization: Bearer <key>")


def test_tokens_have_the_rate_of_keys_for_each_subject(
    issuer: Issuer, ops: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "api_rate_limit", 2)
    for other in ({}, {"jti": "2"}):
        assert Caller(token(**other)).get("/meta").status == 200
    assert Caller(token(jti="3")).get("/meta").status == 429
    assert Caller(token(sub="shipping")).get("/meta").status == 200


def test_a_customer_that_is_deleted_ends_its_tokens(issuer: Issuer, ops: Caller, alice: Tenant) -> None:
    hers = token(hookpost_customer="alice", scope="read")
    assert Caller(hers).get("/customers/alice/endpoints").status == 200
    ops.delete("/customers/alice")
    token_callers._known.clear()  # as after half a minute
    assert Caller(hers).get("/customers/alice/endpoints").status == 401


def test_keys_rotate_and_strangers_cannot_have_the_issuer_asked_often(issuer: Issuer, ops: Caller) -> None:
    """Given unknown keys without end, then the issuer is asked once a minute; a new key of its own is found so."""
    assert Caller(token()).get("/meta").status == 200
    fresh = ECKey.generate_key("P-256", {"kid": "k2"})
    for number in range(20):
        stranger = ECKey.generate_key("P-256", {"kid": f"x{number}"})
        assert Caller(token(stranger)).get("/meta").status == 401
    assert issuer.asked == 1
    issuer.document, issuer.now = jwks(fresh), issuer.now + issuer_keys.AGAIN_SECONDS
    assert Caller(token(fresh)).get("/meta").status == 200
    assert issuer.asked == 2
    assert Caller(token(jti="again")).get("/meta").status == 401  # the key that was taken back
    assert issuer.asked == 2


def test_an_issuer_that_is_away_ends_nothing_for_an_hour_and_then_it_is_a_503(issuer: Issuer, ops: Caller) -> None:
    ((_, failures),) = names.ISSUER_FAILURES.samples()
    assert Caller(token()).get("/meta").status == 200
    issuer.problem = ValueError("no JSON")
    issuer.now += issuer_keys.KEPT_SECONDS + 1
    assert Caller(token(jti="2")).get("/meta").status == 200
    issuer.now += issuer_keys.STALE_SECONDS
    assert Caller(token(jti="3")).get("/meta").status == 503
    asked = issuer.asked
    assert Caller(token(jti="4")).get("/meta").status == 503
    assert issuer.asked == asked  # not for each request
    assert list(names.ISSUER_FAILURES.samples()) == [("", failures + 2)]
    issuer.problem, issuer.now = None, issuer.now + issuer_keys.AFTER_FAILURE_SECONDS
    assert Caller(token(jti="5")).get("/meta").status == 200


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda request: (200, {}, jwks(KEY)), 200),
        (
            lambda request: (200, {}, jwks(KEY).replace(b"]", b',{"kty":"oct","k":"AA"},7,{"kty":"LMS"}]')),
            200,
        ),
        (lambda request: (302, {"location": "/keys"}, b""), 503),
        (lambda request: (500, {}, jwks(KEY)), 503),
        (lambda request: (200, {}, b"[]"), 503),
        (lambda request: (200, {}, b"[" * 100_000), 503),
        (lambda request: (200, {}, b" " * 300_000 + jwks(KEY)), 503),
        (lambda request: (200, {}, b'{"keys": []}'), 401),
    ],
    ids=["keys", "among others", "redirect", "failure", "list", "nested", "flood", "empty"],
)
def test_keys_are_fetched_through_the_guard_and_what_is_none_harms_nobody(
    answer: Callable[[Request], Answer], status: int, issuer: Issuer, receiver: Receiver, ops: Caller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    receiver.answer = answer
    monkeypatch.setattr(SETTINGS, "jwt_jwks_url", f"{receiver.url}/keys")
    monkeypatch.setattr(token_callers, "issuer_keys", IssuerKeys(issuer_keys._fetched))
    assert Caller(token()).get("/meta").status == status
    assert receiver.requests[0].path == "/keys"
    monkeypatch.setattr(SETTINGS, "allow_targets", ())
    monkeypatch.setattr(token_callers, "issuer_keys", IssuerKeys(issuer_keys._fetched))
    token_callers._known.clear()
    assert Caller(token()).get("/meta").status == 503  # a private address that nobody allowed


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, set()),
        ({"ISSUER": ISSUER}, {"hookpost.E006"}),
        ({"ISSUER": ISSUER, "AUDIENCE": "a", "JWKS_URL": "https://k.example/"}, set()),
        ({"ISSUER": ISSUER, "AUDIENCE": "a", "JWKS_URL": "http://k.example/"}, {"hookpost.E007"}),
        ({"ISSUER": ISSUER, "AUDIENCE": "a", "JWKS_URL": "http://127.0.0.1:9400/"}, set()),
        ({"ISSUER": ISSUER, "AUDIENCE": "a", "JWKS_URL": "http://127.0.0.2:9400/"}, {"hookpost.E007"}),
    ],
)
def test_settings_that_make_no_sense_together_stop_the_start(settings: dict[str, str], found: set[str]) -> None:
    named = {f"HOOKPOST_JWT_{name}": value for name, value in settings.items()}
    chosen = load(named | {"HOOKPOST_ALLOW_TARGETS": "127.0.0.1/32:9400"})
    assert {each.id for each in problems_of(chosen) if each.is_serious()} == found


@pytest.mark.parametrize("word", ["none", "HS256", "RS256,HS512", "rs256", ""])
def test_an_algorithm_that_others_can_sign_by_and_none_at_all_cannot_be_configured(word: str) -> None:
    with pytest.raises(WrongSetting, match="HOOKPOST_JWT_ALGORITHMS"):
        load({"HOOKPOST_JWT_ALGORITHMS": word})


def test_a_shared_secret_in_the_key_set_verifies_nothing() -> None:
    shared = OctKey.generate_key(256, {"kid": "s"})
    assert list(read_keys(json.dumps({"keys": [shared.as_dict(private=True)]}).encode())) == []
