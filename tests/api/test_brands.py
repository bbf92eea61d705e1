"""/customers/{customer}/brand"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import urlsplit

import pytest
from django.test import Client

from deliveries.models import AuditEntry, BrandPicture, Customer
from tests.api.conftest import Caller, Tenant
from tests.protocol.test_pictures import DRAWN

LOGO = b64encode(DRAWN.encode()).decode()
NOTHING = dict.fromkeys(("name", "accent", "support", "logo_url", "logo_dark_url", "favicon_url"))


def test_a_brand_is_given_changed_and_taken_away(ops: Caller, alice: Tenant) -> None:
    place = f"/customers/{alice.customer.public_id}/brand"
    assert ops.get(place).json == NOTHING
    made = ops.patch(place, {"name": "Acme Hooks", "accent": "#0A7F8C", "logo": LOGO})
    assert made.status == 200, made.raw
    assert {**made.json, "logo_url": ""} == {**NOTHING, "name": "Acme Hooks", "accent": "#0a7f8c", "logo_url": ""}
    assert Client().get(urlsplit(made.json["logo_url"]).path).content == DRAWN.encode()
    assert ops.patch(place, {"name": None, "support": "help@acme.example"}).json["accent"] == "#0a7f8c"
    assert ops.get(place).json == {**made.json, "name": None, "support": "help@acme.example"}
    assert ops.patch(place, {"logo": None}).json["logo_url"] is None
    assert not BrandPicture.objects.exists()
    assert ops.delete(place).status == 204
    assert ops.get(place).json == NOTHING
    assert AuditEntry.objects.filter(action="customer.brand", actor="key:ops").count() == 4


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"accent": "red"}, "/accent"),
        ({"name": "x" * 61}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"support": "javascript:alert(1)"}, "/support"),
        ({"logo": "no base64!"}, "/logo"),
        ({"logo": ""}, "/logo"),
        ({"favicon": b64encode(b"GIF89a").decode()}, "/favicon"),
        ({"logo_dark": b64encode(b" " * 80_000).decode()}, "/logo_dark"),
        ({"logo_url": "https://evil.example/"}, "/logo_url"),
    ],
)
def test_what_is_refused_is_named_and_nothing_is_stored(
    ops: Caller, alice: Tenant, body: dict[str, str], pointer: str
) -> None:
    answer = ops.patch(f"/customers/{alice.customer.public_id}/brand", {"name": "Good", **body})
    assert answer.status == 422, answer.raw
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]
    assert Customer.objects.get(pk=alice.customer.pk).brand == {}


def test_a_customers_own_key_reads_its_brand_and_changes_nothing(alice: Tenant) -> None:
    place = f"/customers/{alice.customer.public_id}/brand"
    assert alice.caller.get(place).status == 200
    assert alice.caller.patch(place, {"name": "Mine"}).status == 403
    assert alice.caller.delete(place).status == 403
