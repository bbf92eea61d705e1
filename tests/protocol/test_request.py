"""Requests: bodies byte for byte, the policy for custom headers, the order of all headers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import InvalidHeader
from deliveries.protocol.sending import request
from deliveries.protocol.signing.profiles import check_signing, profile_of
from deliveries.protocol.signing.secrets import SigningKey

KEY = SigningKey("hmac", bytes(32))


def test_the_callers_json_is_spliced_in_untouched() -> None:
    data = b'{"b": 1e2,"a":1,"a":2, "n":12345678901234567890.10}'
    body = request.full_body("invoice.paid", "2026-01-02T03:04:05.678Z", data)
    assert body == b'{"type":"invoice.paid","timestamp":"2026-01-02T03:04:05.678Z","data":' + data + b"}"


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_a_body_is_json_whatever_its_type_is_called(name: str) -> None:
    assert json.loads(request.full_body(name, "t", b"null")) == {"type": name, "timestamp": "t", "data": None}


def test_a_thin_body_only_says_where_the_event_is() -> None:
    body = request.thin_body("invoice.paid", "t", event_id="evt_1", url="https://hooks.example.com/api/v1/events/evt_1")
    assert json.loads(body)["data"] == {
        "id": "evt_1",
        "object": "event",
        "url": "https://hooks.example.com/api/v1/events/evt_1",
    }


@given(st.text(st.characters(exclude_categories=("Cs",))), st.binary())
def test_the_callers_json_is_found_again_in_the_body(name: str, data: bytes) -> None:
    assert request.data_of(request.full_body(name, "t", data)) == data


def test_headers_come_in_sending_order() -> None:
    headers = request.delivery_headers(
        user_agent="Hookpost/1",
        profile="github",
        keys=[KEY],
        message_id="evt_1",
        timestamp=1,
        body=b"{}",
        custom={"x-team": "blue", "authorization": "Bearer abc"},
    )
    assert [name for name, _ in headers] == [
        "content-type",
        "user-agent",
        "accept",
        "accept-encoding",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "X-Hub-Signature-256",
        "X-GitHub-Delivery",
        "x-team",
        "authorization",
    ]
    assert dict(headers)["accept-encoding"] == "identity"
    assert dict(headers)["accept"] == "*/*"


OWN = check_signing({"header": "X-Acme", "type_header": "X-Acme-Event", "id_header": "X-Acme-Id"})
TOLD = [
    ("standard", {}),
    ("stripe", {}),
    ("svix", {}),
    ("github", {"X-GitHub-Delivery": "evt_1", "X-GitHub-Event": "invoice.paid"}),
    ("hook0", {"X-Event-Id": "evt_1", "X-Event-Type": "invoice.paid"}),
    ("outpost", {"X-Outpost-Topic": "invoice.paid", "X-Outpost-Timestamp": "1"}),
    ("convoy", {"X-Convoy-Idempotency-Key": "evt_1"}),
    ("convoy_advanced", {"X-Convoy-Idempotency-Key": "evt_1"}),
    (OWN, {"X-Acme-Id": "evt_1", "X-Acme-Event": "invoice.paid"}),
]


@pytest.mark.parametrize(("profile", "told"), TOLD)
def test_a_scheme_tells_of_the_event_in_the_headers_in_which_its_sender_does(
    profile: str, told: dict[str, str]
) -> None:
    def sent(custom: dict[str, str], event_type: str = "invoice.paid") -> list[tuple[str, str]]:
        frame = request.frame_of(custom, user_agent="Hookpost/1", secret=custom.keys())
        signed = {"profile": profile, "keys": [KEY], "message_id": "evt_1", "timestamp": 1, "body": b"{}"}
        head, kept = request.head_of(frame, event_type=event_type, **signed)  # type: ignore[arg-type]
        lines = head.text.split("\n")
        assert head.lines == len(lines)
        assert [name for name, _ in map(split, lines)] == list(request.read_headers(kept))
        whole = request.delivery_headers(user_agent="Hookpost/1", custom=custom, event_type=event_type, **signed)  # type: ignore[arg-type]
        assert [split(line) for line in lines] == whole
        return whole

    signing = {"webhook-id", "webhook-timestamp", "webhook-signature", *profile_of(profile).headers}
    ours = [pair for pair in sent({}) if pair[0] not in signing][4:]
    assert ours == list(told.items())
    by_hand = {name.lower().replace("-", "_", 1): "by hand" for name in told}
    assert [pair for pair in sent(by_hand) if pair[0] not in signing][4:] == list(by_hand.items())
    assert "invoice.paid" not in dict(sent({}, event_type="")).values()  # of several events in one request


def split(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name, value


def test_a_customers_own_content_type_and_accept_take_the_place_of_ours() -> None:
    custom = {"content-type": "application/json; charset=utf-8", "accept": "application/json"}
    headers = request.delivery_headers(
        user_agent="Hookpost/1",
        profile="standard",
        keys=[KEY],
        message_id="evt_1",
        timestamp=1,
        body=b"{}",
        custom=custom,
    )
    assert [pair for pair in headers if pair[0] in custom] == list(custom.items())


@pytest.mark.parametrize(
    "value",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/JSON",
        "application/cloudevents+json; charset=utf-8",
        "application/vnd.alice.v1+json",
        'application/json; profile="a b"; charset=utf-8',
        "text/json",
    ],
)
def test_the_content_type_may_be_any_of_json(value: str) -> None:
    assert request.check_header("Content-Type", value) == ("content-type", value)


@pytest.mark.parametrize(
    "value",
    [
        *("", "text/plain", "application/xml", "json", "application/json;", "a/b+json\r\nx: y"),
        *("application/json; charset=latin-1", 'application/json; a=b; Charset="utf-16"'),
    ],
)
def test_a_content_type_that_the_body_has_not_is_refused(value: str) -> None:
    with pytest.raises(InvalidHeader, match="content-type"):
        request.check_header("content-type", value)


def test_a_bearer_token_of_several_kilobytes_passes() -> None:
    token = "Bearer " + "e" * 4600
    assert request.check_headers({"authorization": token}) == {"authorization": token}


@pytest.mark.parametrize(
    ("name", "value"), [("X-Team", "blue"), ("Authorization", "Bearer a b"), ("x_key", "!~"), ("Accept", "*/*")]
)
def test_an_ordinary_header_passes_with_its_name_in_lower_case(name: str, value: str) -> None:
    assert request.check_header(name, value) == (name.lower(), value)


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "connection",
        "Content_Type",
        "content-encoding",
        "content-length",
        "Content_Length",
        "transfer-encoding",
        "Transfer_Encoding",
        "TE",
        "trailer",
        "Upgrade",
        "Expect",
        "cookie",
        "Proxy-Authorization",
        "Proxy",
        "HTTP2-Settings",
        "webhook-id",
        "webhook_signature",
        "User-Agent",
        "accept-encoding",
        "Stripe-Signature",
        "x-hub-signature-256",
        "",
        "a b",
        "a:",
        "a\r\nhost",
        "x-\0",
        "naïve",
        " x",
        "x\n",
    ],
)
def test_a_header_that_is_not_the_customers_to_set_is_refused(name: str) -> None:
    with pytest.raises(InvalidHeader):
        request.check_header(name, "x")


@pytest.mark.parametrize("value", ["", " ", " a", "a ", "a\r\nx: y", "a\nb", "a\0", "\t", "a\tb", "ä", "\x7f"])
def test_a_value_beyond_visible_ascii_is_refused(value: str) -> None:
    with pytest.raises(InvalidHeader, match="x-team"):
        request.check_header("x-team", value)


@given(st.text(), st.text())
def test_what_passes_can_never_split_a_request(name: str, value: str) -> None:
    try:
        line = ": ".join(request.check_header(name, value))
    except InvalidHeader:
        return
    assert line.isascii()
    assert line.isprintable()


def test_twenty_headers_of_twelve_kilobytes_are_the_most() -> None:
    assert len(request.check_headers({f"x-{number:02}": "v" * 200 for number in range(20)})) == 20
    with pytest.raises(InvalidHeader, match="20"):
        request.check_headers({f"x-{number}": "v" for number in range(21)})
    with pytest.raises(InvalidHeader, match="12288"):
        request.check_headers({"x-long": "v" * 12288})


def test_one_header_in_two_spellings_is_refused() -> None:
    with pytest.raises(InvalidHeader, match="twice"):
        request.check_headers({"X-Team": "a", "x-team": "b"})
