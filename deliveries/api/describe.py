"""The parts of the API's description that several nouns share.

What lives here: pages, their parameters, and the problems that any operation may answer with. It must
not know any noun.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from deliveries.api.pages import LIMIT, LIMIT_MAX

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
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}

_PROBLEMS = {
    "400": "The query or the JSON of the body is not understood.",
    "401": "No living API key came with the request.",
    "403": "The key may not do this.",
    "404": "There is nothing of this id, or it is not yours to see.",
    "409": "The state forbids it now.",
    "413": "The body is too large.",
    "415": "The body is not application/json.",
    "422": "Some fields are refused.",
    "429": "Too many requests; Retry-After says when to come back.",
    "503": "The database is not available. Nothing was stored, unless `detail` says that this is not known.",
}
# Headers of answers, by status.
_HEADERS = {
    "201": {"Location": "Where it is from now on; not of a portal link."},
    "401": {"WWW-Authenticate": "Bearer"},
    "429": {"Retry-After": "Seconds.", "RateLimit": "What is left.", "RateLimit-Policy": "What there is."},
    "503": {"Retry-After": "Seconds."},
}
_WITH_BODY = ("413", "415", "422")


class DescribedView(AutoSchema):
    """Adds to each operation the problems that it may answer with."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """Return the operation with its problems."""
        operation = super().get_operation(*args, **kwargs)
        if operation:
            writes = self.method in ("POST", "PATCH", "DELETE")
            for code, meaning in _PROBLEMS.items():
                if (code in _WITH_BODY and "requestBody" not in operation) or (code == "409" and not writes):
                    continue
                operation["responses"].setdefault(code, problem_response(meaning))
            for code, headers in _HEADERS.items():
                if code in operation["responses"]:
                    described = {name: header(meaning) for name, meaning in headers.items()}
                    operation["responses"][code].setdefault("headers", {}).update(described)
        return operation


def header(meaning: str) -> dict[str, Any]:
    """Return the description of a header of an answer."""
    return {"description": meaning, "schema": {"type": "string"}}


def problem_response(meaning: str) -> dict[str, Any]:
    """Return the description of a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": meaning, "content": {"application/problem+json": {"schema": schema}}}


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
