"""Hookpost's own address is no endpoint: what is sent there could beget more of its kind."""

from __future__ import annotations

import pytest

from deliveries.models import Endpoint
from deliveries.network_settings import networks, targets
from tests.api.conftest import Caller, Tenant
from tests.settings import SETTINGS

ENDPOINTS, MAIN = "/customers/alice/endpoints", "/customers/alice/endpoints/main"


@pytest.fixture(autouse=True)
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation whose address is public."""
    monkeypatch.setattr(SETTINGS, "base_url", "https://Hooks.example.com:8443/hookpost")
    monkeypatch.setattr(SETTINGS, "allowed_hosts", ("api.example.net", ".eu.example.com", "[2606:2800::7]", "*"))


@pytest.mark.parametrize(
    "ours",
    [
        "https://hooks.example.com/api/v1/events",
        "https://HOOKS.example.com./",
        "https://hooks.example.com:9000/portal/",
        "https://api.example.net/",
        "https://any.eu.example.com/",
        "https://eu.example.com/",
        "https://[2606:2800::7]/",
        "https://[2606:2800:0:0:0:0:0:7]/",
    ],
)
def test_no_endpoint_leads_to_hookpost_itself(alice: Tenant, ours: str) -> None:
    """Given a customer that would have events posted as new ones without end, then it is told whose address this is."""
    for answer in (alice.caller.post(ENDPOINTS, {"url": ours}), alice.caller.patch(MAIN, {"url": ours})):
        assert (answer.status, answer.pointers()) == (422, ["/url"])
        assert "is where Hookpost itself is reached" in answer.json["errors"][0]["detail"]
    assert Endpoint.objects.get().url == alice.endpoint.url


def test_no_token_is_fetched_from_hookpost_itself(alice: Tenant) -> None:
    auth = {
        "type": "oauth2",
        "client_id": "a",
        "client_secret": "b",
        "token_url": "https://hooks.example.com/api/v1/events",
    }
    answer = alice.caller.patch(MAIN, {"auth": auth})
    assert (answer.status, answer.pointers()) == (422, ["/auth"])
    assert "Hookpost itself" in answer.json["errors"][0]["detail"]


def test_names_beside_ours_are_not_ours(alice: Tenant) -> None:
    for url in (
        "https://xhooks.example.com/",
        "https://example.com/",
        "https://xeu.example.com/",
        "https://example.net/",
    ):
        assert b"Hookpost itself" not in alice.caller.post(ENDPOINTS, {"url": url}).raw


def test_what_the_operator_allows_by_its_address_is_allowed(
    ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(SETTINGS, "base_url", "http://127.0.0.1:8000")
    assert ops.post(ENDPOINTS, {"url": url}).status == 201


def test_a_denied_network_is_no_endpoints(alice: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given the operator's own public addresses, then they are refused as private ones are, whatever is allowed."""
    monkeypatch.setattr(SETTINGS, "deny_networks", networks("93.184.216.0/24,127.0.0.0/8"))
    monkeypatch.setattr(SETTINGS, "allow_targets", targets("127.0.0.1/32:1-65535"))
    for url in ("https://93.184.216.34/", "https://[::ffff:93.184.216.34]/", "http://127.0.0.1:9400/"):
        answer = alice.caller.post(ENDPOINTS, {"url": url})
        assert (answer.status, answer.pointers()) == (422, ["/url"]), url
        assert "is not an address that requests may go to" in answer.json["errors"][0]["detail"]
