"""What members chose to be mailed, digests, and the end of letters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from django.core import mail

from deliveries.engine.dispatcher import housekeeping
from deliveries.errors import InvalidInput
from deliveries.models import Alert, AuditEntry, Endpoint, Member
from deliveries.services.common.own_time import choose_zone
from deliveries.services.endpoints import create_endpoint, disable_endpoint
from deliveries.services.people.members import add_member
from deliveries.services.telling import mail_choices
from deliveries.services.telling.alert_mail import is_mail_due, send_due_mail
from deliveries.services.telling.digests import send_due_digests
from deliveries.services.telling.mail_choices import Choices, Rhythm, choose_mail
from tests.services.mailing import CAROL
from tests.services.steps import DEAD, Kind, failing
from tests.settings import SETTINGS
from tests.smtp_server import MailServer, html_of, text_of

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = Choices(Rhythm.AT_ONCE, [], [])
DAILY = Choices(Rhythm.DAILY, [], [])


def choose(choices: Choices) -> Member:
    """Carol chooses."""
    member = Member.objects.get(user__email=CAROL)
    choose_mail(member, choices, actor="member:carol")
    member.refresh_from_db()
    return member


def subjects() -> list[str]:
    """What went out, without the name before it."""
    return [str(letter.subject).removeprefix("[Hookpost] ") for letter in mail.outbox]


def noted(endpoint: Endpoint, kind: Kind, *, minutes_ago: int = 0) -> None:
    """An alert that is mailed."""
    now = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    Alert.objects.create(kind=kind, endpoint=endpoint, since=now, created_at=now, mail_due_at=now, reason="gone")


def it_is_morning() -> int:
    """Let the digest that waits be due; returns how many letters went out."""
    Member.objects.filter(digest_due_at__isnull=False).update(digest_due_at=datetime.now(UTC))
    return send_due_digests()


def test_who_left_out_a_kind_or_an_endpoint_is_not_written_to_about_it(shop: Endpoint) -> None:
    other, _ = create_endpoint(shop.customer, {"url": DEAD}, actor="system")
    choose(Choices(Rhythm.AT_ONCE, [Kind.EXHAUSTED], [other.pk]))
    add_member(shop.customer, "dave", email="dave@example.com", actor="user:root")
    for endpoint in (shop, other):
        noted(endpoint, Kind.DISABLED)
        noted(endpoint, Kind.EXHAUSTED)
    send_due_mail()
    assert [(letter.to, letter.body.count("was disabled")) for letter in mail.outbox] == [
        ([CAROL], 1),
        (["dave@example.com"], 2),
    ]
    assert "given up" not in mail.outbox[0].body
    assert not is_mail_due()


def test_a_digest_tells_in_the_morning_of_its_reader_what_was_noted_since_the_last_one(shop: Endpoint) -> None:
    member = choose(DAILY)
    choose_zone(member.user, "Asia/Kolkata")
    failing(shop, hours=25)
    housekeeping()
    noted(shop, Kind.DISABLED)
    assert send_due_mail() == 0
    member.refresh_from_db()
    assert member.digest_due_at is not None
    assert (member.digest_due_at.hour, member.digest_due_at.minute) == (2, 30)
    assert it_is_morning() == 1
    assert subjects() == ["Digest: The endpoint 93.184.216.34 was disabled (and 1 more)"]
    assert "Asia/Kolkata)" in mail.outbox[0].body
    assert not is_mail_due()
    assert it_is_morning() == 0  # nothing was noted since
    noted(shop, Kind.EXHAUSTED)
    send_due_mail()
    it_is_morning()
    assert subjects()[1:] == ["Digest: Deliveries to 93.184.216.34 were given up"]


def test_what_is_over_in_the_morning_is_left_out_and_a_digest_of_nothing_is_not_sent(shop: Endpoint) -> None:
    member = choose(DAILY)
    failing(shop, hours=25)
    housekeeping()
    send_due_mail()
    failing(shop, hours=1)  # it worked again, and fails anew
    assert it_is_morning() == 0
    member.refresh_from_db()
    assert member.digest_due_at is None


def test_a_digest_that_the_mail_server_does_not_take_waits(shop: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    member = choose(DAILY)
    noted(shop, Kind.DISABLED)
    send_due_mail()
    monkeypatch.setattr("deliveries.services.telling.digests.send_letters", lambda letters: ([], list(letters)))
    assert it_is_morning() == 0
    member.refresh_from_db()
    assert member.digest_due_at is not None
    assert member.digest_due_at > datetime.now(UTC) + timedelta(minutes=5)
    monkeypatch.undo()
    assert it_is_morning() == 1


def test_who_goes_back_to_letters_at_once_gets_the_digest_that_waits_and_none_after_it(shop: Endpoint) -> None:
    choose(DAILY)
    noted(shop, Kind.DISABLED)
    send_due_mail()
    choose(AT_ONCE)
    assert it_is_morning() == 1
    noted(shop, Kind.EXHAUSTED)
    assert (send_due_mail(), it_is_morning()) == (1, 0)


def test_a_letter_tells_mail_programs_how_to_end_them(
    shop: Endpoint, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "base_url", "https://hooks.example.com")
    disable_endpoint(shop, actor="system", reason="gone")
    send_due_mail()
    letter = message_from_bytes(server.letters[0][1], policy=policy.default)
    link = letter["List-Unsubscribe"].strip(" <>")
    assert link.startswith("https://hooks.example.com/portal/unsubscribe/")
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in text_of(server.letters[0][1])
    assert f'href="{link}"' in html_of(server.letters[0][1])


def test_one_who_unsubscribes_is_written_to_no_more_and_others_are(shop: Endpoint) -> None:
    add_member(shop.customer, "caroline", email=CAROL.upper(), actor="user:root")
    add_member(shop.customer, "dave", email="dave@example.com", actor="user:root")
    mail_choices.unsubscribe(Member.objects.get(user__email=CAROL))
    noted(shop, Kind.DISABLED)
    send_due_mail()
    assert [letter.to for letter in mail.outbox] == [["dave@example.com"]]
    actors = AuditEntry.objects.filter(action="member.mail").order_by("actor").values_list("actor", flat=True)
    assert list(actors) == ["member:carol", "member:caroline"]


@pytest.mark.parametrize("wrong", [Choices("hourly", [], []), Choices(Rhythm.DAILY, ["sending.stopped"], [])])
def test_what_cannot_be_chosen_is_refused_and_nothing_is_stored(shop: Endpoint, wrong: Choices) -> None:
    with pytest.raises(InvalidInput):
        choose(wrong)
    assert Member.objects.get().mail_rhythm == Rhythm.AT_ONCE


def test_endpoints_of_others_are_not_kept_among_those_left_out(shop: Endpoint) -> None:
    theirs = (
        Endpoint.objects.exclude(pk=shop.pk).first()
        or create_endpoint(type(shop.customer).objects.create(name="Bob"), {"url": DEAD}, actor="system")[0]
    )
    assert choose(Choices(Rhythm.AT_ONCE, [], [shop.pk, theirs.pk])).muted_endpoints == [shop.pk]
