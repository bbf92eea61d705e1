"""Secrets: what is read, shown and refused."""

from __future__ import annotations

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import InvalidSecret
from deliveries.protocol.signing import secrets
from deliveries.protocol.signing.secrets import SigningKey

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
PRIVATE = "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA=="


@given(st.binary(min_size=24, max_size=75))
def test_every_secret_of_24_to_75_bytes_survives_the_way_out_and_back(raw: bytes) -> None:
    key = SigningKey("hmac", raw)
    assert secrets.parse_secret(secrets.format_secret(key)) == key


@given(
    st.text()
    | st.text("Aa0+/= -_").map("whsec_".__add__)
    | st.binary(max_size=90).map(base64.b64encode).map(lambda raw: "whsk_" + raw.decode())
)
def test_reading_a_secret_raises_nothing_but_invalid_secret(text: str) -> None:
    try:
        key = secrets.parse_secret(text)
    except InvalidSecret:
        return
    assert secrets.format_secret(key).startswith(text.rstrip("=")[:24])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(76)).decode(),
        "whsec_" + base64.b64encode(bytes(32)).decode().rstrip("="),
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 30).decode(),
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
        "whsec_AAEC AwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "whsec_ÄAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "whsk_" + base64.b64encode(bytes(31)).decode(),
        "whsk_" + base64.b64encode(bytes(64)).decode(),
        "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
        PRIVATE.removeprefix("whsk_"),
    ],
)
def test_a_secret_of_another_form_or_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidSecret):
        secrets.parse_secret(text)


def test_a_seed_alone_is_an_ed25519_secret_too() -> None:
    seed_only = "whsk_" + base64.b64encode(bytes(range(32))).decode()
    assert secrets.parse_secret(seed_only) == secrets.parse_secret(PRIVATE)
    assert secrets.check_secret(seed_only, signing="standard") == PRIVATE


WRAPPED = base64.encodebytes(bytes(range(64))).decode()  # as `openssl rand -base64 64` prints it: in two lines
OTHERS = ["8 signs.", "ü" * 128, "whsec_ is the text of this one", " 9 signs. ", "8\nsigns.", "tab\there", "\u200d" * 3]


@pytest.mark.parametrize("text", [*OTHERS, WRAPPED, WRAPPED.strip()])
def test_a_scheme_that_signs_with_the_text_takes_any(text: str) -> None:
    assert secrets.check_secret(text, signing="github") == text
    with pytest.raises(InvalidSecret):
        secrets.check_secret(text, signing="standard")


@pytest.mark.parametrize("text", ["7 signs", "ü" * 128 + "x", "8\0signs."])
def test_a_text_that_is_too_short_or_long_or_holds_a_nul_is_no_secret(text: str) -> None:
    with pytest.raises(InvalidSecret):
        secrets.check_secret(text, signing="github")


def test_a_private_key_has_the_public_one_that_is_its_end() -> None:
    assert secrets.public_key(secrets.parse_secret(PRIVATE)) == "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="


def test_a_shared_secret_has_no_public_key() -> None:
    assert secrets.public_key(secrets.parse_secret(SECRET)) == ""
    assert secrets.public_key(secrets.read_secret("correct horse")) == ""


def test_a_key_shows_neither_in_its_repr_nor_beyond_its_hint() -> None:
    key = secrets.parse_secret(SECRET)
    assert repr(key) == "SigningKey(kind='hmac')"
    assert secrets.hint(key) == SECRET[-4:]
    assert secrets.hint(secrets.read_secret("s3cr3t!!")) == "!!"
    assert secrets.hint(secrets.read_secret(WRAPPED)) == f"{WRAPPED.strip()[-3:]}·"


@pytest.mark.parametrize(
    "raw", [bytes(24), b"a" * 32, b"ab" * 16, b"secret12" * 3, b"0123456789abcdef" * 2, b"aaaaaaaabbbbbbbbccccccccdd"]
)
def test_a_secret_that_can_be_guessed_is_refused_by_our_own_scheme(raw: bytes) -> None:
    text = secrets.format_secret(SigningKey("hmac", raw))
    with pytest.raises(InvalidSecret, match="guessed"):
        secrets.check_secret(text, signing="standard")
    assert secrets.read_secret(text) == SigningKey("hmac", raw)  # one that is stored goes on signing


@pytest.mark.parametrize("different", [7, 8])
def test_a_secret_has_eight_different_bytes_at_least(different: int) -> None:
    text = secrets.format_secret(SigningKey("hmac", bytes(range(different)) + bytes(24)))
    if different == 8:
        assert secrets.check_secret(text, signing="standard") == text
    else:
        with pytest.raises(InvalidSecret, match="guessed"):
            secrets.check_secret(text, signing="standard")


def test_secrets_of_random_bytes_or_hex_digits_are_taken() -> None:
    for _ in range(200):
        for raw in (os.urandom(24), os.urandom(12).hex().encode()):
            text = secrets.format_secret(SigningKey("hmac", raw))
            assert secrets.check_secret(text, signing="standard") == text
