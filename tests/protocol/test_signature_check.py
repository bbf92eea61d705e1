"""The check of a signature: what is right is found right, by the libraries too, and each usual mistake is named."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from deliveries.protocol.checking.body_differences import compare_bodies
from deliveries.protocol.checking.given_digests import read_digests
from deliveries.protocol.checking.pasted_headers import read_pasted_headers
from deliveries.protocol.checking.signature_check import (
    ReceivedRequest,
    SentRequest,
    check_received,
    expected_headers,
    is_signed_rightly,
    signed_content,
)
from deliveries.protocol.signing.profiles import PROFILES, check_signing
from deliveries.protocol.signing.secrets import hint, read_secret
from deliveries.protocol.signing.signatures import signature_headers

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


@pytest.mark.parametrize(
    ("got", "code"),
    [
        (repr(BODY).encode(), "same_body"),
        (json.dumps(BODY.decode()).encode(), "same_body"),
        (json.dumps({"type": "Buffer", "data": list(BODY)}).encode(), "same_body"),
        (json.dumps({"headers": {}, "body": BODY.decode()}).encode(), "same_body"),
        (json.dumps({"body": b64encode(BODY).decode(), "isBase64Encoded": True}).encode(), "same_body"),
        (repr(json.dumps(json.loads(BODY)).encode()).encode(), "parsed_and_written_again"),
        (repr(json.loads(BODY)).encode(), "parsed_and_written_again"),
        (b64encode(BODY), "still_encoded"),
        (b"\n".join([b64encode(BODY)[:76], b64encode(BODY)[76:]]), "still_encoded"),
        (rb"\x" + BODY.hex().encode(), "still_encoded"),
        (BODY.replace(b'"', b"&quot;"), "still_encoded"),
        (b"<Buffer 7b 22 74 79 70 65 22 3a 22 75 73 65 72 ... 60 more bytes>", "printed_short"),
        (b"b'", "other_body"),
        (rb"b'\u1234'", "other_body"),
        (b'{"type":"Buffer","data":[256]}', "other_body"),
    ],
)
def test_a_printout_of_a_body_stands_for_the_body(got: bytes, code: str) -> None:
    assert compare_bodies(BODY, got).code == code


def test_large_numbers_that_a_program_rounded_are_named() -> None:
    found = compare_bodies(b'{"id":12345678901234567890}', b'{"id":12345678901234567000}')
    assert (found.code, "rounded as JavaScript does" in found.says) == ("parsed_and_written_again", True)
    assert compare_bodies(b'{"id":12}', b'{"id":13}').code == "other_body"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (rb'{"a":"x\/y <\u00e9>"}', "as PHP's json_encode writes it"),
        ('{"a":"x/y \\u003cé\\u003e"}'.encode(), "as Go's json.Marshal writes it"),
    ],
)
def test_how_other_languages_write_json_is_recognised(written: bytes, words: str) -> None:
    assert words in compare_bodies('{"a":"x/y <é>" }'.encode(), written).says


def test_line_breaks_that_a_form_makes_the_same_are_held_against_nobody() -> None:
    sent = replace(a_request(), body=b'{\r\n"a":1}')
    assert codes(sent, body=b'{\n"a":1}')[0] == "line_breaks"
    assert codes(sent, body=b'{\n"a":1}', has_form_breaks=True)[0] == "same_body"
    assert codes(sent, body=b'{\n"a":2}', has_form_breaks=True)[0] == "other_body"


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


@pytest.mark.parametrize("end", ["Hh8", "…Hh8=", "'Hh8='", "dHh8= ", "Hh8=\n"])
def test_the_end_of_a_secret_is_read_however_it_is_written(end: str) -> None:
    assert codes(a_request(), secret_end=end)[0] == "right_secret"


def test_one_character_tells_no_secrets_apart() -> None:
    assert [codes(a_request(), secret_end=end) for end in ("=", "8=", "…")] == [["short_end"]] * 3


def test_a_secret_of_the_endpoint_that_did_not_sign_is_told_from_a_strange_one() -> None:
    """Given a receiver that has the secret of before a rotation or of after it, then it is told so."""
    sent = replace(a_request(), others=[read_secret(PRIVATE), read_secret(OLD_SECRET)])
    assert codes(sent, secret_end=OLD_SECRET[-4:]) == ["rotated_secret"]
    digest = hmac.digest(read_secret(OLD_SECRET).value, own_content(sent), "sha256")
    assert f"another secret of this endpoint was used, …{OLD_SECRET[-4:]}" in says(sent, computed=digest.hex())
    assert codes(sent, secret_end="zzzz") == ["wrong_secret"]


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


def printouts(headers: dict[str, str]) -> dict[str, str]:
    """Headers as each language prints them, or a tool copies them."""
    titled = {name.title(): value for name, value in headers.items()}
    cgi = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    in_turn = [each for pair in headers.items() for each in pair]
    return {
        "Python, a dict": repr(titled),
        "Python, Werkzeug": f"EnvironHeaders({list(titled.items())})",
        "Python, ASGI": repr([(name.encode(), value.encode()) for name, value in headers.items()]),
        "Python, Django": repr(cgi),
        "Node, rawHeaders": json.dumps(in_turn),
        "Node, rawHeaders printed": repr(in_turn),
        "Node, fetch": json.dumps(list(headers.items())),
        "Go": "map[" + " ".join(f"{name}:[{value}]" for name, value in titled.items()) + "]",
        "Ruby": "{" + ", ".join(f'"{name}"=>"{value}"' for name, value in cgi.items()) + "}",
        "PHP, print_r": "Array\n(\n" + "\n".join(f"    [{name}] => {value}" for name, value in titled.items()) + "\n)",
        "PHP, var_dump": "\n".join(f'["{name}"]=>\n  string({len(text)}) "{text}"' for name, text in titled.items()),
        "PHP, json_encode": json.dumps(headers).replace("/", "\\/"),
        "Java": "{" + ", ".join(f"{name}=[{value}]" for name, value in headers.items()) + "}",
        "Java, Spring": "[" + ", ".join(f'{name}:"{value}"' for name, value in headers.items()) + "]",
        "a Lambda's event": json.dumps({"version": "2.0", "headers": headers, "body": "{}"}),
        "curl -v": "\n".join(f"< {name}: {value}" for name, value in headers.items()) + "\n< host: a.example",
        "a browser": "\n".join(f"{name}:\n{value}" for name, value in headers.items()),
        "another browser": "\n".join(f"{name}\n{value}" for name, value in headers.items())
        + "\nuser-agent\nHookpost/1",
        "in one line": " ".join(f"{name}: {value}" for name, value in headers.items()) + " host: a.example",
        "a table": "\n".join(f"{name}\t{value}" for name, value in headers.items()),
        "wrapped": "\n".join(f"{name}: {value[:30]}\n {value[30:]}" for name, value in headers.items()),
        "wrapped by a terminal": "\n".join(f"{name}: {value[:50]}\n{value[50:]}" for name, value in headers.items()),
        "the whole request": "POST / HTTP/1.1\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in titled.items())
        + '\r\n{"type":"user.created"}',
    }


@EACH_SCHEME
@pytest.mark.parametrize("printed", printouts({}))
def test_the_signatures_headers_are_found_in_a_printout_of_any_language(printed: str, signing: str) -> None:
    sent = a_request(signing)
    own = {name: sent.headers[name] for name in sent.signature_names if name in sent.headers}
    found = read_pasted_headers(printouts(own)[printed], names=("X-Acme", "X-Acme-Time"))
    assert {name: found.get(name) for name in own} == own


@pytest.mark.parametrize("printed", printouts({}))
@pytest.mark.parametrize("first", "bB+/a")
def test_a_value_keeps_its_first_letter_whatever_it_is(printed: str, first: str) -> None:
    """Given one of base64, that may begin with the letter that Python writes before bytes."""
    own = {"x-acme": f"{first}pKihqUIlHyGTCEEDk4UvSbIjrJQ40FH9jPOaxsgz40=", "x-acme-time": "1796013500"}
    found = read_pasted_headers(printouts(own)[printed], names=own)
    assert {name: found.get(name) for name in own} == own


def test_two_signatures_in_one_header_stay_two() -> None:
    value = "v1,qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo= v1,u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s="
    for text in (f"webhook-signature: {value}", f"{{'webhook-signature': '{value}'}}", value.replace(" ", "\n ")):
        given = text if "webhook" in text else f"webhook-signature: {text}"
        assert read_pasted_headers(given)["webhook-signature"] == value


def test_a_name_among_names_has_no_value() -> None:
    text = "access-control-expose-headers: webhook-id, webhook-timestamp\nwebhook-id: evt_1\nwebhook-timestamp: 5"
    found = read_pasted_headers(text)
    assert (found["webhook-id"], found["webhook-timestamp"]) == ("evt_1", "5")


def test_a_line_of_spaces_is_read_once() -> None:
    """Given a value with spaces where each could be its last, then it is not a matter of years which one is."""
    spaces = " " * 100_000
    assert read_pasted_headers(f"x-a: b{spaces}c{spaces},{spaces}")["x-a"] == f"b{spaces}c"


@given(st.binary(min_size=32, max_size=32))
def test_a_digest_is_read_in_each_form_in_which_it_is_written(digest: bytes) -> None:
    base64 = b64encode(digest).decode()
    safe = base64.replace("+", "-").replace("/", "_").rstrip("=")
    quoted = [f"'{base64}'", repr(base64.encode()), f"`{digest.hex()}`"]
    marked = [f"v1,{base64}", f"sha256={digest.hex()}", f"t=1,v1={digest.hex()}", f"x-hub-signature-256: {base64}"]
    spaced = [f"{base64[:20]} {base64[20:]}\n", f"v1,{base64[:40]}\r\n{base64[40:]}"]
    for written in (base64, safe, digest.hex(), digest.hex().upper(), *quoted, *marked, *spaced):
        assert digest in [each.value for each in read_digests(written)]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda own: b64encode(hmac.digest(urlsafe_b64decode(SECRET[:48]), own, "sha256")), "whsec_ was decoded"),
        (lambda own: b64encode(hmac.digest(b64decode(f"whsec{SECRET[6:]}"[:48]), own, "sha256")), "whsec_ was decoded"),
        (lambda own: b64encode(hmac.digest(b"", own, "sha256")), "the key was empty"),
        (lambda own: b64encode(hmac.digest(SECRET.encode() + b"\n", own, "sha256")), "a line break at its end"),
        (lambda own: b64encode(hmac.digest(f'"{SECRET}"'.encode(), own, "sha256")), "quotation marks around it"),
        (lambda own: b64encode(hmac.digest(b64decode(SECRET[6:]), own, "sha256").hex().encode()), "the hex of the"),
    ],
)
def test_what_goes_wrong_with_key_and_encoding_is_named(make: Callable[[bytes], bytes], words: str) -> None:
    sent = a_request()
    assert words in says(sent, computed=make(own_content(sent)).decode())


def test_a_plus_that_became_a_space_is_named() -> None:
    sent = replace(a_request(), timestamp=next(at for at in range(1000) if "+" in signature_at(at)))
    sent = replace(sent, headers={"webhook-signature": f"v1,{signature_at(sent.timestamp)}"})
    assert "became a space" in says(sent, computed=signature_at(sent.timestamp).replace("+", " "))


def signature_at(timestamp: int) -> str:
    content = own_content(replace(a_request(), timestamp=timestamp))
    return b64encode(hmac.digest(read_secret(SECRET).value, content, "sha256")).decode()


@pytest.mark.parametrize("name", ["sha1", "sha512"])
def test_another_hash_is_right_where_the_scheme_has_it(name: str) -> None:
    """Given a scheme in a customer's own words with another hash, then it is not taken for a mistake."""
    sent = a_request(check_signing({"header": "X-Acme", "hash": name}))
    assert codes(sent, computed=sent.headers["x-acme"]) == ["same_signature"]
    sorted_body = json.dumps(json.loads(BODY), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    told = says(sent, computed=hmac.digest(SECRET.encode(), sorted_body, name).hex())
    assert told.endswith("otherwise: the body was parsed and written again, with sorted keys.")


def test_the_standard_signature_is_right_beside_that_of_another_scheme() -> None:
    sent = a_request("github")
    assert "what the header webhook-signature holds" in says(sent, computed=sent.headers["webhook-signature"])


@pytest.mark.parametrize("text", ["", "v1,", "zz", "00", "sha256=00", "é" * 44])
def test_what_is_no_signature_is_none(text: str) -> None:
    assert read_digests(text) == []
