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
from slack_sdk.signature import Clock, SignatureVerifier

from deliveries.errors import InvalidInput, InvalidSecret
from deliveries.protocol.signing import own_scheme, profiles, secrets, signatures
from deliveries.protocol.signing.profiles import PROFILES

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "standard_webhooks.json").read_text()
)
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OLD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PRIVATE = "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA=="
BODY = '{"type":"user.created","data":{"name":"Zoë 🚀"}}'.encode()


def headers_of(profile: str, *texts: str, timestamp: int | None = None, body: bytes = BODY) -> dict[str, str]:
    """Sign with these secrets, newest first, at this moment unless told otherwise."""
    now = int(datetime.now(UTC).timestamp()) if timestamp is None else timestamp
    keys = [secrets.read_secret(text) for text in texts]
    return dict(signatures.signature_headers(profile, keys, message_id="evt_1", timestamp=now, body=body))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_reference_vector_is_reproduced(vector: dict[str, Any]) -> None:
    given = vector.get("secret") or vector["whsk"]
    keys = [secrets.parse_secret(text) for text in ([given] if isinstance(given, str) else given)]
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


def test_an_ed25519_secret_is_read_shown_and_published_as_the_vector_says() -> None:
    vector = next(each for each in VECTORS if "whsk" in each)
    key = secrets.parse_secret(vector["whsk"])
    assert secrets.format_secret(key) == vector["whsk"]
    assert secrets.public_key(key) == vector["whpk"]


@pytest.mark.parametrize("library", [standardwebhooks.Webhook, svix.Webhook])
@pytest.mark.parametrize("texts", [(SECRET,), (SECRET, OLD_SECRET), (OLD_SECRET, SECRET), (SECRET, PRIVATE)])
def test_the_reference_libraries_verify_what_is_signed(library: Any, texts: tuple[str, ...]) -> None:
    headers = headers_of("standard", *texts)
    library(SECRET).verify(BODY.decode(), headers)
    with pytest.raises((standardwebhooks.WebhookVerificationError, svix.WebhookVerificationError)):
        library(SECRET).verify(BODY.decode() + " ", headers)


def test_an_asymmetric_signature_verifies_with_the_published_key() -> None:
    headers = headers_of("standard", PRIVATE, timestamp=1700000000)
    public = secrets.public_key(secrets.parse_secret(PRIVATE)).removeprefix("whpk_")
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


@pytest.mark.parametrize("profile", ["hex_sha256", "github", "slack", "shopify", "convoy"])
def test_where_one_signature_fits_the_newest_key_makes_it(profile: str) -> None:
    name = PROFILES[profile].headers[-1]
    rotated = headers_of(profile, SECRET, OLD_SECRET, timestamp=1)
    assert rotated[name] == headers_of(profile, SECRET, timestamp=1)[name]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_tells_people_what_it_is(profile: str) -> None:
    found = PROFILES[profile]
    assert all((found.title, found.description.endswith("."), found.example))


# The senders' own vectors: Convoy's pkg/signature/testdata, Hook0's client tests.
CONVOY_SECRET = "convoy-webhook-secret"
CONVOY_BODY = b'{"event":"charge.success","amount":1000,"currency":"NGN"}'
OF_SENDERS = (
    ("convoy", 0, CONVOY_SECRET, CONVOY_BODY, "244449b7f48cbc2709060c9dcdc2b3aa47a78f540430579015c579fb12defbb4"),
    (
        *("convoy_advanced", 1700000000, CONVOY_SECRET, CONVOY_BODY),
        "t=1700000000,v1=77b8b9269f25a199846a55a2bd25b3fba151c70fdae60bb1dcd87fbbc943c55c",
    ),
)
HOOK0_V0 = "1b3d69df55f1e52f05224ba94a5162abeb17ef52cd7f4948c390f810d6a87e98"


@pytest.mark.parametrize(("profile", "timestamp", "secret", "body", "signature"), OF_SENDERS)
def test_the_vectors_of_other_senders_are_reproduced(
    profile: str, timestamp: int, secret: str, body: bytes, signature: str
) -> None:
    (name,) = PROFILES[profile].headers
    assert headers_of(profile, secret, timestamp=timestamp, body=body)[name] == signature


def test_a_receiver_of_hook0_verifies_by_either_of_its_signatures() -> None:
    """Given Hook0's vector for v0 and its description of v1: the time, names of headers, their values, and the body."""
    headers = {
        name.lower(): value
        for name, value in headers_of("hook0", "secret", "old secret", timestamp=1636936200, body=b"hello !").items()
    }
    parts = [part.partition("=") for part in headers["x-hook0-signature"].split(",")]
    found = {name: value for name, _, value in parts}
    assert [name for name, _, _ in parts] == ["t", "v0", "h", "v1"]  # each once: two of a kind are refused by some
    assert found["v0"] == HOOK0_V0
    signed = ".".join([found["t"], found["h"], *(headers[name] for name in found["h"].split(" ")), "hello !"])
    assert found["v1"] == hmac.digest(b"secret", signed.encode(), "sha256").hex()


