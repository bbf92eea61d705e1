"""Signing profiles, verified by the vendors' own Python packages on what really arrived."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress

import pytest
import standardwebhooks
import stripe
import svix
from slack_sdk.signature import SignatureVerifier

from deliveries.services.endpoint.endpoint_secrets import new_secret
from deliveries.services.endpoints import rotate_secret
from tests.engine.steps import an_endpoint, emit, take_turn, the_delivery
from tests.receiver import Answer, Receiver, Request
from tests.receivers.steps import answers_to_its_secret_and_another

pytestmark = pytest.mark.django_db(transaction=True)
Verify = Callable[[str, Request], bool]
REFUSALS = (
    standardwebhooks.WebhookVerificationError,
    svix.webhooks.WebhookVerificationError,
    stripe.SignatureVerificationError,
)


def by_standardwebhooks(secret: str, request: Request) -> bool:
    standardwebhooks.Webhook(secret).verify(request.body, dict(request.headers))
    return True


def by_svix(secret: str, request: Request) -> bool:
    svix.Webhook(secret).verify(request.body, dict(request.headers))
    return True


def by_stripe(secret: str, request: Request) -> bool:
    stripe.WebhookSignature.verify_header(
        request.body.decode(), request.header("Stripe-Signature") or "", secret, tolerance=300
    )
    return True


def by_slack(secret: str, request: Request) -> bool:
    return SignatureVerifier(secret).is_valid_request(request.body, dict(request.headers))


def by_shopifys_own_description(secret: str, request: Request) -> bool:
    expected = base64.b64encode(hmac.new(secret.encode(), request.body, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(expected, request.header("X-Shopify-Hmac-Sha256") or "")


def by_svix_headers(secret: str, request: Request) -> bool:
    """Of an older library, or by hand: it knows no other headers."""
    svix.Webhook(secret).verify(request.body, {n: v for n, v in request.headers if n.lower().startswith("svix-")})
    return True


def by_convoys_description(secret: str, request: Request) -> bool:
    """Simple or advanced: getconvoy.io/docs/product-manual/signatures."""
    given = request.header("X-Convoy-Signature") or ""
    parts = [part.partition("=")[::2] for part in given.split(",")] if given.startswith("t=") else [("v1", given)]
    time = b"".join(value.encode() + b"," for name, value in parts if name == "t")
    expected = hmac.new(secret.encode(), time + request.body, hashlib.sha256).hexdigest()
    fits = any(hmac.compare_digest(expected, value) for name, value in parts if name == "v1")
    return fits and request.header("X-Convoy-Idempotency-Key") == request.header("webhook-id")


VENDORS: tuple[tuple[str, Verify], ...] = (
    ("standard", by_standardwebhooks),
    ("standard", by_svix),
    ("svix", by_svix_headers),
    ("convoy_advanced", by_convoys_description),
    ("stripe", by_stripe),
    ("slack", by_slack),
    ("convoy", by_convoys_description),
    ("shopify", by_shopifys_own_description),
)
NAMES = [f"{profile}-{verify.__name__}" for profile, verify in VENDORS]
EACH = pytest.mark.parametrize(("profile", "verify"), VENDORS, ids=NAMES)


def verifying(verify: Verify, secret: str) -> Callable[[Request], Answer]:
    """Answer as a receiver that trusts this package."""

    def answer(request: Request) -> Answer:
        with suppress(*REFUSALS):
            return (204 if verify(secret, request) else 400), {}, b""
        return 400, {}, b""

    return answer


@EACH
def test_the_vendors_package_verifies_the_profile_and_no_other_secret(
    profile: str, verify: Verify, receiver: Receiver
) -> None:
    secret = new_secret()
    receiver.answer = verifying(verify, secret)
    endpoint = an_endpoint(f"{receiver.url}/", secret=secret, signing=profile)
    assert answers_to_its_secret_and_another(endpoint) == [204, 400]


@pytest.mark.parametrize(("profile", "verify"), VENDORS[:5], ids=NAMES[:5])
def test_schemes_with_several_signatures_verify_with_the_old_secret_too(
    profile: str, verify: Verify, receiver: Receiver
) -> None:
    secret = new_secret()
    receiver.answer = verifying(verify, secret)
    endpoint = an_endpoint(f"{receiver.url}/", secret=secret, signing=profile)
    rotate_secret(endpoint, actor="user:alice")
    emit(endpoint)
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"


SLACK = "8f742231b10e8888abcd99yyyzzz85a5"
SHOPIFY = "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"
STRIPE = "whsec_5f1Q0gFzTnC0m4Ykz8wJm0rU0N2lZ7Xab"  # no base64 of anything
SVIX = "whsec_" + base64.b64encode(hashlib.sha512(b"").digest() + b"0123456789a").decode()  # 75 bytes


@pytest.mark.parametrize(
    ("profile", "verify", "secret"),
    [
        ("standard", by_svix, SVIX),
        ("standard", by_standardwebhooks, SVIX),
        ("stripe", by_stripe, STRIPE),
        ("slack", by_slack, SLACK),
        ("shopify", by_shopifys_own_description, SHOPIFY),
        ("shopify", by_shopifys_own_description, base64.encodebytes(bytes(range(64))).decode()),  # of several lines
        ({"header": "X-Shopify-Hmac-Sha256", "encoding": "base64"}, by_shopifys_own_description, "plain text"),
    ],
)
def test_a_receiver_verifies_with_the_secret_that_it_has_already(
    profile: str | dict[str, str], verify: Verify, secret: str, receiver: Receiver
) -> None:
    receiver.answer = verifying(verify, secret)
    endpoint = an_endpoint(f"{receiver.url}/", secret=secret, signing=profile)
    emit(endpoint)
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"


def test_what_was_emitted_is_all_of_the_body_where_the_endpoint_wants_that(receiver: Receiver) -> None:
    secret = new_secret()
    receiver.answer = verifying(by_svix_headers, secret)
    endpoint = an_endpoint(f"{receiver.url}/", secret=secret, signing="svix", payload_mode="data")
    emit(endpoint, number=7)
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"
    assert [request.body for request in receiver.requests] == [b'{"number": 7}']


@EACH
def test_a_profile_comes_with_the_standard_headers_too(profile: str, verify: Verify, receiver: Receiver) -> None:
    secret = new_secret()
    receiver.answer = verifying(by_standardwebhooks, secret)
    endpoint = an_endpoint(f"{receiver.url}/", secret=secret, signing=profile)
    emit(endpoint)
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"
