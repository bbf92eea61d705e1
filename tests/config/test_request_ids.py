"""Every answer has an id that leads to the log: the caller's own where it can stand there, else a new one."""

from __future__ import annotations

import pytest
import structlog
from django.test import override_settings

from tests.config.test_fast_path import post

pytestmark = pytest.mark.django_db
PATHS = ["/api/v1/events", "/api/v1/customers", "/healthz", "/nowhere", "/admin/login/"]


@pytest.mark.parametrize("path", PATHS)
@override_settings(ALLOWED_HOSTS=["127.0.0.1"])
def test_every_answer_has_the_callers_id_or_one_of_ours(path: str) -> None:
    answer = post("wrong", path=path, HTTP_X_REQUEST_ID="deploy-7:42")
    assert answer.request_id == "deploy-7:42"
    assert structlog.contextvars.get_contextvars()["request_id"] == "deploy-7:42"
    first, second = post("wrong", path=path), post("wrong", path=path)
    assert len(first.request_id) == len(second.request_id) == 24
    assert first.request_id != second.request_id


@pytest.mark.parametrize("given", ["", "a b", "x\r\ny", "é", "a" * 129, "-x", '"', "\x1b[31m", "{}"])
def test_an_id_that_could_not_stand_in_a_log_line_is_replaced(given: str) -> None:
    assert len(post("wrong", HTTP_X_REQUEST_ID=given).request_id) == 24
