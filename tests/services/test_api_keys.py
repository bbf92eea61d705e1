"""API keys: stored as a hash, found only while they live."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from deliveries.errors import InvalidInput
from deliveries.models import ApiKey, AuditEntry
from deliveries.services.people.api_keys import create_api_key, find_api_key, revoke_api_key, touch_api_key

pytestmark = pytest.mark.django_db


def test_only_the_hash_of_a_key_is_kept() -> None:
    key, text = create_api_key("ci", ["read"], actor="system")
    assert text.startswith("hk_")
    assert len(text) == 46
    assert text not in str(ApiKey.objects.values().get())
    assert find_api_key(text) == key
    assert AuditEntry.objects.get().action == "api_key.create"


def test_a_revoked_key_is_not_found_and_is_revoked_once() -> None:
    key, text = create_api_key("ci", ["read"], actor="system")
    revoke_api_key(key, actor="system", reason="leaked")
    revoke_api_key(key, actor="system")
    assert find_api_key(text) is None
    assert AuditEntry.objects.filter(action="api_key.revoke").count() == 1


def test_an_expired_key_is_not_found() -> None:
    key, text = create_api_key("ci", ["read"], actor="system", expires_at=timezone.now() + timedelta(hours=1))
    assert find_api_key(text) == key
    ApiKey.objects.update(expires_at=timezone.now())
    assert find_api_key(text) is None


@pytest.mark.parametrize("text", ["", "hk_", "hk_" + "a" * 43, "hk_" + "\x00" * 43, "ключ", "hk_" + "é" * 43])
def test_anything_else_is_no_key(text: str) -> None:
    assert find_api_key(text) is None


@pytest.mark.parametrize(
    ("name", "scopes", "field"), [("", ["read"], "name"), ("a\nb", ["read"], "name"), ("a", ["root"], "scopes")]
)
def test_a_key_needs_a_name_and_known_scopes(name: str, scopes: list[str], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_api_key(name, scopes, actor="system")
    assert caught.value.field == field


def test_the_last_use_is_written_at_most_once_a_minute() -> None:
    key, _ = create_api_key("ci", ["read"], actor="system")
    touch_api_key(key)
    first = ApiKey.objects.get().last_used_at
    touch_api_key(key)
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    touch_api_key(ApiKey.objects.get())
    assert ApiKey.objects.get().last_used_at > first
