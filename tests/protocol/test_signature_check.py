"""The check of a signature: what is right is found right, by the libraries too, and each usual mistake is named."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from deliveries.protocol.body_differences import compare_bodies
from deliveries.protocol.computed_signatures import digest_of
from deliveries.protocol.pasted_headers import read_pasted_headers
from deliveries.protocol.profiles import PROFILES, check_signing
from deliveries.protocol.secrets import hint, read_secret
from deliveries.protocol.signature_check import (
    ReceivedRequest,
    SentRequest,
    check_received,
    expected_headers,
    is_signed_rightly,
    signed_content,
)
from deliveries.protocol.signatures import signature_headers

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OLD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PRIVATE = "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA=="
BODY = '{"type":"user.created","timestamp":"2026-01-31T09:30:00.000Z","data":{"name":"Zoë 🚀","b":1.0,"a":[]}}'.encode()
OWN = check_signing({"header": "X-Acme", "encoding": "base64", "hash": "sha256", "timestamp_header": "X-Acme-Time"})
EACH_SCHEME = pytest.mark.parametrize("signing", [*PROFILES, OWN], ids=[*PROFILES, "own"])


def a_request(signing: str = "standard", *secrets: str) -> SentRequest:
    """A request that was signed with these secrets at this moment."""
    keys = [read_secret(text) for text in secrets or (SECRET,)]
    now = int(datetime.now(UTC).timestamp())
    made = signature_headers(signing, keys, message_id="evt_1", timestamp=now, body=BODY)
    headers = {name.lower(): value for name, value in made}
    hints = [hint(key) for key in keys]
    return SentRequest(
        signing=signing, message_id="evt_1", timestamp=now, body=BODY, headers=headers, keys=keys, hints=hints
    )


def codes(sent: SentRequest, **received: object) -> list[str]:
    """What is found of a received request."""
    return [each.code for each in check_received(sent, ReceivedRequest(**received))]  # type: ignore[arg-type]


def says(sent: SentRequest, **received: object) -> str:
    return " ".join(each.says for each in check_received(sent, ReceivedRequest(**received)))  # type: ignore[arg-type]


def own_content(sent: SentRequest) -> bytes:
    return b"%b.%d.%b" % (sent.message_id.encode(), sent.timestamp, sent.body)


def test_a_request_is_known_while_each_secret_that_signed_it_is_there() -> None:
    sent = a_request("standard", SECRET, OLD_SECRET)
    assert sent.is_known
    assert replace(sent, hints=sent.hints[:1]).is_known
    assert not replace(sent, keys=sent.keys[1:]).is_known
    assert not replace(sent, keys=[], hints=[]).is_known


@EACH_SCHEME
def test_what_was_signed_is_found_right_and_verified_by_the_library(signing: str) -> None:
    sent = a_request(signing, SECRET, OLD_SECRET)
    assert is_signed_rightly(sent)
    standardwebhooks.Webhook(SECRET).verify(BODY.decode(), expected_headers(sent))
    assert not is_signed_rightly(replace(sent, body=BODY + b" "))
    assert not is_signed_rightly(replace(sent, keys=sent.keys[1:]))


def test_the_signed_content_is_what_the_library_signs() -> None:
    sent = a_request()
    key = b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.digest(key, signed_content(sent).encode(), "sha256")
    assert sent.headers["webhook-signature"] == "v1," + b64encode(digest).decode()


@EACH_SCHEME
def test_a_receiver_that_had_everything_is_told_that_its_secret_or_its_code_is_wrong(signing: str) -> None:
    sent = a_request(signing)
    found = check_received(sent, ReceivedRequest(headers=sent.headers, body=BODY))
    assert [each.code for each in found] == ["same_headers", "same_body", "secret_or_code"]
    assert SECRET not in str(found)
    assert "…Hh8=" in found[-1].says


@EACH_SCHEME
def test_the_right_computation_is_recognised_in_every_scheme(signing: str) -> None:
    sent = a_request(signing)
    last = list(sent.headers)[-1]
    value = sent.headers[last].rpartition(",v1=")[2].rpartition(",v0=")[2]
    assert codes(sent, computed=value) == ["same_signature"]


@pytest.mark.parametrize("signing", [name for name in PROFILES if name not in ("standard", "svix")])
def test_a_secret_that_was_decoded_where_its_text_is_the_key_is_named(signing: str) -> None:
    sent = a_request(signing)
    decoded = replace(sent, keys=[read_secret("x" * 8)], headers={})
    key = b64decode(SECRET.removeprefix("whsec_"))
    contents = [own_content(sent), b"%d.%b" % (sent.timestamp, BODY), b"%d,%b" % (sent.timestamp, BODY)]
    contents += [b"v0:%d:%b" % (sent.timestamp, BODY), BODY]
    tried = [says(sent, computed=hmac.digest(key, content, "sha256").hex()) for content in contents]
    wanted = "Your code computed it otherwise: the secret was decoded from base64, and this scheme takes its text."
    assert wanted in tried
    assert codes(decoded, computed="00" * 32) == ["unknown_computation"]


@pytest.mark.parametrize(
    ("key", "content", "name", "words"),
    [
        (SECRET.encode(), "own", "sha256", "the text of the secret was used as the key"),
        (SECRET.removeprefix("whsec_").encode(), "own", "sha256", "as the key, without whsec_"),
        (None, "body", "sha256", "the body alone was signed"),
        (None, "timed", "sha256", "timestamp and body were signed, with a dot between them"),
        (None, "own", "sha1", "the hash was sha1"),
        (None, "rewritten", "sha256", "the body was parsed and written again, with a space behind commas"),
        (SECRET.encode(), "body", "sha512", "as the key; decode what follows whsec_ from base64; the body alone"),
    ],
)
def test_what_a_receivers_code_does_otherwise_is_named(key: bytes | None, content: str, name: str, words: str) -> None:
    sent = a_request()
    other = json.dumps(json.loads(BODY)).encode()
    contents = {
        "own": own_content(sent),
        "body": BODY,
        "timed": b"%d.%b" % (sent.timestamp, BODY),
        "rewritten": own_content(replace(sent, body=other)),
    }
    right = b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.digest(key or right, contents[content], name)
    for written in (digest.hex(), digest.hex().upper(), b64encode(digest).decode(), "v1," + b64encode(digest).decode()):
        assert words in says(sent, computed=written)


@pytest.mark.parametrize(
    ("got", "code"),
    [
        (BODY, "same_body"),
        (b"", "empty_body"),
        (BODY + b"\n", "space_at_the_ends"),
        (b"\xef\xbb\xbf" + BODY, "byte_order_mark"),
        (BODY.decode("latin-1").encode(), "wrong_charset"),
        (json.dumps(json.loads(BODY)).encode(), "parsed_and_written_again"),
        (json.dumps(json.loads(BODY), sort_keys=True, separators=(",", ":")).encode(), "parsed_and_written_again"),
        (json.dumps(json.loads(BODY), indent="\t").encode(), "parsed_and_written_again"),
        (json.dumps(json.loads(BODY)["data"]).encode(), "data_only"),
        (BODY[:40], "cut_off"),
        (BODY.replace(b"created", b"deleted"), "other_body"),
        (b"[object Object]", "other_body"),
    ],
)
def test_how_a_body_was_changed_is_named(got: bytes, code: str) -> None:
    found = compare_bodies(BODY, got)
    assert (found.code, found.is_fault) == (code, code != "same_body")


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_two_bodies_are_told_apart_and_none_stops_the_check(sent: bytes, got: bytes) -> None:
    assert (compare_bodies(sent, got).code == "same_body") == (sent == got)


@given(st.text(max_size=80), st.text(max_size=80))
def test_nothing_that_is_pasted_stops_the_check(headers: str, computed: str) -> None:
    pasted, body = read_pasted_headers(headers), headers.encode("utf-8", "replace")
    received = ReceivedRequest(headers=pasted, body=body, computed=computed)
    assert all(SECRET[6:] not in each.says for each in check_received(a_request(), received))


@pytest.mark.parametrize(
    ("away", "code", "words"),
    [
        (-7, "clock_off", "7 minutes behind"),
        (61, "clock_off", "61 minutes ahead"),
        (4, "clock_right", "within 5"),
    ],
)
def test_a_clock_that_is_off_is_named(away: int, code: str, words: str) -> None:
    sent = a_request()
    clock = datetime.fromtimestamp(sent.timestamp, UTC) + timedelta(minutes=away)
    assert codes(sent, clock=clock)[0] == code
    assert words in says(sent, clock=clock)


def test_a_wrong_secret_is_told_by_its_end() -> None:
    assert codes(a_request(), secret_end="aSw=") == ["wrong_secret"]
    assert codes(a_request("standard", SECRET, OLD_SECRET), secret_end=OLD_SECRET[-4:])[0] == "right_secret"


def test_headers_that_were_dropped_changed_or_are_another_events_are_named() -> None:
    sent = a_request("github")
    assert codes(sent, headers={"host": "a.example"}) == ["no_headers"]
    assert codes(sent, headers={**sent.headers, "webhook-id": "evt_2"}) == ["other_event"]
    assert codes(sent, headers={**sent.headers, "webhook-timestamp": "1"}) == ["changed_headers"]
    assert codes(sent, headers={"webhook-id": "evt_1"})[0] == "some_headers"


def test_a_private_key_is_verified_by_its_public_half() -> None:
    assert codes(a_request("standard", PRIVATE), computed="00" * 32) == ["asymmetric"]


def test_a_secret_that_is_gone_is_said_to_be_gone() -> None:
    sent = replace(a_request(), keys=[])
    assert not sent.is_known
    assert not is_signed_rightly(sent)
    assert codes(sent, body=BODY) == ["same_body", "not_known"]


@pytest.mark.parametrize(
    "text",
    [
        "webhook-id: evt_1\nX-A: b:c",
        "Webhook-Id: evt_1\r\nx-a:b:c\r\n",
        '{"webhook-id": "evt_1", "X-A": ["b:c"]}',
        "'webhook-id': 'evt_1',\n'x-a': 'b:c',",
        "HTTP_WEBHOOK_ID=evt_1\nHTTP_X_A=b:c",
        "POST /in HTTP/1.1\n-H 'webhook-id: evt_1'\n-H 'x-a: b:c'",
    ],
)
def test_headers_are_read_as_programs_print_them(text: str) -> None:
    found = read_pasted_headers(text)
    assert (found["webhook-id"], found["x-a"]) == ("evt_1", "b:c")


def test_a_line_of_spaces_is_read_once() -> None:
    """Given a value with spaces where each could be its last, then it is not a matter of years which one is."""
    spaces = " " * 100_000
    assert read_pasted_headers(f"x-a: b{spaces}c{spaces},{spaces}")["x-a"] == f"b{spaces}c"


@pytest.mark.parametrize("text", ["", "v1,", "zz", "00", "sha256=00", "é" * 44])
def test_what_is_no_signature_is_none(text: str) -> None:
    assert digest_of(text) is None
