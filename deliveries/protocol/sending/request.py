"""The request of a delivery, as bytes and headers.

What lives here: bodies, the policy for custom headers, and the headers in sending order.
It must not know how requests are sent, or where secrets are kept. Source: RFC 9110 5.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from deliveries.errors import InvalidHeader
from deliveries.protocol.answers.answer import HIDDEN
from deliveries.protocol.signing.profiles import PROFILES, profile_of
from deliveries.protocol.signing.secrets import SigningKey
from deliveries.protocol.signing.signatures import signature_headers
from deliveries.protocol.writing.sentences import say

METHOD = "POST"
KEPT_BODY_BYTES = 16 * 1024
_METHOD = ":method"
_END_OF_HEADERS = "\n\n"
CUSTOM_HEADER_LIMIT = 20
CUSTOM_HEADER_LIMIT_BYTES = 12 * 1024  # with ours still below the 16 KB that Node takes of a request's headers
CONTENT_TYPE = "application/json"

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_RESERVED = frozenset(
    {
        "host",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "http2-settings",
        "proxy",  # CGI programs would read it as HTTP_PROXY
        "expect",
        "cookie",
        "user-agent",
        "accept-encoding",
    }
) | {name.lower() for profile in PROFILES.values() for name in profile.headers}
# The body is JSON in UTF-8, whatever it is called beside that.
_JSON_TYPE = re.compile(
    r"""(?:application|text)/(?:[a-z0-9.!#$&^_-]+\+)?json(?:[ ]*;[ ]*[a-z0-9_-]+=(?:[a-z0-9._-]+|"[a-z0-9 ._-]*"))*""",
    re.IGNORECASE,
)
_CHARSET = re.compile(r'[; ]charset="?([^";]*)', re.IGNORECASE)
_CHARSETS = frozenset({"utf-8", "utf8"})
_HEAD = re.compile(rb'\{"type":"(?:[^"\\]|\\.)*","timestamp":("[^"]*"),')
_RESERVED_PREFIXES = ("content-", "proxy-", "webhook-")


def full_body(event_type: str, timestamp: str, data: bytes) -> bytes:
    """Return the body with the caller's JSON bytes in it, untouched."""
    return b'{"type":%b,"timestamp":%b,"data":%b}' % (orjson.dumps(event_type), orjson.dumps(timestamp), data)


def data_of(body: bytes) -> bytes:
    """Return the caller's JSON bytes out of a body that full_body made."""
    return body[body.index(b'"data":') + len(b'"data":') : -1]  # neither type nor time holds a quote


def thin_body(event_type: str, timestamp: str, *, event_id: str, url: str) -> bytes:
    """Return the body that only says where the event can be read."""
    return full_body(event_type, timestamp, orjson.dumps({"id": event_id, "object": "event", "url": url}))


def moment_of(whole: bytes) -> str:
    """Return the timestamp of a stored body; what follows it is the caller's and is not looked at."""
    found = _HEAD.match(whole)
    moment: str = orjson.loads(found[1]) if found else orjson.loads(whole)["timestamp"]
    return moment


def check_header(name: str, value: str) -> tuple[str, str]:
    """Return a custom header with its name in lower case, or raise InvalidHeader."""
    if not isinstance(name, str) or _TOKEN.fullmatch(name) is None:
        raise InvalidHeader(say("a header name is made of letters, digits and -"), field="headers")
    lowered = name.lower()
    # WSGI and CGI receivers see no difference between _ and -, so neither does this check.
    plain = lowered.replace("_", "-")
    if lowered == "content-type":
        return lowered, _check_content_type(value)
    if plain in _RESERVED or plain.startswith(_RESERVED_PREFIXES):
        raise InvalidHeader(
            say("the header {lowered} is set by the sender or by the connection", lowered=lowered), field="headers"
        )
    if not isinstance(value, str) or _VALUE.fullmatch(value) is None:
        raise InvalidHeader(
            say(
                "the value of the header {lowered} must be visible ASCII, not empty, without space at its ends",
                lowered=lowered,
            ),
            field="headers",
        )
    return lowered, value


def _check_content_type(value: object) -> str:
    if not isinstance(value, str) or _JSON_TYPE.fullmatch(value) is None:
        raise InvalidHeader(
            say("the value of the header content-type is a type of JSON, such as application/json; charset=utf-8"),
            field="headers",
        )
    if any(charset.lower() not in _CHARSETS for charset in _CHARSET.findall(value)):
        raise InvalidHeader(say("the charset of the header content-type is utf-8, as bodies are"), field="headers")
    return value


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the custom headers of an endpoint, names in lower case, or raise InvalidHeader."""
    if len(headers) > CUSTOM_HEADER_LIMIT:
        raise InvalidHeader(
            say("at most {custom_header_limit} headers", custom_header_limit=CUSTOM_HEADER_LIMIT), field="headers"
        )
    checked: dict[str, str] = {}
    for given, text in headers.items():
        name, value = check_header(given, text)
        if name in checked:
            raise InvalidHeader(say("the header {name} is given twice", name=name), field="headers")
        checked[name] = value
    if sum(len(name) + len(value) for name, value in checked.items()) > CUSTOM_HEADER_LIMIT_BYTES:
        raise InvalidHeader(
            say(
                "all headers together have at most {custom_header_limit_bytes} bytes",
                custom_header_limit_bytes=CUSTOM_HEADER_LIMIT_BYTES,
            ),
            field="headers",
        )
    return checked


def delivery_headers(
    *,
    user_agent: str,
    profile: str,
    keys: Sequence[SigningKey],
    message_id: str,
    timestamp: int,
    body: bytes,
    custom: Mapping[str, str],
    event_type: str = "",
) -> list[tuple[str, str]]:
    """Return all headers of a delivery in sending order; `custom` is what check_headers returned.

    Without `event_type`, as of several events in one request, no header tells it.
    """
    before, after = _around(user_agent, custom)
    signed = signature_headers(profile, keys, message_id=message_id, timestamp=timestamp, body=body)
    told = _told(profile, _plain(custom), id=message_id, type=event_type, time=str(timestamp))
    return [*before, *signed, *told, *after]


def _plain(names: Collection[str]) -> Collection[str]:
    """Return names as receivers by WSGI and CGI tell them apart."""
    return frozenset(name.replace("_", "-") for name in names)


def _told(profile: str, custom: Collection[str], **values: str) -> list[tuple[str, str]]:
    """Return the headers by which a scheme tells of the event; one of these names takes the place of ours."""
    if profile == "standard":
        return []
    told = profile_of(profile).told.items()
    return [(name, values[what]) for name, what in told if values[what] and name.lower() not in custom]


def _around(user_agent: str, custom: Mapping[str, str]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the headers before and after those that sign; a custom one takes the place of ours."""
    usual = {"content-type": CONTENT_TYPE, "user-agent": user_agent, "accept": "*/*", "accept-encoding": "identity"}
    before = [(name, custom.get(name, value)) for name, value in usual.items()]
    return before, [(name, value) for name, value in custom.items() if name not in usual]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The lines of all headers but those that sign: what the requests of one endpoint have in common.

    `kept` are the same lines as the log keeps them, `custom` the names of the endpoint's own headers.
    """

    before: str = field(repr=False)
    after: str = field(repr=False)
    kept_before: str
    kept_after: str
    custom: Collection[str]
    lines: int


class Head(NamedTuple):
    """All headers of a request as `name: value`, and how many `lines` that is where no value has a line break."""

    text: str
    lines: int


def frame_of(custom: Mapping[str, str], *, user_agent: str, secret: Collection[str]) -> Frame:
    """Return the frame of requests with these headers; the values of those named `secret` are kept from the log."""
    before, after = _around(user_agent, custom)
    return Frame(
        before="".join([f"{line}\n" for line in _lines(before, ())]),
        after="".join([f"\n{line}" for line in _lines(after, ())]),
        kept_before="".join([f"{line}\n" for line in _lines(before, secret)]),
        kept_after="".join([f"\n{line}" for line in _lines(after, secret)]),
        custom=_plain(custom),
        lines=len(before) + len(after),
    )


def head_of(
    frame: Frame,
    *,
    profile: str,
    keys: Sequence[SigningKey],
    message_id: str,
    timestamp: int,
    body: bytes,
    event_type: str = "",
) -> tuple[Head, str]:
    """Return all headers of a delivery in sending order, and the lines that the log keeps."""
    signed = signature_headers(profile, keys, message_id=message_id, timestamp=timestamp, body=body)
    signed += _told(profile, frame.custom, id=message_id, type=event_type, time=str(timestamp))
    lines = "\n".join(_lines(signed, ()))
    head = Head(f"{frame.before}{lines}{frame.after}", frame.lines + len(signed))
    return head, f"{frame.kept_before}{lines}{frame.kept_after}"


def _lines(headers: Sequence[tuple[str, str]], secret: Collection[str]) -> list[str]:
    if not secret:
        return [f"{name}: {value}" for name, value in headers]
    return [f"{name}: {HIDDEN if name in secret else value}" for name, value in headers]


def method_line(method: str) -> str:
    """Return the line before the headers by which the log keeps a method other than POST; as in RFC 9113 8.3."""
    return f"{_METHOD}: {method}\n"


def read_method(lines: str) -> str:
    """Return the method of a request whose headers the log keeps as lines."""
    first = lines.partition("\n")[0]
    return first.removeprefix(f"{_METHOD}: ") if first.startswith(_METHOD) else METHOD


def read_headers(lines: str) -> dict[str, str]:
    """Return the headers that the log keeps as lines."""
    head = lines.partition(_END_OF_HEADERS)[0]
    return dict(line.partition(": ")[::2] for line in head.split("\n") if line and not line.startswith(":"))


def with_body(lines: str, body: bytes) -> str:
    """Return the lines with the body after an empty one, as in HTTP/1.1: for a body that is not the event's own."""
    return lines + _END_OF_HEADERS + body.decode() if len(body) <= KEPT_BODY_BYTES else lines


def kept_body(lines: str) -> bytes | None:
    """Return the body that the log keeps with the headers; None where it is made of the event, or was too large."""
    _, end, body = lines.partition(_END_OF_HEADERS)
    return body.encode() if end else None
