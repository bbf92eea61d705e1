"""Pages in the language of their reader: what is chosen, what the browser prefers, what is set."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.translation import get_language, gettext, override

from deliveries.admin.base import export
from deliveries.admin.words.script_words import PLACE
from deliveries.models import Alert, LogIn, PasswordMail
from deliveries.protocol.answers.advice import advice_for
from deliveries.protocol.answers.outcome import GONE
from deliveries.protocol.writing.stored_sentences import not_arrived
from deliveries.services.common.languages import in_words
from deliveries.services.common.own_time import choose_zone
from deliveries.services.endpoints import disable_endpoint
from deliveries.services.telling.alert_letters import letter_to
from deliveries.services.telling.alerts import note_disabled
from deliveries.services.telling.invitation_mail import letter_of as invitation_letter
from deliveries.services.telling.mail_choices import reader_of
from deliveries.services.telling.password_mail import letter_of
from tests.pages.conftest import House, logged_in
from tests.pages.test_members import an_invitation
from tests.settings import SETTINGS
from tests.translations.catalogs import read
from tests.translations.sources import unfold_texts

pytestmark = pytest.mark.django_db

LOG_IN = {"en": "Forgotten the password?", "de": "Passwort vergessen?", "fr": "Mot de passe oublié ?"}
LOG_IN |= {"es": "¿Ha olvidado la contraseña?"}


def choose(client: Client, language: str) -> str:
    """Choose a language in the profile; returns the page that follows."""
    return client.post("/portal/profile/", {"act": "language", "language": language}, follow=True).content.decode()


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [("", "en"), ("de", "de"), ("fr-CA,en;q=0.5", "fr"), ("it,es;q=0.8,en;q=0.5", "es"), ("it", "en"), ("*", "en")],
)
def test_a_page_is_in_the_language_that_the_browser_prefers(wanted: str, spoken: str) -> None:
    answer = Client().get("/portal/login/", headers={"accept-language": wanted})
    text = answer.content.decode()
    assert f'<html lang="{spoken}"' in text
    assert LOG_IN[spoken] in text
    assert answer.headers["Content-Language"] == spoken
    assert "Accept-Language" in answer.headers["Vary"]
    assert get_language() == "en", "what comes after in this thread is not spoken to in it"


def test_the_setting_is_for_whose_browser_names_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "language", "es")
    assert LOG_IN["es"] in Client().get("/portal/login/", headers={"accept-language": "it"}).content.decode()
    assert LOG_IN["de"] in Client().get("/portal/login/", headers={"accept-language": "de"}).content.decode()


def test_why_an_answer_disabled_an_endpoint_and_whose_a_key_is_are_said_in_the_readers_language(
    carol: Client, alice: Client, acme: House
) -> None:
    disable_endpoint(acme.endpoint, actor="system", reason=GONE)
    german = {"accept-language": "de"}
    page = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/"
    assert "der Endpoint antwortete 410 Gone" in carol.get(page, headers=german).content.decode()
    for noun in ("apikey", "eventtype"):
        text = alice.get(f"/admin/deliveries/{noun}/add/", headers=german).content.decode()
        assert re.search(r'<label[^>]+for="id_customer"[^>]*>\s*Kunde', text)


def test_a_reason_with_values_is_said_in_the_readers_language_wherever_it_is_shown(
    carol: Client, alice: Client, acme: House
) -> None:
    """Given an endpoint that was disabled after 5 days, then each page says so in German, and the API in English."""
    disable_endpoint(acme.endpoint, actor="system", reason=not_arrived(5))
    acme.endpoint.refresh_from_db()
    assert acme.endpoint.state_reason == "no delivery has arrived for 5 days"
    note_disabled(acme.endpoint)
    row = f"deliveries/endpoint/{acme.endpoint.public_id}"
    for place in ("", "deliveries/endpoint/", f"{row}/change/", f"{row}/history/", "deliveries/auditentry/"):
        for site, client in (("portal", carol), ("admin", alice)):
            text = client.get(f"/{site}/{place}", headers={"accept-language": "de"}).content.decode()
            assert "seit 5 Tagen kam keine Zustellung an" in text, (site, place)
            assert "no delivery has arrived" not in text, (site, place)


def test_a_letter_says_the_reason_in_its_readers_language(acme: House, carol: Client) -> None:
    choose(carol, "fr")
    disable_endpoint(acme.endpoint, actor="system", reason=not_arrived(1))
    acme.endpoint.refresh_from_db()
    note_disabled(acme.endpoint)
    (alert,) = Alert.objects.filter(kind=Alert.Kind.DISABLED).select_related("endpoint__customer", "endpoint__lane")
    letter = letter_to(reader_of(acme.member), [alert], {})
    assert "car : aucune livraison n'est arrivée depuis 1 jour." in letter.body


def test_scripts_speak_the_language_of_their_page() -> None:
    said = {wanted: Client().get("/portal/login/", headers={"accept-language": wanted}) for wanted in ("en", "fr")}
    assert '"Copied": "Copi\\u00e9"' in said["fr"].content.decode()
    assert PLACE not in said["en"].content.decode()


def test_what_somebody_chose_goes_before_their_browser_and_comes_back_with_the_next_log_in(
    acme: House, carol: Client
) -> None:
    assert "Die Sprache ist gespeichert." in choose(carol, "de")
    again = logged_in(acme.member.user)
    assert '<html lang="de"' in again.get("/portal/profile/", headers={"accept-language": "fr"}).content.decode()
    choose(again, "")
    assert '<html lang="fr"' in again.get("/portal/profile/", headers={"accept-language": "fr"}).content.decode()


def test_a_language_that_there_is_not_is_refused(acme: House, carol: Client) -> None:
    assert "There is no such language." in choose(carol, "xx")
    assert not LogIn.objects.exclude(language="").exists()


def test_the_api_is_english_whatever_is_asked_for(acme: House) -> None:
    path = f"/api/v1/customers/{acme.customer.public_id}/endpoints/nowhere"
    key = {"authorization": f"Bearer {acme.key_text}"}
    answers = [Client().get(path, headers={**key, "accept-language": wanted}) for wanted in ("en", "de")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()
    assert "Content-Language" not in answers[1].headers


def test_an_error_is_told_in_the_readers_language(carol: Client) -> None:
    answer = carol.get("/portal/nowhere/", headers={"accept-language": "de"})
    assert (answer.status_code, "Unter dieser Adresse gibt es nichts" in answer.content.decode()) == (404, True)


def test_a_letter_is_in_its_recipients_language(acme: House, carol: Client) -> None:
    choose(carol, "de")
    row = PasswordMail(user=acme.member.user, kind=PasswordMail.Kind.FORGOTTEN, created_at=timezone.now())
    assert "Ein neues Passwort" in letter_of(row).subject
    invited = an_invitation(acme, "stranger@example.com")
    assert "Invitation to Acme" in invitation_letter(invited).subject
    choose_zone(acme.member.user, "Asia/Tokyo")
    invited.email = acme.member.user.email
    assert "Asia/Tokyo)" in invitation_letter(invited).body
    assert get_language() == "en"


def test_advice_is_english_for_programs_and_the_readers_language_on_pages() -> None:
    says = advice_for("http_4xx", 499).says
    assert says == "the receiver answers 499, it refuses the request"
    with override("de"):
        assert in_words(says) == "der Empfänger antwortet 499, er lehnt die Anfrage ab"
    assert in_words(says) == says


@lru_cache(maxsize=1)
def english() -> dict[str, str]:
    """Return what is English alone of our catalogs and of Unfold's templates, by how it is found in a page."""
    ours = {entry.msgid for entry in read("de") if " " in entry.msgid.strip() and entry.msgid != entry.msgstr}
    with override("de"):
        unfolds = {text for text in unfold_texts() if gettext(text) == text} - {"Name", "System", "Start", "Filter"}
    return {folded(text): text for text in ours | unfolds}


