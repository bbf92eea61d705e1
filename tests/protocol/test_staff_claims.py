"""What a provider's claims make of somebody: a name, an address, groups and a role, whatever the claims hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.oidc_settings import ROLES
from deliveries.protocol.who.staff_claims import groups_of, identity_of, role_for
from deliveries.protocol.who.staff_roles import StaffRole

BASE = {"iss": "https://login.example", "sub": "u-1"}
SIMPLE = st.none() | st.booleans() | st.floats() | st.text()
NAMES = st.sampled_from(["preferred_username", "email", "email_verified", "groups", "amr", "acr"])
JSON = st.recursive(SIMPLE, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def identity(*, role_claim: str = "groups", strong: tuple[str, ...] = (), **claims: Any) -> Any:
    return identity_of(BASE | claims, role_claim=role_claim, strong=strong)


@pytest.mark.parametrize(
    ("claims", "claim", "groups"),
    [
        ({"groups": ["a", "b"]}, "groups", {"a", "b"}),
        ({"groups": "a"}, "groups", {"a"}),
        ({"groups": ["a", 7, None, "", {"name": "b"}]}, "groups", {"a"}),
        ({"groups": {"a": True}}, "groups", set()),
        ({}, "groups", set()),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", {"a"}),
        ({"realm_access": ["a"]}, "realm_access.roles", set()),
        ({"https://acme.example/roles": ["a"]}, "https://acme.example/roles", {"a"}),
        ({"a.b": "literal", "a": {"b": "inner"}}, "a.b", {"literal"}),
        ({"groups": [str(number) for number in range(5000)]}, "groups", {str(number) for number in range(2000)}),
    ],
)
def test_groups_are_found_where_the_setting_leads(claims: dict[str, Any], claim: str, groups: set[str]) -> None:
    assert groups_of(claims, claim) == groups


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        ({"viewers"}, "viewer"),
        ({"viewers", "owners"}, "owner"),
        ({"owners", "support"}, "owner"),
        ({"Viewers"}, None),
        ({"*"}, None),
        (set(), None),
    ],
)
def test_the_highest_role_of_the_groups_counts(groups: set[str], role: str | None) -> None:
    roles = (("owners", "owner"), ("viewers", "viewer"), ("support", "support"))
    assert role_for(groups, roles) == role
    assert role_for(groups, (*roles, ("*", "viewer"))) == (role or "viewer")


def test_the_settings_know_every_role() -> None:
    assert tuple(StaffRole) == ROLES


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "erin"}, "erin"),
        ({"preferred_username": "ACME\\erin smith"}, "ACME-erin-smith"),
        ({"preferred_username": "  "}, "u-1"),
        ({"preferred_username": ["erin"], "email": "erin@example.com"}, "erin@example.com"),
        ({"preferred_username": "<script>"}, "script"),
        ({"preferred_username": "x" * 400}, "x" * 100),
        ({}, "u-1"),
        ({"sub": "|"}, "staff"),
    ],
)
def test_somebody_is_called_as_the_provider_does_in_letters_that_a_username_has(
    claims: dict[str, Any], name: str
) -> None:
    assert identity(**claims).name == name


@pytest.mark.parametrize(
    ("verified", "email", "kept"),
    [
        (True, "erin@example.com", True),
        ("true", "erin@example.com", True),
        (False, "erin@example.com", False),
        ("false", "erin@example.com", False),
        (1.5, "erin@example.com", False),
        (None, "erin@example.com", False),
        (True, "erin", False),
        (True, "a@b, c@d", False),
        (True, ["erin@example.com"], False),
        (True, f"{'x' * 250}@example.com", False),
    ],
)
def test_an_address_counts_only_when_it_is_one_and_verified(verified: object, email: object, kept: bool) -> None:
    found = identity(email=email, email_verified=verified, role_claim="email")
    assert bool(found.email) is kept
    assert bool(found.groups) is kept, "nor does it give a role"


@pytest.mark.parametrize(
    ("claims", "strong"),
    [
        ({"amr": ["pwd", "mfa"]}, True),
        ({"amr": "mfa"}, True),
        ({"acr": "gold"}, True),
        ({"amr": ["pwd"], "acr": "1"}, False),
        ({"amr": {"mfa": True}}, False),
        ({}, False),
    ],
)
def test_a_second_factor_is_what_the_setting_names(claims: dict[str, Any], strong: bool) -> None:
    assert identity(**claims, strong=("mfa", "gold")).is_strong is strong
    assert not identity(**claims).is_strong


@given(st.dictionaries(NAMES, JSON))
def test_no_claims_are_too_odd_to_be_read(claims: dict[str, Any]) -> None:
    found = identity(**claims, strong=("mfa",))
    assert found.name
    assert all(isinstance(group, str) and group for group in found.groups)
