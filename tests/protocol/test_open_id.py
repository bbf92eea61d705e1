"""What a provider says of itself and answers, read whatever it holds; and the addresses that lead there."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import LogInRefused
from deliveries.protocol.who.open_id import PendingLogIn, begin, code_of, log_in_url, log_out_url, read_provider

ISSUER = "https://login.example"
SAID = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize?realm=acme",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}
PROVIDER = read_provider(json.dumps(SAID).encode(), issuer=ISSUER)
BEGUN = PendingLogIn(state="state", nonce="nonce", verifier="verifier", next_path="/admin/")
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B, with its challenge below
SIMPLE = st.none() | st.booleans() | st.integers() | st.text()
JSON = st.recursive(SIMPLE, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def read(**changed: Any) -> Any:
    """A configuration with other members; one that is None is left out."""
    said = {name: value for name, value in (SAID | changed).items() if value is not None}
    return read_provider(json.dumps(said).encode(), issuer=ISSUER)


def test_what_a_provider_need_not_offer_is_empty() -> None:
    assert (PROVIDER.user_info_url, PROVIDER.end_session_url, PROVIDER.names_itself) == ("", "", False)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
@pytest.mark.parametrize(
    "address",
    [
        "http://login.example/x",
        "javascript:alert(1)",
        "https:///x",
        "https://user@login.example/",
        "https://login.example/#x",
        "https://login.example/a b",
        "https://login.example/\n",
        "https://löwe.example/",
        "https://login.example/" + "x" * 2000,
        "",
        7,
        ["https://login.example/"],
    ],
)
def test_an_address_that_no_browser_or_request_should_go_to_is_refused(name: str, address: object) -> None:
    with pytest.raises(ValueError, match=f"its {name}"):
        read(**{name: address})


@pytest.mark.parametrize("issuer", [None, "https://login.example/", "https://evil.example", 7, [ISSUER]])
def test_a_provider_that_calls_itself_otherwise_is_refused(issuer: object) -> None:
    with pytest.raises(ValueError, match="calls itself"):
        read(issuer=issuer)


@given(JSON)
def test_whatever_a_provider_says_of_itself_is_read_or_refused(said: object) -> None:
    with pytest.raises(ValueError, match="it"):
        read_provider(json.dumps(said).encode(), issuer=ISSUER)


def test_the_way_there_carries_the_challenge_and_never_the_verifier() -> None:
    words = iter(["s" * 43, "n" * 43, VERIFIER])
    begun = begin(lambda: next(words), next_path="")
    address = log_in_url(
        PROVIDER, begun, client_id="hook & post", scopes=("openid", "email"), back_to="https://us/back/"
    )
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert begun.verifier not in address
    assert asked == {
        "realm": "acme",
        "response_type": "code",
        "client_id": "hook & post",
        "redirect_uri": "https://us/back/",
        "scope": "openid email",
        "state": "s" * 43,
        "nonce": "n" * 43,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    assert begun.verifier not in repr(begun)


def test_a_token_that_is_too_long_for_an_address_is_left_out_of_it() -> None:
    provider = read(end_session_endpoint=f"{ISSUER}/end")
    for token, named in (("t", True), ("t" * 4001, False), ("", False)):
        address = log_out_url(provider, client_id="hookpost", token=token, back_to="https://us/")
        assert ("id_token_hint=" in address) is named
        assert address.startswith(f"{ISSUER}/end?")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"code": "c"}, "stale"),
        ({"code": "c", "state": "stat"}, "stale"),
        ({"code": "c", "state": "stäte"}, "stale"),
        ({"code": "c", "state": "state", "iss": "https://evil.example"}, "not-right"),
        ({"state": "state"}, "by-provider"),
        ({"state": "state", "code": ""}, "by-provider"),
        ({"state": "state", "code": "x\0"}, "by-provider"),
        ({"state": "state", "code": "x" * 5000}, "by-provider"),
        ({"state": "state", "error": "access_denied"}, "cancelled"),
        ({"state": "state", "error": "server_error", "code": "c"}, "by-provider"),
    ],
)
def test_an_answer_that_is_none_to_this_log_in_gives_no_code(answer: dict[str, str], reason: str) -> None:
    with pytest.raises(LogInRefused) as refused:
        code_of(answer, BEGUN, PROVIDER)
    assert refused.value.reason == reason


def test_a_provider_that_names_itself_has_to_do_so_each_time() -> None:
    naming = read(authorization_response_iss_parameter_supported=True)
    with pytest.raises(LogInRefused, match="another issuer"):
        code_of({"state": "state", "code": "c"}, BEGUN, naming)
    assert code_of({"state": "state", "code": "c", "iss": ISSUER}, BEGUN, naming) == "c"
    assert code_of({"state": "state", "code": "c"}, BEGUN, PROVIDER) == "c"


def test_what_a_provider_writes_as_an_error_is_not_repeated() -> None:
    with pytest.raises(LogInRefused) as refused:
        code_of({"state": "state", "error": "<b>your password is wrong</b>"}, BEGUN, PROVIDER)
    assert refused.value.detail == "an error of its own"
