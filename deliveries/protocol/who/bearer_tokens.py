"""Access tokens of the operator's issuer (JWT): what one says, once signature, audience and times are right.

What lives here: the rules for one token and for the issuer's keys. It must not know where keys come from, nor
customers. The time comes in. What a header says of keys (`jwk`, `jku`, `x5u`) is not looked at: only the issuer's
own keys count.
Source: RFC 7515, 7519; RFC 8725, JSON Web Token Best Current Practices; RFC 9068, JWT Profile for Access Tokens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from joserfc import jwk, jws, jwt
from joserfc.errors import BadSignatureError, ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError

from deliveries.errors import TokenRefused

LEEWAY_SECONDS = 30
LONGEST = 8192
SUBJECT_LIMIT = 150
KEYS_LIMIT = 100
SERVICE = "*"
_TYPES = ("jwt", "at+jwt", "application/at+jwt")
_KINDS = ("RSA", "EC", "OKP")  # never a shared secret: whoever reads the key set could sign with it
SHORTEST_RSA_BITS = 2048

Keys = Mapping[str, jwk.Key]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """What a token has to be: `without_customer` says whether one that names no customer is a service's."""

    issuer: str
    audience: str
    algorithms: Sequence[str]
    scope_claim: str
    customer_claim: str
    without_customer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaims:
    """What a token says: `customer` is an id or a uid, or SERVICE; `ends_at` in Unix seconds."""

    subject: str
    customer: str
    scopes: frozenset[str]
    ends_at: float


class _Registry(jws.JWSRegistry):
    max_header_length = 4096  # some issuers put certificates there
    max_payload_length = 4 * LONGEST  # of an ID token with many groups; callers refuse longer ones than they take


def key_id_of(text: str) -> str:
    """Return by which key a token says it is signed, "" where it does not say; raises TokenRefused for what is none."""
    try:
        header = jws.extract_compact(text.encode()).headers()
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefused("it cannot be read") from error
    key_id = header.get("kid", "")
    if not isinstance(key_id, str) or str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise TokenRefused("its header is none of an access token")
    return key_id


def read_token(text: str, key: jwk.Key, rules: TokenRules, *, now: float) -> TokenClaims:
    """Return what a token says; raises TokenRefused with the reason."""
    claims = verified_claims(text, key, algorithms=rules.algorithms, wanted=_wanted(now, rules))
    return TokenClaims(
        subject=subject_of(claims, limit=SUBJECT_LIMIT),
        customer=_customer(claims, rules),
        scopes=_scopes(claims.get(rules.scope_claim)),
        ends_at=float(str(claims["exp"])) + LEEWAY_SECONDS,
    )


def verified_claims(
    text: str, key: jwk.Key, *, algorithms: Sequence[str], wanted: jwt.JWTClaimsRegistry
) -> Mapping[str, object]:
    """Return the claims of a token that this key signed and that say what is wanted; raises TokenRefused."""
    try:
        registry = _Registry(algorithms=list(algorithms), strict_check_header=False)
        claims = jwt.decode(text, key, algorithms=list(algorithms), registry=registry).claims
        wanted.validate(claims)
    except BadSignatureError as error:
        raise TokenRefused("its signature is not the issuer's") from error
    except ExpiredTokenError as error:
        raise TokenRefused("it has expired") from error
    except (InvalidClaimError, MissingClaimError) as error:
        raise TokenRefused(f"its claim {error.claim} is missing or not as it has to be") from error
    except (JoseError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise TokenRefused("it is not signed as it has to be") from error
    return claims


def read_keys(document: bytes) -> Keys:
    """Return the keys of a JWKS that can verify, by their ids; raises ValueError for what is none."""
    read = json.loads(document)
    listed = read.get("keys") if isinstance(read, dict) else None
    if not isinstance(listed, list):
        raise ValueError("there is no list of keys in it")  # noqa: TRY004
    keys = [key for key in map(_key, listed[:KEYS_LIMIT]) if key is not None]
    return {str(key.kid or ""): key for key in keys}


def _key(given: object) -> jwk.Key | None:
    """Return one key; None for what can verify nothing here, which harms no other."""
    if not isinstance(given, dict) or given.get("kty") not in _KINDS or given.get("use", "sig") != "sig":
        return None
    if given["kty"] == "RSA" and 6 * len(str(given.get("n"))) < SHORTEST_RSA_BITS:  # base64
        return None
    try:
        key = jwk.import_key({name: value for name, value in given.items() if name != "x5c"})
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None
    if isinstance(key, jwk.RSAKey) and key.public_key.key_size < SHORTEST_RSA_BITS:
        return None
    return key


def _wanted(now: float, rules: TokenRules) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": rules.issuer},
        aud={"essential": True, "value": rules.audience},
        exp={"essential": True},
        sub={"essential": True},
    )


def subject_of(claims: Mapping[str, object], *, limit: int) -> str:
    """Return whom a token is about; raises TokenRefused for what is no name."""
    subject = claims["sub"]
    if not isinstance(subject, str) or not 1 <= len(subject) <= limit or not subject.isprintable():
        raise TokenRefused(f"its claim sub has to be 1 to {limit} printable characters")
    return subject


def _customer(claims: Mapping[str, object], rules: TokenRules) -> str:
    """Return whose it is; a claim of another form is refused, and never a service's."""
    if rules.customer_claim not in claims and rules.without_customer:
        return SERVICE
    customer = claims.get(rules.customer_claim)
    if not isinstance(customer, str) or not 1 <= len(customer) <= SUBJECT_LIMIT or not customer.isprintable():
        raise TokenRefused(f"its claim {rules.customer_claim} has to name one customer, or be {SERVICE} for a service")
    return customer


def _scopes(claim: object) -> frozenset[str]:
    words = claim.split(" ") if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return frozenset(word for word in words if isinstance(word, str))
