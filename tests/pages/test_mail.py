"""The page on which members choose what is mailed, and the page behind the link at the end of a letter."""

from __future__ import annotations

import pytest
from django.test import Client

from deliveries.models import Member
from deliveries.services.endpoints import create_endpoint
from deliveries.services.telling.mail_choices import reader_of
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db

ALL_KINDS = (
    "endpoint.disabled",
    "endpoint.disable_warning",
    "endpoint.failing",
    "endpoint.certificate_ending",
    "delivery.exhausted",
)


def mail_page(house: House) -> str:
    """Where a house's member chooses."""
    return f"/portal/profile/mail/{house.member.public_id}/"


def link_of(member: Member) -> str:
    """What is at the end of a member's letters."""
    return f"/portal/unsubscribe/{reader_of(member).token}/"


def test_a_member_who_only_looks_chooses_too_what_is_mailed(carol: Client, acme: House) -> None:
    Member.objects.update(role="viewer")
    assert mail_page(acme) in carol.get("/portal/profile/").content.decode()
    form = {"rhythm": "daily", "kinds": list(ALL_KINDS[:-1]), "endpoints": []}
    answer = carol.post(mail_page(acme), form, follow=True)
    assert "Saved." in answer.content.decode()
    acme.member.refresh_from_db()
    assert (acme.member.mail_rhythm, acme.member.muted_kinds) == ("daily", ["delivery.exhausted"])
    assert acme.member.muted_endpoints == [acme.endpoint.pk]


def test_endpoints_that_a_search_does_not_show_stay_as_they_were(
    carol: Client, acme: House, receiver_ports: list[int]
) -> None:
    url = f"http://127.0.0.1:{receiver_ports[0]}/billing"
    billing, _ = create_endpoint(acme.customer, {"url": url}, actor="system")
    Member.objects.update(muted_endpoints=[acme.endpoint.pk])
    form = {"rhythm": "at_once", "kinds": list(ALL_KINDS)}
    carol.post(f"{mail_page(acme)}?q=billing", form)
    acme.member.refresh_from_db()
    assert set(acme.member.muted_endpoints) == {acme.endpoint.pk, billing.pk}


def test_the_choices_of_another_member_are_nowhere(carol: Client, acme: House, globex: House) -> None:
    for name in (globex.member.public_id, str(globex.member.pk), "x"):
        address = f"/portal/profile/mail/{name}/"
        assert carol.get(address).status_code == 404
        assert carol.post(address, {"rhythm": "never"}).status_code == 404


def test_following_the_link_of_a_letter_asks_and_one_post_without_cookies_ends_them(acme: House) -> None:
    """Given a mail program (RFC 8058, 3.2): no cookie, no token of a form, no page before it."""
    program = Client(enforce_csrf_checks=True)
    assert "No more letters?" in program.get(link_of(acme.member)).content.decode()
    acme.member.refresh_from_db()
    assert acme.member.mail_rhythm == "at_once"
    for _ in range(2):
        answer = program.post(link_of(acme.member), {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "You get no more letters" in answer.content.decode()
    acme.member.refresh_from_db()
    assert acme.member.mail_rhythm == "never"


def test_a_link_that_was_changed_ends_nothing(acme: House, globex: House) -> None:
    token = reader_of(globex.member).token.partition(":")[2]
    answer = Client().post(f"/portal/unsubscribe/{acme.member.public_id}:{token}/")
    assert answer.status_code == 410
    acme.member.refresh_from_db()
    assert acme.member.mail_rhythm == "at_once"
