"""/customers/{customer}/brand: how the portal and its letters look to a customer's members.

What lives here: the REST form of brands. It must not know what a picture may be: services/people/brands.py does.
"""

from __future__ import annotations

import binascii
from base64 import b64decode

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import caller_of, refuse_customer_keys
from deliveries.api.base import ApiView, given, no_content, refuse_body
from deliveries.api.describe import extend_schema
from deliveries.api.fields import Shape, Text
from deliveries.api.lookups import find_customer
from deliveries.errors import InvalidInput
from deliveries.models import Customer
from deliveries.services.common.site_links import PORTAL, url_of
from deliveries.services.people.brands import NAME_LIMIT, PICTURES, WORDS, clear_brand, set_brand

BASE64_LIMIT = 100_000
PICTURE_HELP = "PNG or SVG of at most 64 KB, in base64; null takes it away."


class BrandShape(Shape):
    """What is a customer's own; null is as the operator has it."""

    name = Text(required=False, allow_null=True, max_length=NAME_LIMIT, help_text="What pages and letters say.")
    accent = Text(
        required=False, allow_null=True, max_length=7, help_text="Of links and buttons, such as #0a7f8c; shades vary."
    )
    support = Text(
        required=False, allow_null=True, max_length=500, help_text="Where members ask: a mail address or https:// URL."
    )
    logo = Text(required=False, allow_null=True, max_length=BASE64_LIMIT, write_only=True, help_text=PICTURE_HELP)
    logo_dark = Text(required=False, allow_null=True, max_length=BASE64_LIMIT, write_only=True, help_text=PICTURE_HELP)
    favicon = Text(required=False, allow_null=True, max_length=BASE64_LIMIT, write_only=True, help_text=PICTURE_HELP)
    logo_url = serializers.URLField(read_only=True, allow_null=True)
    logo_dark_url = serializers.URLField(read_only=True, allow_null=True)
    favicon_url = serializers.URLField(read_only=True, allow_null=True)


class BrandView(ApiView):
    """The brand of one customer."""

    @extend_schema(operation_id="get_brand", responses=BrandShape)
    def get(self, request: Request, customer: str) -> Response:
        """Return what of a customer's brand is its own; null is as the operator has it."""
        return Response(_shown(find_customer(caller_of(request).viewer, customer)))

    @extend_schema(operation_id="update_brand", request=BrandShape(partial=True), responses=BrandShape)
    def patch(self, request: Request, customer: str) -> Response:
        """Change a customer's brand; `null` makes a member the operator's again, an absent one stays.

        Members of the customer see it with their next page. An SVG may draw, and nothing else.
        """
        row = find_customer(caller_of(request).viewer, customer)
        refuse_customer_keys(request)
        fields = given(BrandShape, request, partial=True)
        words = {name: fields[name] or "" for name in WORDS if name in fields}
        pictures = {kind: _decoded(fields[kind], field=kind) for kind in PICTURES if kind in fields}
        return Response(_shown(set_brand(row, words, pictures, actor=caller_of(request).actor)))

    @extend_schema(operation_id="delete_brand", request=None, responses={204: None})
    def delete(self, request: Request, customer: str) -> Response:
        """Take a customer's brand away; its pages look as the operator's then."""
        row = find_customer(caller_of(request).viewer, customer)
        refuse_customer_keys(request)
        refuse_body(request)
        clear_brand(row, actor=caller_of(request).actor)
        return no_content()


def _decoded(text: str | None, *, field: str) -> bytes | None:
    if text is None:
        return None
    try:
        content = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("this is no base64", field=field) from error
    if not content:
        raise InvalidInput("a picture has at least one byte; null takes it away", field=field)
    return content


def _shown(customer: Customer) -> dict[str, object]:
    own: dict[str, str] = customer.brand
    words: dict[str, object] = {name: own.get(name) for name in WORDS}
    return words | {f"{kind}_url": _url(own.get(kind)) for kind in PICTURES}


def _url(name: str | None) -> str | None:
    return (url_of(PORTAL, "brand_picture", name) or None) if name else None
