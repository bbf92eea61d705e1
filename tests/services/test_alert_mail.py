"""Alerts by mail: when and how often, and what becomes of a letter when the mail server fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deliveries.engine.dispatcher import Dispatcher, housekeeping
from deliveries.metrics import names
from deliveries.models import Alert, Endpoint
from deliveries.models.base import new_id
from deliveries.services.people.members import add_member
from deliveries.services.telling import alerts
from deliveries.services.telling.alert_mail import is_mail_due, send_due_mail
from tests.services.mailing import CAROL, OPERATOR, use
from tests.services.steps import Kind, failing
from tests.smtp_server import MailServer

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_letter_arrives_over_the_wire(shop: Endpoint, server: MailServer) -> None:
    failing(shop, hours=25)
    housekeeping()
    assert send_due_mail() == 1
    ((to, raw),) = server.letters
    assert to == CAROL
    assert b"No delivery has arrived since" in raw


def test_a_mail_server_that_is_away_is_tried_again_later_each_time_but_twice_an_hour(
    shop: Endpoint, settings: Any, receiver_ports: list[int]
) -> None:
    use(receiver_ports[3], settings)
    failing(shop, hours=25)
    housekeeping()
    waits = []
    for minutes in (0, 10, 31, 100, 1400):
        now = datetime.now(UTC)
        Alert.objects.update(mail_due_at=now, created_at=now - timedelta(minutes=minutes))
        assert send_due_mail() == 0
        waits.append(round((Alert.objects.get().mail_due_at - now).total_seconds() / 60))  # type: ignore[operator]
    assert waits == [1, 10, 30, 30, 30]
    with MailServer() as server:
        use(server.port, settings)
        Alert.objects.update(mail_due_at=datetime.now(UTC))
        assert send_due_mail() == 1


def test_a_mail_server_that_will_not_encrypt_gets_no_password_and_the_log_neither(
    shop: Endpoint, settings: Any, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    use(server.port, settings, user="alice:s3cr3t@")
    failing(shop, hours=25)
    housekeeping()
    assert send_due_mail() == 0
    assert is_waiting()
    assert "SMTPNotSupportedError" in caplog.text
    assert "s3cr3t" not in caplog.text
    assert server.letters == []


def is_waiting() -> bool:
    """Whether a letter is to be tried again."""
    return Alert.objects.exclude(mail_due_at=None).exists()


def test_a_letter_that_nobody_takes_for_a_day_is_given_up(
    shop: Endpoint, settings: Any, receiver_ports: list[int]
) -> None:
    use(receiver_ports[3], settings)
    failing(shop, hours=25)
    housekeeping()
    Alert.objects.update(created_at=datetime.now(UTC) - timedelta(hours=25))
    send_due_mail()
    alert = Alert.objects.get()
    assert (alert.mail_due_at, alert.mailed_at) == (None, None)


def test_an_address_that_is_refused_hinders_no_other(shop: Endpoint, settings: Any) -> None:
    add_member(shop.customer, "dave", email="dave@example.com", actor="user:root")
    failing(shop, hours=25)
    housekeeping()
    with MailServer(refusals={CAROL: "550 no such person"}) as server:
        use(server.port, settings)
        assert send_due_mail() == 1
        assert [to for to, _ in server.letters] == ["dave@example.com"]
    assert Alert.objects.get().mail_due_at is None


@pytest.mark.parametrize("reply", ["", "421 4.7.0 go away"])
def test_an_address_at_which_the_server_hangs_up_hinders_no_other(shop: Endpoint, settings: Any, reply: str) -> None:
    add_member(shop.customer, "dave", email="dave@example.com", actor="user:root")
    failing(shop, hours=25)
    housekeeping()
    with MailServer(refusals={CAROL: reply}) as server:
        use(server.port, settings)
        assert send_due_mail() == 1
        assert [to for to, _ in server.letters] == ["dave@example.com"]
    assert is_waiting()


def test_an_address_that_is_refused_for_now_is_tried_again(shop: Endpoint, settings: Any, operator: None) -> None:
    failing(shop, hours=25)
    housekeeping()
    with MailServer(refusals={CAROL: "450 greylisted"}) as server:
        use(server.port, settings)
        assert send_due_mail() == 1
        server.refusals.clear()
        Alert.objects.update(mail_due_at=datetime.now(UTC))
        assert send_due_mail() == 1
        assert [to for to, _ in server.letters] == [OPERATOR, CAROL]  # the operator not twice
    assert not is_mail_due()


def test_a_server_that_takes_no_sender_is_counted_as_failing_and_tried_again(shop: Endpoint, settings: Any) -> None:
    """Given a server whose disk is full, then it takes no letter of anybody, which the operator has to know."""
    failing(shop, hours=25)
    housekeeping()
    before = list(names.MAIL_FAILURES.samples())
    with MailServer(refusals={"MAIL": "452 4.3.1 insufficient system storage"}) as server:
        use(server.port, settings)
        assert send_due_mail() == 0
    assert list(names.MAIL_FAILURES.samples()) != before
    assert is_waiting()


def test_an_address_that_cannot_be_written_hinders_no_other(shop: Endpoint, server: MailServer) -> None:
    bad = add_member(shop.customer, "dave", actor="user:root")
    bad.user.email = "dave@example.com\r\nBcc: x@example.net"
    bad.user.save()
    failing(shop, hours=25)
    housekeeping()
    assert send_due_mail() == 1
    assert [to for to, _ in server.letters] == [CAROL]
    assert not is_mail_due()


def test_what_is_claimed_is_not_sent_by_another_leader_and_comes_back_if_its_sender_dies(
    shop: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(shop, hours=25)
    housekeeping()

    def die(*args: object, **given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr("deliveries.services.telling.alert_mail.send_letters", die)
        with pytest.raises(KeyboardInterrupt):
            send_due_mail()
    assert send_due_mail() == 0
    Alert.objects.update(mail_due_at=datetime.now(UTC))
    assert send_due_mail() == 1


def test_a_hanging_mail_server_holds_up_no_round_of_the_dispatcher(shop: Endpoint, settings: Any) -> None:
    failing(shop, hours=25)
    dispatcher = Dispatcher(ring=lambda lanes: None, ring_all=lambda *, slow: None)
    with MailServer(silent=True) as server:
        use(server.port, settings)
        settings.EMAIL_TIMEOUT = 3600  # whoever waits for it hangs
        housekeeping()
        for _ in range(3):
            dispatcher.tick()
        assert server.met.wait(60)
        mail_thread = dispatcher._mail_thread
        assert mail_thread is not None
        assert mail_thread.is_alive()
        server.speak.set()
        mail_thread.join(60)
        assert not mail_thread.is_alive()
        assert [to for to, _ in server.letters] == [CAROL]


def test_an_alert_whose_endpoint_is_gone_for_good_is_written_about_to_nobody(operator: None) -> None:
    """Given a customer that was deleted in the very moment of the note."""
    now = datetime.now(UTC)
    Alert.objects.create(kind=Kind.EXHAUSTED, endpoint_id=new_id(), since=now, created_at=now, mail_due_at=now)
    Alert.objects.create(kind=Kind.DISABLED, endpoint_id=new_id(), since=now, created_at=now, mail_due_at=now)
    assert alerts.tell_customers() == 2
    assert send_due_mail() == 0
    assert not is_mail_due()