def folded(text: str) -> str:
    """Return a text as it is in the middle of a sentence."""
    return text[:1].lower() + text[1:].rstrip(".")


def english_on(client: Client, pages: Iterable[str]) -> dict[str, list[str]]:
    """Return the sentences that pages show in English to whoever reads German."""
    left = {}
    for page in pages:
        answer = client.get(page, headers={"accept-language": "de"})
        assert answer.status_code == 200, page
        shown = " ".join(unescape(re.sub(r"<[^>]+>", "\n", answer.content.decode())).split(" "))
        found = {folded(line.strip()) for line in shown.split("\n")} & english().keys()
        left |= {page: sorted(english()[each] for each in found)} if found else {}
    return left


def test_pages_of_the_portal_hold_no_english_sentence_in_another_language(acme: House, carol: Client) -> None:
    root = "/portal/deliveries"
    lists = ("endpoint", "delivery", "event", "failuregroup", "job", "apikey", "eventtype")
    pages = [
        f"{root}/endpoint/{acme.endpoint.public_id}/delete/",
        f"{root}/endpoint/{acme.endpoint.public_id}/history/",
        f"{root}/job/{acme.job.public_id}/change/",
        *(f"/portal/{place}" for place in ("", "members/", "profile/", "catalogue/", "receiving/", "find/")),
        *(f"{root}/{noun}/" for noun in lists),
        *(f"{root}/{noun}/add/" for noun in ("endpoint", "apikey", "eventtype")),
        f"{root}/endpoint/{acme.endpoint.public_id}/change/",
        *(f"{root}/delivery/{acme.delivery.public_id}/{page}/" for page in ("change", "signature")),
        f"{root}/failuregroup/{acme.failure.public_id}/change/",
    ]
    assert english_on(carol, pages) == {}


