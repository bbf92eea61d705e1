"""What ends at a moment ends by the database's clock, whatever the host's shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from config.sessions import SessionStore
from deliveries.models import ApiKey, Customer, PortalLink
from deliveries.services.common import clock
from deliveries.services.people.api_keys import create_api_key, find_api_key
from deliveries.services.people.portal_links import create_link, redeem_link
from deliveries.services.reading.feed import settled_before
from tests.wrong_clocks import host_off_by

pytestmark = pytest.mark.django_db

OFF = pytest.mark.parametrize("seconds", [7200.0, -7200.0])
AN_HOUR = timedelta(hours=1)


@OFF
def test_a_key_ends_by_the_databases_clock(seconds: float) -> None:
    row, text = create_api_key("billing", ["read"], actor="user:alice", expires_at=datetime.now(UTC) + AN_HOUR)
    with host_off_by(seconds):
        clock.database_now()
        assert find_api_key(text) == row
        ApiKey.objects.update(expires_at=datetime.now(UTC) - AN_HOUR)
        assert find_api_key(text) is None


@OFF
def test_a_portal_link_ends_by_the_databases_clock(seconds: float) -> None:
    customer = Customer.objects.create(name="Alice & Co")
    with host_off_by(seconds):
        clock.database_now()
        link, token = create_link(customer, actor="user:alice")
        assert timedelta() < link.expires_at - datetime.now(UTC) < AN_HOUR
        assert redeem_link(token) is not None
        _, token = create_link(customer, actor="user:alice")
        PortalLink.objects.update(expires_at=datetime.now(UTC) - timedelta(minutes=1))
        assert redeem_link(token) is None


@OFF
def test_a_session_ends_by_the_databases_clock(seconds: float) -> None:
    with host_off_by(seconds):
        clock.database_now()
        session = SessionStore()
        session["who"] = "alice"
        session.set_expiry(1800)
        session.save()
        key = session.session_key
    assert SessionStore(session_key=key).load() == {"who": "alice", "_session_expiry": 1800}
    with host_off_by(seconds):
        clock.database_now()
        assert SessionStore(session_key=key).load()["who"] == "alice"


@OFF
def test_the_feed_ends_at_the_databases_present(seconds: float) -> None:
    before = settled_before(datetime.now(UTC) - timedelta(minutes=2))
    after = settled_before(datetime.now(UTC) + timedelta(minutes=2))
    with host_off_by(seconds):
        assert before < settled_before() < after
