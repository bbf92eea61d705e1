"""The page that checks a signature: for staff and members, with what a receiver's developer pastes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from django.test import Client
from django.utils import timezone

from deliveries.models import Attempt, EndpointSecret
from deliveries.protocol.signing.secrets import hint, read_secret
from deliveries.protocol.signing.signatures import signature_headers
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db

PRIVATE = "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA=="
SITES = pytest.mark.parametrize("site", ["admin", "portal"])


def address(house: House, *, site: str) -> str:
    return f"/{site}/deliveries/delivery/{house.delivery.public_id}/signature/"


def sign(house: House, *, date: str = "") -> None:
    """Let the house's attempt be a signed one, answered by a server with this clock."""
    now = int(timezone.now().timestamp())
    key = read_secret(house.secret)
    body = bytes(house.event.body)
    made = signature_headers("standard", [key], message_id=house.event.public_id, timestamp=now, body=body)
    Attempt.objects.filter(pk=house.attempt.pk).update(
        request_url="https://a.example/in",
        request_headers="\n".join(f"{name}: {value}" for name, value in made),
        signed_with=hint(key),
        response_headers=f"date: {date}" if date else "",
        started_at=timezone.now(),
    )


@SITES
def test_the_steps_are_shown_with_the_real_numbers_and_without_the_secret(
    site: str, bob: Client, carol: Client, acme: House
) -> None:
    sign(acme)
    text = (bob if site == "admin" else carol).get(address(acme, site=site)).content.decode()
    assert "Computed anew just now, they are the ones that were sent." in text
    assert f"{acme.event.public_id}." in text
    assert f"…{acme.secret[-4:]}" in text
    assert acme.secret[6:] not in text


@SITES
def test_a_body_that_was_parsed_and_written_again_is_recognised(
    site: str, bob: Client, carol: Client, acme: House
) -> None:
    sign(acme)
    acme.event.body = acme.event.body.replace(b"1e400", b"7.0")
    acme.event.save()
    sign(acme)
    given = {"body": json.dumps(json.loads(acme.event.body), indent=2).replace("\n", "\r\n")}
    text = (bob if site == "admin" else carol).post(address(acme, site=site), given).content.decode()
    assert "The body was parsed and written again, with line breaks" in text


def test_headers_a_wrong_secret_and_a_clock_are_judged_together(carol: Client, acme: House) -> None:
    sign(acme)
    headers = Attempt.objects.get(pk=acme.attempt.pk).request_headers
    given = {"headers": headers, "secret_end": "zzzz", "clock": "2026-01-31T09:30:00Z"}
    text = carol.post(address(acme, site="portal"), given).content.decode()
    assert "The headers are as they were sent." in text
    assert f"ends in …{acme.secret[-4:]}" in text.replace("&#x27;", "'")
    assert "libraries refuse more than 5 minutes" in text


def test_the_clock_of_the_receiver_is_read_off_its_answer(bob: Client, acme: House) -> None:
    sign(acme, date="Sat, 31 Jan 2026 09:30:00 GMT")
    text = bob.get(address(acme, site="admin")).content.decode()
    assert "By the Date of the answer: The receiver&#x27;s clock is" in text


def test_a_secret_that_is_gone_is_said_to_be_gone(bob: Client, acme: House) -> None:
    sign(acme)
    EndpointSecret.objects.all().delete()
    assert "(gone here)" in bob.get(address(acme, site="admin")).content.decode()


def test_what_was_never_sent_has_no_signature(bob: Client, acme: House) -> None:
    Attempt.objects.all().delete()
    assert "there is no signature to check" in bob.get(address(acme, site="admin")).content.decode()


@pytest.mark.parametrize("clock", ["yesterday", "99999999999999999999", "2026-01-31T09:30:00"])
def test_a_clock_that_cannot_be_read_is_refused_at_its_field(clock: str, bob: Client, acme: House) -> None:
    sign(acme)
    assert "hp-error" in bob.post(address(acme, site="admin"), {"clock": clock}).content.decode()


@pytest.mark.parametrize(
    "clock", ["{seconds:.0f}", "{millis:.0f}", "{at:%a, %d %b %Y %H:%M:%S} GMT", "{at:%Y-%m-%d %H:%M:%S}Z"]
)
def test_a_clock_is_read_as_programs_print_it(clock: str, bob: Client, acme: House) -> None:
    sign(acme)
    at = timezone.now()
    given = clock.format(seconds=at.timestamp(), millis=at.timestamp() * 1000, at=at)
    text = bob.post(address(acme, site="admin"), {"clock": given}).content.decode()
    assert "is within 5 minutes of the signed time" in text


def test_headers_in_which_none_can_be_read_are_refused_at_their_field(carol: Client, acme: House) -> None:
    """Given text that holds no header, then the page does not say that nothing was given."""
    sign(acme)
    text = carol.post(address(acme, site="portal"), {"headers": "[object Object]"}).content.decode()
    assert "No header could be read here." in text
    assert "Nothing was given to compare." not in text


def test_a_printed_dict_of_headers_is_compared(carol: Client, acme: House) -> None:
    sign(acme)
    headers = dict(line.split(": ", 1) for line in Attempt.objects.get(pk=acme.attempt.pk).request_headers.splitlines())
    text = carol.post(address(acme, site="portal"), {"headers": repr(headers)}).content.decode()
    assert "The headers are as they were sent." in text


def test_a_secret_that_was_rotated_is_told_from_a_strange_one(carol: Client, acme: House) -> None:
    """Given a delivery from before a rotation and a receiver that has the new secret, then it is told what happened."""
    sign(acme)
    rotated = EndpointSecret(endpoint=acme.endpoint)
    rotated.seal_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    rotated.save()
    text = carol.post(address(acme, site="portal"), {"secret_end": "LaSw"}).content.decode()
    assert "This secret is the endpoint&#x27;s, but it did not sign this" in text


def test_the_key_of_a_private_secret_is_told_as_what_it_is(carol: Client, acme: House) -> None:
    secret = acme.endpoint.secrets.get()
    secret.seal_secret(PRIVATE)
    secret.save()
    sign(replace(acme, secret=PRIVATE))
    text = carol.get(address(acme, site="portal")).content.decode()
    assert "signs with Ed25519" in text
    assert "HMAC-SHA256 in base64" not in text
