"""Answers as bytes.

What lives here: the JSON writer, and the rule that an answer is JSON whatever `Accept` says. It must
not know any view. Bodies of events go in as fragments, byte for byte as they were stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import orjson
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class JsonRenderer(BaseRenderer):
    """Writes `application/json` for the REST framework."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: object, accepted_media_type: str | None = None, renderer_context: Mapping[str, object] | None = None
    ) -> bytes:
        """Return the bytes of an answer; none for an empty one."""
        return b"" if data is None else to_json(data)


class AlwaysJson(BaseContentNegotiation):
    """There is one form of answer, so nothing to negotiate: a browser's `Accept` is no reason for a 406."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Return the first parser that the content type fits, or that comes without one."""
        return next((each for each in parsers if _fits(request, each)), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the first renderer."""
        first = next(iter(renderers))
        return first, first.media_type


def to_json(data: object) -> bytes:
    """Write a value; integers beyond 64 bits, which pages once stored, take the slow way."""
    try:
        return orjson.dumps(data)
    except TypeError:
        return json.dumps(data, ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, orjson.Fragment):
        return json.loads(bytes(value.contents) if isinstance(value.contents, bytes) else value.contents)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _fits(request: Request, parser: BaseParser) -> bool:
    given = (request.content_type or "").partition(";")[0].strip().lower()
    return not given or bool(given == parser.media_type)
