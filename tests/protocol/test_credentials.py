"""Credentials: what is taken, what is refused, what is shown, and what a request carries."""

from __future__ import annotations

import base64

import pytest

from deliveries.errors import InvalidInput
from deliveries.protocol.sending.credentials import KINDS, authorization, check_auth, complete, secrets_of, shown_auth

TOKEN = "a-token-of-32-characters-abcd1234"
BASIC = {"type": "basic", "username": "hook", "password": "geheim"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("basic", "auth is null, or an object"),
        ({}, "auth is null, or an object"),
        ({"type": "digest"}, "auth is null, or an object"),
        ({"type": ["basic"]}, "auth is null, or an object"),
        ({"type": "basic", "password": "geheim"}, "username is missing"),
        ({**BASIC, "username": "a:b"}, "username has 1 to 255"),
        ({**BASIC, "username": ""}, "username has 1 to 255"),
        ({**BASIC, "username": "a\nb"}, "username has 1 to 255"),
        ({**BASIC, "username": "\ud83d"}, "username has 1 to 255"),
        ({**BASIC, "username": 7}, "username has 1 to 255"),
        ({**BASIC, "password": "a\x00b"}, "password has 0 to 1024"),
        ({**BASIC, "password": "x" * 1025}, "password has 0 to 1024"),
        ({**BASIC, "token": "x"}, "auth of type basic has no token"),
        ({"type": "bearer", "token": "two words"}, "token has 1 to 8192"),
        ({"type": "bearer", "token": "x\r\nHost: y"}, "token has 1 to 8192"),
        ({"type": "bearer", "token": "x" * 8193}, "token has 1 to 8192"),
        ({"type": "bearer", "token": {"a": 1}}, "token has 1 to 8192"),
    ],
)
def test_what_no_request_could_carry_is_refused_with_the_members_name(given: object, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_auth(given)
    assert said in str(refused.value)
    assert refused.value.field == "auth"


def test_a_request_carries_what_the_rfcs_say() -> None:
    basic = check_auth({**BASIC, "username": "härri", "password": "p:ä ss"})
    assert basic is not None
    scheme, _, coded = authorization(basic).partition(" ")
    assert (scheme, base64.b64decode(coded).decode()) == ("Basic", "härri:p:ä ss")
    assert authorization({"type": "bearer", "token": TOKEN}) == f"Bearer {TOKEN}"
    assert check_auth(None) is None


def test_no_secret_is_shown_but_the_end_of_a_long_one() -> None:
    assert shown_auth(BASIC) == {"type": "basic", "username": "hook", "hint": ""}
    assert shown_auth({"type": "bearer", "token": TOKEN}) == {"type": "bearer", "hint": "1234"}
    assert {"geheim", authorization(BASIC)} <= set(secrets_of(BASIC))


def test_a_secret_that_is_left_out_stays_only_with_its_own_kind() -> None:
    changed = check_auth({"type": "basic", "username": "other"})
    assert changed is not None
    assert complete(changed, stored=BASIC) == {**BASIC, "username": "other"}
    assert complete(changed, stored={"type": "bearer", "token": TOKEN}) == changed
    for stored in (None, BASIC):
        with pytest.raises(InvalidInput, match="token is missing"):
            complete({"type": "bearer"}, stored=stored)


def test_a_client_secret_stays_only_with_its_token_url() -> None:
    stored = {"type": "oauth2", "token_url": "https://a.example/", "client_id": "a", "client_secret": "geheim"}
    known = {name: value for name, value in stored.items() if name != "client_secret"}
    assert complete({**known, "scope": "x"}, stored=stored) == {**stored, "scope": "x"}
    with pytest.raises(InvalidInput, match="client_secret is missing"):
        complete({**known, "token_url": "https://b.example/"}, stored=stored)
    assert "geheim" not in str(shown_auth(stored))


def test_the_member_of_one_name_means_the_same_in_each_kind() -> None:
    members = [member for kind in KINDS.values() for member in kind.members]
    assert len({member.name for member in members}) == len(members)
