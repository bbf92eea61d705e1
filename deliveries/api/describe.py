"""The parts of the API's description that several nouns share.

What lives here: pages, their parameters, and the problems that any operation may answer with. It must
not know any noun.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, TypeAlias, TypeVar

from drf_spectacular import utils
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from deliveries.api.paging import LIMIT, LIMIT_MAX

Described: TypeAlias = dict[str, Any]
Method = TypeVar("Method", bound=Callable[..., object])

PAGE_QUERY = [
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT},
        description="Rows of a page.",
    ),
    OpenApiParameter("cursor", OpenApiTypes.STR, description="As found in `next` or `previous` of another page."),
]

PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        "limit": {"type": "string", "description": "Of a limit that is reached: its name at /meta."},
        "figure": {"type": "integer", "description": "How many there may be."},
        "owner": {"type": "string", "description": "Whose limit it is: a customer's id, or operator."},
    },
}
FIELD_ERROR = {
    "type": "object",
    "description": "What is refused, by JSON pointer (RFC 6901).",
    "required": ["pointer", "detail"],
    "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
}

_PROBLEMS = {
    "400": "The query or the JSON of the body is not understood.",
    "401": "No living API key came with the request.",
    "403": "The key may not do this.",
    "404": "There is nothing of this id, or it is not yours to see.",
    "408": "The body did not come in time.",
    "409": "The state forbids it now.",
    "413": "The body is too large.",
    "415": "The body is not application/json.",
    "422": "Some fields are refused.",
    "429": "Too many requests; Retry-After says when to come back.",
    "503": "The database is not available. Nothing was stored, unless `detail` says that this is not known.",
}
# Headers of answers, by status.
_HEADERS = {
    "401": {"WWW-Authenticate": "Bearer"},
    "415": {"Accept-Encoding": "identity, where the body came compressed."},
    "429": {"Retry-After": "Seconds.", "RateLimit": "What is left.", "RateLimit-Policy": "What there is."},
    "503": {"Retry-After": "Seconds."},
}
_WITH_BODY = ("408", "413", "415", "422")


# The noun that an operation is about is the last of these that its path names.
TAGS = {
    "customers": "Who receives webhooks.",
    "event-types": "What can happen, with its schema and an example.",
    "api-versions": "How events look in which version, and what leads from one to another.",
    "endpoints": "Where a customer's webhooks go, and how they do there.",
    "events": "What happened: emitting it, looking it up, the feed.",
    "deliveries": "One event for one endpoint, its attempts, and sending it again.",
    "failures": "What fails in the same way at the same endpoint.",
    "jobs": "Bulk work and its progress.",
    "import": "Moving over from another system.",
    "portal-link": "The way of a customer's people into the portal.",
    "meta": "Facts of this installation.",
}


class DescribedShape(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Names shapes without saying Shape; says of answers which members are there, of requests what is refused."""

    target_class = "deliveries.api.fields.Shape"
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        """Return the name of the component."""
        return type(self.target).__name__.removesuffix("Shape").removesuffix("Request")

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, object]:
        """Return the schema of an answer or of a request."""
        again: Any = auto_schema._map_serializer  # as drf-spectacular's own documentation has it
        schema: Described = again(self.target, direction, bypass_extensions=True)
        return self._answer(schema) if direction == "response" else self._request(schema)

    def _answer(self, schema: Described) -> Described:
        """Return a schema that lacks a member only where the shape says that it may."""
        there = [name for name in schema.get("properties", ()) if name not in self.target.may_be_absent]
        return {**schema, "required": there} if there else schema

    def _request(self, schema: Described) -> Described:
        """Return a schema that knows no other members, and the limits of its own."""
        members = schema.get("properties", {})
        limited = {name: {**member, **self.target.described.get(name, {})} for name, member in members.items()}
        return {**schema, "properties": limited, "additionalProperties": False}


class DescribedView(AutoSchema):
    """Adds to each operation its summary, its tag, and the problems that it may answer with."""

    def get_summary(self) -> str:
        """Return the first clause of what the view says of itself."""
        return re.split(r"[.;:]( |$)", self.get_description(), maxsplit=1)[0]

    def get_tags(self) -> list[str]:
        """Return the noun that the operation is about."""
        words = [word for word in self.path.split("/") if word in TAGS]
        return [tag_of(word) for word in words[-1:]]

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """Return the operation with its problems."""
        operation = super().get_operation(*args, **kwargs)
        if operation:
            changes = self.method in ("POST", "PATCH", "DELETE")  # and refuses a body where it reads none
            # An event can be read in a version to which it cannot be brought.
            meets_state = changes or operation["operationId"] == "get_event"
            for code, meaning in _PROBLEMS.items():
                if (code in _WITH_BODY and not changes) or (code == "409" and not meets_state):
                    continue
                operation["responses"].setdefault(code, problem_response(code, meaning))
            for code, answer in operation["responses"].items():
                answer["description"] = answer.get("description") or HTTPStatus(int(code)).phrase
            _describe_headers(operation["responses"])
        return operation


def extend_schema(**options: Any) -> Callable[[Method], Method]:
    """Describe a method of a view as drf-spectacular does, on top of DescribedView instead of the project's default."""
    extend = utils.extend_schema(**options)

    def describe(method: Method) -> Method:
        method.kwargs = {"schema": DescribedView}  # type: ignore[attr-defined]
        return extend(method)

    return describe


def _has_place(code: str, answer: Described) -> bool:
    """Say whether an answer is of something made that has an address: a portal link is one itself, an event an id."""
    schemas = [each["schema"].get("$ref", "") for each in answer.get("content", {}).values()]
    if code == "201":
        return not schemas[0].endswith("/Link")
    return code == "202" and schemas[0].endswith("/Job")


def _describe_headers(answers: Mapping[str, Described]) -> None:
    for code, answer in answers.items():
        meanings = {"Location": "Where it is from now on."} if _has_place(code, answer) else _HEADERS.get(code, {})
        if meanings:
            answer.setdefault("headers", {}).update({name: header(meaning) for name, meaning in meanings.items()})


def header(meaning: str) -> dict[str, object]:
    """Return the description of a header of an answer."""
    return {"description": meaning, "schema": {"type": "string"}}


def problem_response(code: str, meaning: str) -> dict[str, object]:
    """Return the description of a problem."""
    title = HTTPStatus(int(code)).phrase
    kind = title.lower().replace(" ", "-")
    example = {"type": f"urn:hookpost:problem:{kind}", "title": title, "status": int(code), "detail": meaning}
    media = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": meaning, "content": {"application/problem+json": media}}


def tag_of(word: str) -> str:
    """Return the tag of a noun in a path."""
    return word.replace("-", " ")


def tags() -> list[dict[str, str]]:
    """Return all tags with what they hold."""
    return [{"name": tag_of(word), "description": meaning} for word, meaning in TAGS.items()]


@cache
def listed(shape: type[serializers.Serializer[Any]]) -> OpenApiResponse:
    """Return the description of a page of these."""
    page = inline_serializer(
        f"{shape.__name__.removesuffix('Shape')}Page",
        {
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": shape(many=True),
        },
    )
    return OpenApiResponse(page)