@pytest.mark.parametrize("profile", ["stripe", "convoy_advanced"])
def test_where_several_signatures_fit_each_secret_makes_one(profile: str) -> None:
    name = PROFILES[profile].headers[-1]
    time, *both = headers_of(profile, SECRET, OLD_SECRET, timestamp=7)[name].split(",")
    alone = [headers_of(profile, secret, timestamp=7)[name].split(",")[1] for secret in (SECRET, OLD_SECRET)]
    assert (time, both) == ("t=7", alone)


def test_outposts_header_has_a_signature_of_the_body_for_each_secret() -> None:
    both = dict(headers_of("outpost", SECRET, OLD_SECRET, timestamp=7))["X-Outpost-Signature"]
    assert both == "v0=" + ",".join(hmac.digest(key.encode(), BODY, "sha256").hex() for key in (SECRET, OLD_SECRET))


@pytest.mark.parametrize("secret", [SECRET, PRIVATE])
def test_svix_headers_repeat_the_standard_ones(secret: str) -> None:
    headers = headers_of("svix", secret)
    for part in ("id", "timestamp", "signature"):
        assert headers[f"svix-{part}"] == headers[f"webhook-{part}"]


def test_svixs_library_verifies_by_svix_headers_alone() -> None:
    headers = headers_of("svix", SECRET, OLD_SECRET)
    only = {name: value for name, value in headers.items() if name.startswith("svix-")}
    for secret in (SECRET, OLD_SECRET):
        svix.Webhook(secret).verify(BODY, only)
        with pytest.raises(svix.WebhookVerificationError):
            svix.Webhook(secret).verify(BODY + b" ", only)


def test_a_text_is_no_secret_of_svixs_scheme_either() -> None:
    with pytest.raises(InvalidInput, match="svix needs a secret that starts with whsec_"):
        profiles.check_key("svix", secrets.read_secret("correct horse battery staple"))
    with pytest.raises(InvalidSecret):
        secrets.check_secret("correct horse battery staple", signing="svix")


def test_nothing_is_signed_without_a_key() -> None:
    with pytest.raises(InvalidSecret):
        headers_of("standard")


@pytest.mark.parametrize("profile", sorted(PROFILES.keys() - secrets.OF_STANDARD_WEBHOOKS))
def test_a_private_key_never_serves_as_a_shared_secret(profile: str) -> None:
    with pytest.raises(InvalidSecret):
        headers_of(profile, PRIVATE)
    with pytest.raises(InvalidInput):
        profiles.check_key(profile, secrets.parse_secret(PRIVATE))


def test_a_profile_is_one_of_those_known() -> None:
    assert [profiles.check_signing(name) for name in PROFILES] == list(PROFILES)
    profiles.check_key("standard", secrets.parse_secret(PRIVATE))
    with pytest.raises(InvalidInput, match="stripe"):
        profiles.check_signing("paypal")


# Secrets that receivers of other senders have already

FOREIGN = {
    "plain text": "correct horse battery staple",
    "eight characters": "s3cr3t!!",
    "slack": "8f742231b10e8888abcd99yyyzzz85a5",
    "shopify": "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",
    "64 hex": "a" * 32 + "0123456789abcdef" * 2,
    "unpadded base64": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    "url-safe base64": "whsec_" + base64.urlsafe_b64encode(b"\xff\xfe" * 16).decode(),
    "stripe": "whsec_5f1Q0gFzTnC0m4Ykz8wJm0rU0N2lZ7Xa",
    "not ascii": "Gänsefüßchen",
    "as long as may be": "x" * 256,
}