def test_what_is_added_is_named_in_the_readers_language(carol: Client, alice: Client) -> None:
    german = {"accept-language": "de"}
    for client, site in ((carol, "portal"), (alice, "admin")):
        text = client.get(f"/{site}/deliveries/apikey/add/", headers=german).content.decode()
        assert "API-Schlüssel hinzufügen" in text
        assert "API key" not in text
        assert "Scopes" not in text


def test_pages_of_staff_hold_no_english_sentence_in_another_language(acme: House, alice: Client) -> None:
    root = "/admin/deliveries"
    lists = ("customer", "member", "endpoint", "delivery", "event", "failuregroup", "job", "apikey", "eventtype")
    pages = [
        *(f"/admin/{place}" for place in ("", "profile/", "find/", "staff/", "password_change/")),
        *(f"/admin/{place}/" for place in ("auth/user", "auth/user/add", "auth/group", "axes/accessattempt")),
        f"{root}/secondfactor/",
        f"{root}/member/{acme.member.public_id}/change/",
        f"{root}/endpoint/{acme.endpoint.public_id}/delete/",
        *(f"{root}/{noun}/" for noun in (*lists, "auditentry")),
        *(f"{root}/{noun}/add/" for noun in ("customer", "apikey", "eventtype")),
        *(f"{root}/{noun}/{getattr(acme, noun).public_id}/change/" for noun in ("customer", "endpoint", "delivery")),
    ]
    assert english_on(alice, pages) == {}


def test_roles_of_staff_and_the_end_of_an_export_are_told_in_the_readers_language(
    acme: House, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Betrachter: sieht alles" in alice.get("/admin/staff/", headers={"accept-language": "de"}).content.decode()
    monkeypatch.setattr(export, "EXPORT_SECONDS", -1.0)
    monkeypatch.setattr(export, "PART", 0)
    answer = alice.post("/admin/deliveries/delivery/export/", headers={"accept-language": "de"})
    assert "Es sind nicht alle Zustellungen hier" in b"".join(answer.streaming_content).decode().splitlines()[-1]  # type: ignore[attr-defined]
