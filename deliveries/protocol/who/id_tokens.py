"""ID tokens of the provider that staff log in by: what one says, once it is surely for this log-in.

What lives here: the rules for one token. It must not know where keys come from, nor staff. The time comes in.
Source: OpenID Connect Core 1.0, 3.1.3.7; RFC 8725, JSON Web Token Best Current Practices.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from joserfc import jwk, jwt

from deliveries.errors import TokenRefused
from deliveries.identity_settings import ALGORITHMS
from deliveries.protocol.who.bearer_tokens import LEEWAY_SECONDS, subject_of, verified_claims

LONGEST = 32_768  # of somebody in some hundred groups
SUBJECT_LIMIT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class IdTokenRules:
    """Whose token it has to be, for whom, and in answer to which log-in."""

    issuer: str
    client_id: str
    nonce: str = field(repr=False)


def read_id_token(text: str, key: jwk.Key, rules: IdTokenRules, *, now: float) -> Mapping[str, object]:
    """Return the claims of an ID token; raises TokenRefused with the reason."""
    if len(text) > LONGEST:
        raise TokenRefused(f"it is longer than {LONGEST} characters")
    wanted = jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": rules.issuer},
        aud={"essential": True, "value": rules.client_id},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )
    claims = verified_claims(text, key, algorithms=ALGORITHMS, wanted=wanted)
    subject_of(claims, limit=SUBJECT_LIMIT)
    _check_party(claims, rules.client_id)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), rules.nonce.encode()):
        raise TokenRefused("its claim nonce is not that of this log-in")
    return claims


def _check_party(claims: Mapping[str, object], client_id: str) -> None:
    """Refuse a token that was given to another client, or that others count for besides us."""
    audience, party = claims["aud"], claims.get("azp", client_id)
    if party != client_id:
        raise TokenRefused("its claim azp names another client")
    if isinstance(audience, list) and len(audience) > 1 and "azp" not in claims:
        raise TokenRefused("its claim aud names others besides, and azp does not say whose it is")
