"""What a provider's claims say of somebody of staff: who they are, what they are called, and which role they have.

What lives here: reading claims, whatever they hold. It must not know tokens, users or settings.
Source: OpenID Connect Core 1.0, 5.1; RFC 8176, Authentication Method Reference Values.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from deliveries.protocol.who.staff_roles import StaffRole

EVERYBODY = "*"
GROUPS_LIMIT = 2000
NAME_LIMIT = 100  # with room for a number behind it
EMAIL_LIMIT = 254
_NOT_IN_NAMES = re.compile(r"[^\w.@+-]+")
_EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody at the provider. `email` is empty unless the provider has verified it; `is_strong`: by two factors."""

    issuer: str
    subject: str
    name: str
    email: str
    groups: frozenset[str]
    is_strong: bool


def identity_of(claims: Mapping[str, object], *, role_claim: str, strong: Collection[str]) -> Identity:
    """Return who the claims of a verified ID token are about."""
    subject, email = str(claims["sub"]), _email(claims)
    usable = role_claim != "email" or email  # an address that anybody may write into their profile gives no role
    return Identity(
        issuer=str(claims["iss"]),
        subject=subject,
        name=_name(claims, subject),
        email=email,
        groups=groups_of(claims, role_claim) if usable else frozenset(),
        is_strong=any(word in strong for name in ("amr", "acr") for word in _words(claims.get(name))),
    )


def groups_of(claims: Mapping[str, object], claim: str) -> frozenset[str]:
    """Return the groups in a claim of this name, or where the parts of the name lead to."""
    return frozenset(_words(has_claim(claims, claim)))


def has_claim(claims: Mapping[str, object], claim: str) -> object | None:
    """Return the value of a claim; a name that is not there itself leads into objects, part by part."""
    if claim in claims:
        return claims[claim]
    found: object = claims
    for part in claim.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def role_for(groups: Collection[str], roles: Iterable[tuple[str, str]]) -> StaffRole | None:
    """Return the highest role that one of these groups has; None for none."""
    given = {StaffRole(role) for group, role in roles if group == EVERYBODY or group in groups}
    return next((role for role in reversed(StaffRole) if role in given), None)


def _words(value: object) -> Sequence[str]:
    listed = value if isinstance(value, list) else [value]
    return [word for word in listed[:GROUPS_LIMIT] if isinstance(word, str) and word]


def _email(claims: Mapping[str, object]) -> str:
    email = claims.get("email")
    if claims.get("email_verified") not in (True, "true") or not isinstance(email, str):
        return ""
    is_one = len(email) <= EMAIL_LIMIT and email.isprintable() and _EMAIL.fullmatch(email)
    return email if is_one else ""


def _name(claims: Mapping[str, object], subject: str) -> str:
    """Return what to call somebody: as the provider does, else by what stands for them there."""
    for word in (claims.get("preferred_username"), claims.get("email"), subject):
        if isinstance(word, str) and (name := _NOT_IN_NAMES.sub("-", word).strip("-")[:NAME_LIMIT]):
            return name
    return "staff"
