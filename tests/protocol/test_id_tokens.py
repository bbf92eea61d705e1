"""ID tokens: what one has to say to count for this log-in, at which moment, and by which signature."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from deliveries.errors import TokenRefused
from deliveries.protocol.who.id_tokens import LONGEST, IdTokenRules, read_id_token

NOW = 1_800_000_000
KEY = ECKey.generate_key("P-256", {"kid": "k1"})
RULES = IdTokenRules(issuer="https://login.example", client_id="hookpost", nonce="n-1")
CLAIMS = {"iss": RULES.issuer, "aud": "hookpost", "sub": "u-1", "nonce": "n-1", "iat": NOW, "exp": NOW + 300}


def token(*, key: Any = KEY, alg: str = "ES256", **changed: Any) -> str:
    """A token with other claims than a good one; a claim that is None is left out."""
    claims = {name: value for name, value in (CLAIMS | changed).items() if value is not None}
    return jwt.encode({"alg": alg}, claims, key, algorithms=[alg])


def read(text: str, *, now: float = NOW) -> Any:
    return read_id_token(text, KEY, RULES, now=now)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"aud": ["hookpost"]},
        {"azp": "hookpost"},
        {"aud": ["hookpost", "wiki"], "azp": "hookpost"},
        {"groups": ["a"] * 1000},
        {"sub": "ü" * 255},
        {"iat": NOW + 20},
        {"exp": NOW - 20},
    ],
)
def test_a_token_that_is_for_this_log_in_is_read(changed: dict[str, Any]) -> None:
    assert read(token(**changed))["sub"] == changed.get("sub", "u-1")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"iss": None}, "claim iss"),
        ({"iss": ["https://login.example"]}, "claim iss"),
        ({"aud": None}, "claim aud"),
        ({"aud": []}, "claim aud"),
        ({"aud": "hookpost2"}, "claim aud"),
        ({"aud": {"hookpost": 1}}, "claim aud"),
        ({"aud": ["hookpost", "wiki"]}, "azp"),
        ({"azp": "wiki"}, "azp"),
        ({"azp": None, "aud": ["wiki"]}, "claim aud"),
        ({"nonce": None}, "claim nonce"),
        ({"nonce": "n-2"}, "claim nonce"),
        ({"nonce": ["n-1"]}, "claim nonce"),
        ({"nonce": "ñ"}, "claim nonce"),
        ({"sub": None}, "claim sub"),
        ({"sub": 7}, "claim sub"),
        ({"sub": "x" * 256}, "claim sub"),
        ({"sub": "u\n1"}, "claim sub"),
        ({"iat": None}, "claim iat"),
        ({"exp": None}, "claim exp"),
        ({"exp": NOW - 31}, "expired"),
        ({"exp": "tomorrow"}, "claim exp"),
        ({"groups": ["x" * 40] * 900}, f"longer than {LONGEST}"),
    ],
)
def test_a_token_that_is_for_another_or_none_is_refused_with_the_reason(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(TokenRefused, match=why):
        read(token(**changed))


def test_a_token_counts_from_its_beginning_to_its_end_and_half_a_minute() -> None:
    text = token(nbf=NOW)
    for now, counts in ((NOW - 40, False), (NOW - 20, True), (NOW + 320, True), (NOW + 340, False)):
        if counts:
            assert read(text, now=now)["sub"] == "u-1"
        else:
            with pytest.raises(TokenRefused):
                read(text, now=now)


def test_whoever_knows_the_clients_secret_or_the_public_key_signs_nothing() -> None:
    for secret in (b"client-secret-at-the-provider-3c9e-and-more", KEY.as_pem(private=False)):
        with pytest.raises(TokenRefused):
            read(token(key=OctKey.import_key(base64.urlsafe_b64encode(secret)), alg="HS256"))


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.sampled_from([0, 1, 2]))
def test_no_text_is_a_token_by_chance(piece: bytes, place: int) -> None:
    parts = token().split(".")
    parts[place] = base64.urlsafe_b64encode(piece).decode().rstrip("=")
    with pytest.raises(TokenRefused):
        read(".".join(parts))
    with pytest.raises(TokenRefused):
        read(json.dumps(piece.decode(errors="replace")))
