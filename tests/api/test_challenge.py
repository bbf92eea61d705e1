"""The challenge of a new URL by API: what is told of it, asking again, and what is refused meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deliveries.models import Challenge, Endpoint
from deliveries.services.common import clock
from tests.api.conftest import Caller, Tenant
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db

ENDPOINTS = "/customers/alice/endpoints"


@pytest.fixture
def asked(ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of an endpoint whose URL is to be asked."""
    monkeypatch.setattr(SETTINGS, "challenge", "own")
    made = ops.post(ENDPOINTS, {"url": "https://93.184.216.34/hooks", "uid": "new"})
    assert (made.status, made.json["state"]) == (201, "paused")
    return f"{ENDPOINTS}/new"


def test_an_answer_says_how_it_stands(asked: str, ops: Caller) -> None:
    told = ops.get(asked).json["verification"]
    assert (told["state"], told["tries"], told["asked_at"], told["verified_at"]) == ("waiting", 0, None, None)
    assert told["next_at"]
    assert ops.get(f"{ENDPOINTS}/main").json["verification"] is None
    Challenge.objects.update(state="verified", verified_at=clock.likely_now(), next_at=None)
    Endpoint.objects.filter(uid="new").update(unverified=None, allowed_rate=120)
    told = ops.get(asked).json["verification"]
    assert (told["state"], told["allowed_per_minute"]) == ("verified", 120)


def test_it_is_asked_again_on_request_and_not_too_often(asked: str, ops: Caller) -> None:
    Challenge.objects.update(state="failed", tries=6, next_at=None, asked_at=clock.likely_now(), detail="no answer")
    again = ops.post(f"{asked}/verify", {})
    assert (again.status, "a moment ago" in again.json["detail"]) == (409, True)
    Challenge.objects.update(asked_at=clock.likely_now() - timedelta(minutes=1))
    again = ops.post(f"{asked}/verify", {})
    assert (again.status, again.json["verification"]["state"], again.json["verification"]["tries"]) == (
        202,
        "waiting",
        0,
    )
    assert ops.post(f"{ENDPOINTS}/main/verify", {}).status == 409
    assert ops.post(f"{asked}/verify", {"force": True}).status == 422


def test_nobody_enables_what_has_yet_to_answer(asked: str, ops: Caller) -> None:
    for answer in (ops.post(f"{asked}/resume", {}), ops.patch(asked, {"state": "enabled"})):
        assert (answer.status, "has yet to answer" in answer.json["detail"]) == (409, True)
    assert ops.post(f"{asked}/pause", {"reason": "not before Monday"}).json["state_reason"] == "not before Monday"
    resumed = ops.post(f"{asked}/resume", {}).json
    assert (resumed["state"], resumed["state_reason"]) == ("paused", "its URL has yet to answer the challenge")
    assert ops.patch(asked, {"state": "disabled"}).json["state"] == "disabled"
