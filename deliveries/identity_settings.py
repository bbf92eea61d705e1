"""The operator's own issuer among the settings: whose tokens the API takes in place of our keys.

What lives here: its variables; conf.py has them with all others. It must not know Django.
"""

from __future__ import annotations

from dataclasses import dataclass

from deliveries.address_variables import web_url
from deliveries.oidc_settings import OidcSettings, claim
from deliveries.variables import choice, setting, text, words

# Signatures that only the issuer can make: no shared secrets, and never `none`.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


def algorithms(raw: str) -> tuple[str, ...]:
    """names of JWA, comma separated"""
    for word in words(raw):
        if word not in ALGORITHMS:
            raise ValueError(f"{word!r} is none of {', '.join(ALGORITHMS)}")
    if not words(raw):
        raise ValueError("names none, so that no token would be taken")
    return words(raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySettings(OidcSettings):
    """Who says who somebody is, besides us."""

    jwt_issuer: str = setting(
        "HOOKPOST_JWT_ISSUER", "", text, "`iss` of the tokens (JWT) that the API takes as it takes keys; empty: none."
    )
    jwt_jwks_url: str = setting("HOOKPOST_JWT_JWKS_URL", "", web_url("https", "http"), "Where its public keys are.")
    jwt_audience: str = setting("HOOKPOST_JWT_AUDIENCE", "", text, "What `aud` of a token has to name.")
    jwt_algorithms: tuple[str, ...] = setting(
        "HOOKPOST_JWT_ALGORITHMS", "RS256,ES256", algorithms, "By which its tokens may be signed."
    )
    jwt_scope_claim: str = setting(
        "HOOKPOST_JWT_SCOPE_CLAIM", "scope", claim, "The claim with our scopes, as a list or with spaces between them."
    )
    jwt_customer_claim: str = setting(
        "HOOKPOST_JWT_CUSTOMER_CLAIM",
        "hookpost_customer",
        claim,
        "The claim with a customer's id or uid; *: a service.",
    )
    jwt_without_customer: str = setting(
        "HOOKPOST_JWT_WITHOUT_CUSTOMER", "refuse", choice("refuse", "service"), "What a token without that claim is."
    )