@pytest.mark.parametrize("secret", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_secret_from_elsewhere_verifies_with_the_vendors_own_libraries(secret: str) -> None:
    assert secrets.check_secret(secret, signing="stripe") == secret
    stripe.WebhookSignature.verify_header(
        BODY.decode(), headers_of("stripe", secret)["Stripe-Signature"], secret, tolerance=300
    )
    assert SignatureVerifier(secret, Clock()).is_valid_request(BODY, headers_of("slack", secret))
    digest = hmac.new(secret.encode(), BODY, hashlib.sha256)
    assert headers_of("github", secret)["X-Hub-Signature-256"] == "sha256=" + digest.hexdigest()
    assert headers_of("hex_sha256", secret)["X-Signature"] == digest.hexdigest()
    assert headers_of("shopify", secret)["X-Shopify-Hmac-Sha256"] == base64.b64encode(digest.digest()).decode()


@pytest.mark.parametrize("secret", FOREIGN.values(), ids=FOREIGN.keys())
def test_the_standard_headers_are_signed_with_the_same_bytes(secret: str) -> None:
    key = "whsec_" + base64.b64encode(secrets.read_secret(secret).value).decode()
    told = standardwebhooks.Webhook(key).verify(BODY.decode(), headers_of("github", secret))
    assert told == json.loads(BODY)


def test_a_secret_of_stripes_own_form_signs_as_its_text() -> None:
    text = FOREIGN["stripe"]
    assert secrets.read_secret(text).kind == "hmac"
    assert secrets.read_secret(text).text == text.encode()


def test_a_text_is_no_secret_of_the_standard_scheme() -> None:
    with pytest.raises(InvalidInput, match="whsec_"):
        profiles.check_key("standard", secrets.read_secret(FOREIGN["slack"]))


@pytest.mark.parametrize("secret", ["", "seven77", "x" * 257, "a\0bcdefgh", "ä" * 129])
def test_a_text_of_another_length_or_with_a_nul_is_refused(secret: str) -> None:
    with pytest.raises(InvalidSecret):
        secrets.check_secret(secret, signing="github")


# Schemes in a customer's own words


def own(**members: Any) -> str:
    """Describe a scheme."""
    return profiles.check_signing({"header": "X-Acme-Signature", **members})


@pytest.mark.parametrize("encoding", own_scheme.ENCODINGS)
@pytest.mark.parametrize("hash_name", own_scheme.HASHES)
@pytest.mark.parametrize("prefix", ["", "sha=", "v0="])
def test_a_scheme_of_ones_own_signs_as_described(encoding: str, hash_name: str, prefix: str) -> None:
    headers = headers_of(own(encoding=encoding, hash=hash_name, prefix=prefix), "correct horse")
    digest = hmac.new(b"correct horse", BODY, hash_name).digest()
    written = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    assert headers["X-Acme-Signature"] == prefix + written
    assert tuple(headers)[:3] == ("webhook-id", "webhook-timestamp", "webhook-signature")


def test_a_scheme_with_a_time_signs_it_too_and_sends_it() -> None:
    headers = headers_of(own(timestamp_header="X-Acme-Time"), "correct horse", timestamp=1700000000)
    assert headers["X-Acme-Time"] == "1700000000"
    assert headers["X-Acme-Signature"] == hmac.new(b"correct horse", b"1700000000." + BODY, "sha256").hexdigest()


def test_githubs_old_scheme_can_be_described() -> None:
    headers = headers_of(own(header="X-Hub-Signature", hash="sha1", prefix="sha1="), "correct horse")
    assert headers["X-Hub-Signature"] == "sha1=" + hmac.new(b"correct horse", BODY, "sha1").hexdigest()


def test_a_described_scheme_is_shown_as_it_was_given_with_what_it_left_out() -> None:
    assert profiles.shown_signing(own(prefix="v1=")) == {
        "header": "X-Acme-Signature",
        "encoding": "hex",
        "hash": "sha256",
        "prefix": "v1=",
        "timestamp_header": "",
        "type_header": "",
        "id_header": "",
    }
    assert profiles.shown_signing("stripe") == "stripe"
    assert profiles.check_signing(profiles.shown_signing(own(prefix="v1="))) == own(prefix="v1=")


def test_the_longest_scheme_fits_its_column() -> None:
    longest = own(header="x" * 64, encoding="base64", hash="sha512", prefix='"' * 32, timestamp_header="y" * 64)
    assert len(longest) <= 400
    with pytest.raises(InvalidInput, match="too long together"):
        own(header="x" * 64, prefix='"' * 32, timestamp_header="y" * 64, type_header="z" * 64, id_header="a" * 64)


def test_a_scheme_without_the_headers_of_an_event_is_stored_as_the_release_before_reads_it() -> None:
    assert own() == '{"header":"X-Acme-Signature","encoding":"hex","hash":"sha256","prefix":"","timestamp_header":""}'


@pytest.mark.parametrize(
    "given_scheme",
    [
        {},
        {"header": ""},
        {"header": 1},
        {"header": "X-A", "colour": "red"},
        {"header": "X-A", "encoding": "hexadecimal"},
        {"header": "X-A", "hash": "md5"},
        {"header": "X-A", "prefix": "a b"},
        {"header": "X-A", "prefix": "x" * 33},
        {"header": "X-A", "prefix": "a\r\nb"},
        {"header": "X-A", "timestamp_header": "x-a"},
        {"header": "X-A", "timestamp_header": "X B"},
        {"header": "X-A", "type_header": "x-a"},
        {"header": "X-A", "type_header": "X-B", "id_header": "x-b"},
        {"header": "X-A", "id_header": "webhook-id"},
        {"header": "X-A", "type_header": "Content-Type"},
        {"header": "X-A\r\nHost"},
        {"header": "x" * 65},
        *(
            {"header": name}
            for name in ("Host", "webhook-signature", "Content-Type", "cookie", "Authorization", "Accept")
        ),
        {"header": "X-A", "timestamp_header": "webhook-timestamp"},
        [],
        None,
        7,
        "own",
    ],
)
def test_a_scheme_that_cannot_be_is_refused(given_scheme: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        profiles.check_signing(given_scheme)
    assert refused.value.field == "signing"
