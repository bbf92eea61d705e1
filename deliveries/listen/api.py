"""One question to the REST API with a key.

What lives here: addresses, the key, and the sentence that a refusal ends with. It must not know the feed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import orjson
from django.core.management.base import CommandError

from deliveries.outbound.local import fetch, new_local_session
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.sending.payload import BodyFormat, PayloadMode, Shaping

PREFIX = "/api/v1"
TIMEOUT_SECONDS = 20.0
TROUBLES = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Where the API is, and the key."""

    base_url: str
    key: str = field(repr=False)
    session: Any = field(default_factory=new_local_session, repr=False)

    def get(self, path: str, query: Mapping[str, str], *, tag: str = "", also: Collection[int] = ()) -> Answer:
        """Ask; an answer that is no answer, or a trouble of the server's, comes back and is for the caller to judge.

        So do statuses in `also`. Raises CommandError for what would be refused again.
        """
        headers = {"authorization": f"Bearer {self.key}", "accept": "application/json"}
        if tag:
            headers["if-none-match"] = tag
        url = self.base_url.rstrip("/") + PREFIX + path
        answer = fetch(self.session, url, headers=headers, query=query, timeout_seconds=TIMEOUT_SECONDS)
        if not answer.error and answer.status not in TROUBLES and answer.status not in (200, 304, *also):
            raise CommandError(f"{self.base_url}: {refusal_of(answer)}")
        return answer

    def ask(self, path: str, query: Mapping[str, str]) -> Answer:
        """Ask where there is nothing to do without an answer; raises CommandError when there is none."""
        answer = self.get(path, query)
        if answer.status != 200:
            raise CommandError(f"{self.base_url}: {trouble_of(answer)}")
        return answer


def find_customer(api: Api, given: str | None) -> tuple[str, Answer]:
    """Return the customer whose events are wanted, id or uid: the given one, or the only one that the key sees."""
    if given is not None:
        return given, api.ask(f"/customers/{quote(given, safe='')}", {})
    answer = api.ask("/customers", {"limit": "2"})
    rows = orjson.loads(answer.body)["results"]
    if len(rows) != 1:
        raise CommandError("the key sees more than one customer, or none: say which with --customer")
    return str(rows[0]["id"]), answer


class Settings(msgspec.Struct, frozen=True):
    """How an endpoint's requests are made, as the API shows it."""

    signing: str | dict[str, str]
    payload_mode: PayloadMode
    method: str
    body_format: BodyFormat
    transformation: str = ""
    batch_size: int = 1
    api_version: str | None = None

    @property
    def shaping(self) -> Shaping:
        """What is made of its events."""
        return Shaping(
            payload_mode=self.payload_mode,
            method=self.method,
            body_format=self.body_format,
            transformation=self.transformation,
            batch_size=self.batch_size,
            api_version=self.api_version,
        )


def endpoint_settings(api: Api, customer: str, endpoint: str) -> Settings:
    """Return how requests to an endpoint, id or uid, are made; raises CommandError."""
    path = f"/customers/{quote(customer, safe='')}/endpoints/{quote(endpoint, safe='')}"
    try:
        return msgspec.json.decode(api.ask(path, {}).body, type=Settings)
    except msgspec.DecodeError as error:
        raise CommandError(f"{api.base_url}: this is no endpoint that this version knows: {error}") from error


def checked_url(text: str, option: str) -> str:
    """Return an address that can be asked, or raise CommandError."""
    try:
        parts = urlsplit(text)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine or not text.isascii() or not text.isprintable() or " " in text:
        raise CommandError(f"{option} {text!r} is not an address such as http://localhost:3000/hook")
    return text


def refusal_of(answer: Answer) -> str:
    """Return why the API refused, as a sentence."""
    known = {
        401: "the key is unknown, revoked or expired",
        404: "there is no such customer or endpoint, or this is not Hookpost's address, or the key may not see it",
    }
    return known.get(answer.status) or f"answered {answer.status}: {detail_of(answer)}"


def trouble_of(answer: Answer) -> str:
    """Return what keeps the API from answering, as a sentence."""
    return f"no answer ({answer.detail})" if answer.error else f"answered {answer.status}: {detail_of(answer)}"


def detail_of(answer: Answer) -> str:
    """Return what a refusal says."""
    try:
        problem = orjson.loads(answer.body)
        found = "; ".join(f"{each['pointer']} {each['detail']}" for each in problem.get("errors", ()))
        return found or str(problem["detail"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer.body[:200].decode(errors="replace")
