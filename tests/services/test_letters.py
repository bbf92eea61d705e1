"""Letters as HTML: the lines of the plain text in the look of a brand; what others chose is text, whatever it is."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.utils import timezone

from deliveries.models import Customer, Endpoint, Invitation, Member, PasswordMail
from deliveries.protocol.writing.brand_colours import shades_of
from deliveries.services.common.site_links import PORTAL, url_of
from deliveries.services.endpoints import disable_endpoint
from deliveries.services.people.brands import Brand, set_brand
from deliveries.services.people.invitations import invite
from deliveries.services.telling import invitation_mail, password_mail
from deliveries.services.telling.alert_mail import send_due_mail
from deliveries.services.telling.letters import Line, as_html, as_text
from deliveries.services.telling.mail_choices import reader_of

pytestmark = pytest.mark.django_db

HOSTILE = """</td><script>x</script><img src=//evil.example/i><a href="https://evil.example">here</a>{{ brand }}'"&"""
LOADING = {"img", "script", "link", "iframe", "object", "video", "form", "base"}


class Read(HTMLParser):
    """What a mail program makes of it: elements, addresses of links, and the text that is shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.links: dict[str, str] = {}
        self.shown: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        given = dict(attrs)
        assert "src" not in given
        assert not [name for name in given if name.startswith("on")]
        assert "url(" not in (given.get("style") or "")
        if tag == "a":
            self.links[given["href"] or ""] = ""

    def handle_data(self, data: str) -> None:
        self.shown.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(filter(None, self.shown))


def html_sent() -> list[str]:
    """The HTML of each letter that went out."""
    return [str(letter.alternatives[0].content) for letter in mail.outbox]  # type: ignore[attr-defined]


def test_an_alert_shows_what_others_chose_as_text_and_links_to_us_alone(shop: Endpoint, operator: None) -> None:
    Customer.objects.update(name=HOSTILE)
    Endpoint.objects.update(description=HOSTILE)
    disable_endpoint(Endpoint.objects.get(), actor="system", reason=HOSTILE)
    assert send_due_mail() == 2
    for html in html_sent():
        read = Read(html)
        assert not read.elements & LOADING
        assert {link.split("/", 3)[2] for link in read.links} == {url_of(PORTAL, "index").split("/", 3)[2]}
        assert read.text.count("</td><script>x</script>") >= 2
        assert "{{ brand }}" in read.text


def test_a_members_letter_leads_to_the_endpoint_and_to_what_ends_such_letters(shop: Endpoint) -> None:
    disable_endpoint(shop, actor="system", reason="gone")
    send_due_mail()
    (html,) = html_sent()
    member = Member.objects.select_related("user", "customer").get()
    assert list(Read(html).links) == [
        url_of(PORTAL, "deliveries_endpoint_change", shop.public_id),
        url_of(PORTAL, "profile"),
        url_of(PORTAL, "unsubscribe", reader_of(member).token),
    ]


def test_each_line_of_the_plain_text_is_in_the_html(shop: Endpoint, operator: None) -> None:
    disable_endpoint(shop, actor="system", reason="gone")
    send_due_mail()
    for letter, html in zip(mail.outbox, html_sent(), strict=True):
        text = Read(html).text
        lines = [line for line in str(letter.body).splitlines() if line.strip("- ") and "://" not in line]
        assert [line for line in lines if " ".join(line.split()) not in text] == []


def test_an_invitation_is_a_button_in_the_customers_look_and_language(shop: Endpoint) -> None:
    customer = shop.customer
    set_brand(customer, {"name": "Shop & Sons", "accent": "#ffdd00"}, {}, actor="system")
    invitation: Invitation = invite(customer, "fay@example.com", role="viewer", actor="user:root")
    letter = invitation_mail.letter_of(invitation)
    (link,) = Read(letter.html).links
    assert f"\n{link}\n" in letter.body
    assert "Accept the invitation" in Read(letter.html).text
    assert "Shop & Sons" in Read(letter.html).text
    assert f"background:{shades_of('#ffdd00')['600']}" in letter.html


def test_a_new_password_is_a_button(django_user_model: type[User]) -> None:
    user = django_user_model.objects.create_user("bob<b>", email="bob@example.com", is_staff=True)
    row = PasswordMail(user=user, kind=PasswordMail.Kind.FORGOTTEN, created_at=timezone.now())
    letter = password_mail.letter_of(row)
    (link,) = Read(letter.html).links
    assert f"\n{link}\n" in letter.body
    assert "b" not in Read(letter.html).elements


@pytest.mark.parametrize(("language", "accent"), [("de", ""), ("fr", "#000000")])
def test_a_letter_names_its_language_and_has_a_colour_that_mail_programs_read(language: str, accent: str) -> None:
    from deliveries.services.common.languages import speaking

    with speaking(language):
        html = as_html([["x"]], subject="y", brand=Brand(name="Hookpost", accent=accent))
    assert f'<html lang="{language}">' in html
    assert "oklch" not in html
    assert Read(html).links == {}


def test_the_plain_text_is_as_it_was() -> None:
    see = Line(text="See: https://a.example/", url="https://a.example/", words="Open")
    assert as_text([["a", "b"], [see]]) == "a\nb\n\nSee: https://a.example/\n"
    assert as_text([["a"]], ["foot", see]) == "a\n\n-- \nfoot\nSee: https://a.example/\n"
