"""Endpoints that asked to be disabled, where the database refuses that."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError

from deliveries.engine import disabling
from deliveries.engine.disabling import Disabling
from tests.engine.steps import an_endpoint, emit, lease

pytestmark = pytest.mark.django_db


def test_an_endpoint_that_may_not_be_disabled_ends_no_beat_after_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a right that is lacking, then the engine fails once, and not each second with all that it has in flight."""
    endpoint, wanted = an_endpoint("https://93.184.216.34/in"), Disabling()
    emit(endpoint)
    wanted.add(lease(endpoint), reason="the endpoint answered 410 Gone")

    def refuse(*_: object, **__: object) -> None:
        raise ProgrammingError("permission denied for table hookpost_endpoint")

    monkeypatch.setattr(disabling, "disable_if_still_at", refuse)
    with pytest.raises(ProgrammingError):
        wanted.act()
    wanted.act()
