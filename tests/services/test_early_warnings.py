"""Warnings before an end: certificates, and endpoints on their way to being disabled; each step once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from deliveries.engine.dispatcher import housekeeping
from deliveries.models import Alert, Endpoint, Lane
from deliveries.protocol.writing import timestamps
from deliveries.services.people.members import add_member
from deliveries.services.telling.alert_mail import send_due_mail
from deliveries.services.telling.alerts import note_warnings
from tests.engine.steps import an_endpoint
from tests.services.mailing import CAROL
from tests.services.steps import DEAD, Kind, failing, kinds_of
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


@pytest.fixture
def shop() -> Endpoint:
    endpoint = an_endpoint(DEAD)
    add_member(endpoint.customer, "carol", email=CAROL, actor="user:root")
    return endpoint


def let_end(endpoint: Endpoint, at: datetime, member: str = "expires_at") -> None:
    """Its certificate, or the CA of its server, ends then."""
    shown = {"expires_at": None, "authorities_expire_at": None, member: timestamps.write(at)}
    Endpoint.objects.filter(id=endpoint.id).update(tls_shown=shown)


@pytest.mark.parametrize(
    ("member", "words"), [("expires_at", "that we show its server"), ("authorities_expire_at", "The CA of its server")]
)
def test_each_step_before_a_certificate_ends_is_told_once(member: str, words: str, shop: Endpoint) -> None:
    """Given a certificate whose end comes nearer, then there are three letters, however often it is looked at."""
    end, told = datetime.now(UTC) + 40 * DAY, []
    let_end(shop, end, member)
    for days in (31, 29, 20, 6.9, 5, 0.9, 0.1, -1):
        for _ in range(2):
            note_warnings(now=end - days * DAY)
        told.append(Alert.objects.count())
    assert told == [0, 1, 1, 2, 2, 3, 3, 3]
    send_due_mail()
    (letter,) = mail.outbox
    assert letter.subject == "[Hookpost] A certificate of the endpoint 93.184.216.34 ends soon (and 2 more)"
    assert words in letter.body
    assert f"ends at {end:%Y-%m-%d %H:%M} UTC" in letter.body


def test_of_a_certificate_that_ends_soon_already_only_the_last_step_is_told(shop: Endpoint) -> None:
    let_end(shop, datetime.now(UTC) + 3 * DAY)
    housekeeping()
    assert [alert.kind for alert in Alert.objects.all()] == [Kind.CERTIFICATE]


def test_a_certificate_that_was_replaced_is_not_written_about(shop: Endpoint) -> None:
    let_end(shop, datetime.now(UTC) + 3 * DAY)
    note_warnings()
    let_end(shop, datetime.now(UTC) + 300 * DAY)
    send_due_mail()
    assert mail.outbox == []
    assert note_warnings() == 0


@pytest.mark.parametrize(("hours", "percent"), [(59, None), (61, 50), (85, 70), (109, 90), (121, None)])
def test_the_ladder_has_three_steps_until_the_endpoint_is_disabled(
    hours: int, percent: int | None, shop: Endpoint
) -> None:
    """Given five days until an endpoint is disabled, then half, 70 and 90 % of them are told, each at its time."""
    since = failing(shop, hours=hours)
    housekeeping()
    steps = list(Alert.objects.filter(kind=Kind.WARNING).values_list("since", flat=True))
    assert steps == ([] if percent is None else [since + 5 * DAY * percent / 100])
    shop.refresh_from_db()
    assert shop.state == ("disabled" if hours > 120 else "enabled")


def test_a_step_is_told_once_and_says_how_far_it_is(shop: Endpoint) -> None:
    since = failing(shop, hours=85)
    for _ in range(3):
        housekeeping()
        send_due_mail()
    assert kinds_of(shop).count(Kind.WARNING) == 1
    assert Alert.objects.get(kind=Kind.WARNING).since == since + timedelta(hours=84)
    (letter,) = mail.outbox
    assert letter.subject == "[Hookpost] The endpoint 93.184.216.34 is disabled soon (and 1 more)"
    assert "70 % of the time is over" in letter.body


def test_who_works_again_is_not_warned(shop: Endpoint) -> None:
    failing(shop, hours=85)
    note_warnings()
    Lane.objects.update(failing_since=None)
    send_due_mail()
    assert mail.outbox == []


@pytest.mark.parametrize("days", [0, 100])
def test_where_nothing_is_disabled_nobody_is_warned(days: int, shop: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "disable_after_days", days)
    failing(shop, hours=85)
    housekeeping()
    assert Kind.WARNING not in kinds_of(shop)
