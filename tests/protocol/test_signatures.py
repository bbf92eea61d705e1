"""Signatures: the reference vectors, and verifiers that are not ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import stripe
import svix
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier

from deliveries.errors import InvalidInput, InvalidSecret
from deliveries.protocol import signatures
from deliveries.protocol.signatures import PROFILES, SigningKey

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "standard_webhooks.json").read_text()
)
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OLD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PRIVATE = "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA=="
BODY = '{"type":"user.created","data":{"name":"Zoë 🚀"}}'.encode()


def headers_of(profile: str, *secrets: str, timestamp: int | None = None, body: bytes = BODY) -> dict[str, str]:
    """Sign with these secrets, newest first, at this moment unless told otherwise."""
    now = int(datetime.now(UTC).timestamp()) if timestamp is None else timestamp
    keys = [signatures.parse_secret(secret) for secret in secrets]
    return dict(signatures.signature_headers(profile, keys, message_id="evt_1", timestamp=now, body=body))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_reference_vector_is_reproduced(vector: dict[str, Any]) -> None:
    secrets = vector.get("secret") or vector["whsk"]
    keys = [signatures.parse_secret(text) for text in ([secrets] if isinstance(secrets, str) else secrets)]
    found = dict(
        signatures.signature_headers(
            "standard",
            keys,
            message_id=vector["id"],
            timestamp=vector["timestamp"],
            body=vector["body"].encode(),
        )
    )
    assert found["webhook-signature"] == vector["signature"]
    assert (found["webhook-id"], found["webhook-timestamp"]) == (vector["id"], str(vector["timestamp"]))


@pytest.mark.parametrize("vector", [each for each in VECTORS if isinstance(each.get("secret"), str)])
def test_one_key_alone_signs_as_the_vectors_say(vector: dict[str, Any]) -> None:
    key = signatures.parse_secret(vector["secret"])
    body = vector["body"].encode()
    assert signatures.sign_v1(key.value, vector["id"], vector["timestamp"], body) == vector["signature"]


def test_an_ed25519_secret_is_read_shown_and_published_as_the_vector_says() -> None:
    vector = next(each for each in VECTORS if "whsk" in each)
    key = signatures.parse_secret(vector["whsk"])
    assert signatures.format_secret(key) == vector["whsk"]
    assert signatures.public_key(key) == vector["whpk"]
    signature = signatures.sign_v1a(key.value, vector["id"], vector["timestamp"], vector["body"].encode())
    assert signature == vector["signature"]


@pytest.mark.parametrize("library", [standardwebhooks.Webhook, svix.Webhook])
@pytest.mark.parametrize("secrets", [(SECRET,), (SECRET, OLD_SECRET), (OLD_SECRET, SECRET), (SECRET, PRIVATE)])
def test_the_reference_libraries_verify_what_is_signed(library: Any, secrets: tuple[str, ...]) -> None:
    headers = headers_of("standard", *secrets)
    library(SECRET).verify(BODY.decode(), headers)
    with pytest.raises((standardwebhooks.WebhookVerificationError, svix.WebhookVerificationError)):
        library(SECRET).verify(BODY.decode() + " ", headers)


def test_an_asymmetric_signature_verifies_with_the_published_key() -> None:
    headers = headers_of("standard", PRIVATE, timestamp=1700000000)
    public = signatures.public_key(signatures.parse_secret(PRIVATE)).removeprefix("whpk_")
    signature = base64.b64decode(headers["webhook-signature"].removeprefix("v1a,"))
    verifier = Ed25519PublicKey.from_public_bytes(base64.b64decode(public))
    verifier.verify(signature, b"evt_1.1700000000." + BODY)  # raises when it is wrong
    assert len(signature) == 64


def test_signatures_are_joined_by_single_spaces_newest_first() -> None:
    new, old = headers_of("standard", SECRET, timestamp=1), headers_of("standard", OLD_SECRET, timestamp=1)
    both = headers_of("standard", SECRET, OLD_SECRET, timestamp=1)["webhook-signature"]
    assert both == f"{new['webhook-signature']} {old['webhook-signature']}"


def test_stripes_library_verifies_with_the_new_and_with_the_old_secret() -> None:
    header = headers_of("stripe", SECRET, OLD_SECRET)["Stripe-Signature"]
    for secret in (SECRET, OLD_SECRET):
        assert stripe.WebhookSignature.verify_header(BODY.decode(), header, secret, tolerance=300)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(BODY.decode() + " ", header, SECRET, tolerance=300)


def test_slacks_library_verifies_with_the_shown_secret() -> None:
    headers = headers_of("slack", SECRET, OLD_SECRET)
    verifier = SignatureVerifier(SECRET, Clock())
    assert verifier.is_valid_request(BODY, headers)
    assert not verifier.is_valid_request(BODY + b" ", headers)


def test_github_shopify_and_hand_written_receivers_verify_with_the_shown_secret() -> None:
    digest = hmac.new(SECRET.encode(), BODY, hashlib.sha256)
    assert headers_of("github", SECRET)["X-Hub-Signature-256"] == "sha256=" + digest.hexdigest()
    assert headers_of("hex_sha256", SECRET)["X-Signature"] == digest.hexdigest()
    assert headers_of("shopify", SECRET)["X-Shopify-Hmac-Sha256"] == base64.b64encode(digest.digest()).decode()


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_keeps_the_standard_headers_and_adds_just_its_own(profile: str) -> None:
    headers = headers_of(profile, SECRET, OLD_SECRET)
    assert tuple(headers) == ("webhook-id", "webhook-timestamp", "webhook-signature", *PROFILES[profile].headers)
    standardwebhooks.Webhook(SECRET).verify(BODY.decode(), headers)


@pytest.mark.parametrize("profile", ["hex_sha256", "github", "slack", "shopify"])
def test_where_one_signature_fits_the_newest_key_makes_it(profile: str) -> None:
    name = PROFILES[profile].headers[-1]
    rotated = headers_of(profile, SECRET, OLD_SECRET, timestamp=1)
    assert rotated[name] == headers_of(profile, SECRET, timestamp=1)[name]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_tells_people_what_it_is(profile: str) -> None:
    found = PROFILES[profile]
    assert all((found.title, found.description.endswith("."), found.example))


def test_nothing_is_signed_without_a_key() -> None:
    with pytest.raises(InvalidSecret):
        headers_of("standard")


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "standard"])
def test_a_private_key_never_serves_as_a_shared_secret(profile: str) -> None:
    with pytest.raises(InvalidSecret):
        headers_of(profile, PRIVATE)
    with pytest.raises(InvalidInput):
        signatures.check_profile(profile, kind="ed25519")


def test_a_profile_is_one_of_those_known() -> None:
    assert [signatures.check_profile(name) for name in PROFILES] == list(PROFILES)
    assert signatures.check_profile("standard", kind="ed25519") == "standard"
    with pytest.raises(InvalidInput, match="stripe"):
        signatures.check_profile("paypal")


@given(st.binary(min_size=24, max_size=64))
def test_every_secret_of_24_to_64_bytes_survives_the_way_out_and_back(raw: bytes) -> None:
    key = SigningKey("hmac", raw)
    assert signatures.parse_secret(signatures.format_secret(key)) == key


@given(
    st.text()
    | st.text("Aa0+/= -_").map("whsec_".__add__)
    | st.binary(max_size=90).map(base64.b64encode).map(lambda raw: "whsk_" + raw.decode())
)
def test_reading_a_secret_raises_nothing_but_invalid_secret(text: str) -> None:
    try:
        key = signatures.parse_secret(text)
    except InvalidSecret:
        return
    assert signatures.format_secret(key).startswith(text.rstrip("=")[:24])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_" + base64.b64encode(bytes(32)).decode().rstrip("="),
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 30).decode(),
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
        "whsec_AAEC AwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "whsec_ÄAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "whsk_" + base64.b64encode(bytes(31)).decode(),
        "whsk_" + base64.b64encode(bytes(64)).decode(),
        "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
    ],
)
def test_a_secret_of_another_form_or_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidSecret):
        signatures.parse_secret(text)


def test_a_seed_alone_is_an_ed25519_secret_too() -> None:
    seed_only = "whsk_" + base64.b64encode(bytes(range(32))).decode()
    assert signatures.parse_secret(seed_only) == signatures.parse_secret(PRIVATE)


def test_a_shared_secret_has_no_public_key() -> None:
    with pytest.raises(InvalidSecret):
        signatures.public_key(signatures.parse_secret(SECRET))


def test_a_key_shows_neither_in_its_repr_nor_beyond_its_hint() -> None:
    key = signatures.parse_secret(SECRET)
    assert repr(key) == "SigningKey(kind='hmac')"
    assert signatures.hint(key) == SECRET[-4:]
