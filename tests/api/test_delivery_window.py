"""The delivery window of an endpoint by API: kept, cleared, refused."""

from __future__ import annotations

import pytest

from tests.api.conftest import Caller, Tenant

pytestmark = pytest.mark.django_db

MAIN = "/customers/alice/endpoints/main"
WINDOW = {"days": ["mon", "fri"], "from": "22:00", "to": "06:00", "timezone": "Asia/Kathmandu"}


def test_a_window_is_kept_and_cleared(ops: Caller, alice: Tenant) -> None:
    assert ops.get(MAIN).json["delivery_window"] is None
    assert ops.patch(MAIN, {"delivery_window": WINDOW}).json["delivery_window"] == WINDOW
    assert ops.get(MAIN).json["delivery_window"] == WINDOW
    assert ops.patch(MAIN, {"delivery_window": None}).json["delivery_window"] is None


def test_what_is_no_window_is_refused_with_its_place(ops: Caller, alice: Tenant) -> None:
    for wrong in ("always", {}, {**WINDOW, "days": ["someday"]}, {**WINDOW, "to": "25:00"}, {**WINDOW, "more": 1}):
        answer = ops.patch(MAIN, {"delivery_window": wrong})
        assert (answer.status, answer.pointers()[0].split("/")[1]) == (422, "delivery_window"), wrong
    assert ops.patch(MAIN, {"delivery_window": {**WINDOW, "timezone": "Here/Now"}}).status == 422
    assert ops.get(MAIN).json["delivery_window"] is None
