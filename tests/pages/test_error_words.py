"""How an attempt ended, in words: on badges, in filters and in the search, in the reader's language."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from deliveries.admin.words.error_words import ERROR_WORDS, error_word, errors_called
from deliveries.models import Delivery, EndpointHour, FailureGroup, Lane
from deliveries.protocol.answers.advice import ERRORS
from deliveries.protocol.answers.outcome import EXPLANATIONS
from deliveries.services.common.languages import LANGUAGES, choose_language, speaking
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db

SITES = pytest.mark.parametrize(("site", "who"), [("admin", "bob"), ("portal", "carol")])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_has_words_of_its_own_and_none_is_its_code(language: str) -> None:
    with speaking(language):
        words = {error: error_word(error) for error in EXPLANATIONS}
    assert set(ERROR_WORDS) == set(EXPLANATIONS) == set(ERRORS)
    assert len(set(words.values())) == len(words)
    assert [error for error, word in words.items() if "_" in word or len(word) > 30] == []


@SITES
def test_a_badge_says_the_error_in_the_readers_language_and_its_code_on_hover(
    site: str, who: str, acme: House, request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(who)
    Delivery.objects.filter(pk=acme.delivery.pk).update(error="connect_refused", status_code=None)
    choose_language(acme.member.user, "de")
    text = client.get(f"/{site}/deliveries/delivery/", headers={"accept-language": "de"}).content.decode()
    shown = re.search(r'title="(connect_refused: [^"]+)">([^<]+)<', text)
    assert shown is not None
    assert shown[2] == "Verbindung abgelehnt"
    assert shown[1] == "connect_refused: an diesem Port lauscht niemand"
    assert ">connect refused<" not in text
    assert '<option value="connect_refused">Verbindung abgelehnt</option>' in text


@pytest.mark.parametrize(
    ("words", "language", "found"),
    [
        ("refused", "en", {"connect_refused", "http_4xx"}),
        ("connect_re", "en", {"connect_refused"}),
        ("nobody listens", "en", {"connect_refused"}),
        ("VERBINDUNG abg", "de", {"connect_refused"}),
        ("personne n'écoute", "fr", {"connect_refused"}),
        ("no such words", "en", set()),
    ],
)
def test_an_error_is_found_by_what_pages_call_it(words: str, language: str, found: set[str]) -> None:
    with speaking(language):
        called = set(errors_called(words))
    assert called >= found
    assert bool(called) == bool(found)


@SITES
def test_failures_are_searched_by_words_by_code_and_by_url(
    site: str, who: str, acme: House, request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(who)
    FailureGroup.objects.filter(pk=acme.failure.pk).update(error="tls_error", status_code=0)
    for words, is_found in {"certificate": True, "tls_error": True, "/Acme": True, "nobody listens": False}.items():
        rows = client.get(f"/{site}/deliveries/failuregroup/", {"q": words}).context["listing"].rows
        assert [row.pk for row in rows] == ([acme.failure.pk] if is_found else []), words


def test_what_a_group_stands_for_is_said_in_the_readers_language_on_hover(bob: Client, acme: House) -> None:
    text = bob.get("/admin/", headers={"accept-language": "de"}).content.decode()
    assert 'title="Nobody has looked at it yet."' not in text
    assert 'title="Noch hat es sich niemand angesehen."' in text


@SITES
def test_the_overview_has_one_table_of_what_fails_that_says_whether_anything_arrives_there(
    site: str, who: str, acme: House, request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(who)
    since = timezone.now() - timedelta(hours=8, minutes=5)
    Lane.objects.filter(endpoint=acme.endpoint).update(failing_since=since)
    text = client.get(f"/{site}/").content.decode()
    assert text.count(acme.endpoint.url) == 1
    assert "Nothing has arrived there for 8 h." in text
    assert "Failing endpoints: 1" in text
    link = re.search(rf'href="(/{site}/deliveries/endpoint/\?health=failing[^"]*)"', text)
    assert link is not None
    rows = client.get(link[1].replace("&amp;", "&")).context["listing"].rows
    assert [row.pk for row in rows] == [acme.endpoint.pk]


@SITES
def test_the_overview_says_so_when_nothing_fails(
    site: str, who: str, acme: House, request: pytest.FixtureRequest
) -> None:
    FailureGroup.objects.all().delete()
    text = request.getfixturevalue(who).get(f"/{site}/").content.decode()
    assert "Nothing has failed in the last 7 days." in text
    assert "Failing endpoints" not in text


def test_what_nobody_knows_of_comes_before_what_is_known_and_over(bob: Client, acme: House, globex: House) -> None:
    FailureGroup.objects.filter(pk=globex.failure.pk).update(last_at=timezone.now(), acknowledged_at=timezone.now())
    text = bob.get("/admin/").content.decode()
    assert text.index(acme.failure.public_id) < text.index(globex.failure.public_id)
    assert not EndpointHour.objects.exists()
