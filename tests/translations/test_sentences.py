"""What the words of the product are in each language, and how a sentence is said again in one of them."""

from __future__ import annotations

import pickle

import orjson
import pytest
from django.utils.translation import override, pgettext

from deliveries.protocol.writing.sentences import Sentence, joined, say, say_number
from deliveries.services.common.languages import in_words, said_by, speaking, spoken, tell, tell_number
from tests.settings import SETTINGS

LANGUAGES = ("de", "fr", "es")
# English, German, French, Spanish: one word for one thing, on every page.
WORDS = (
    (
        "Endpoint",
        "Endpoint",
        "Point de terminaison",
        "Endpoint",
    ),
    (
        "Deliveries",
        "Zustellungen",
        "Livraisons",
        "Entregas",
    ),
    (
        "Events",
        "Ereignisse",
        "Événements",
        "Eventos",
    ),
    (
        "Event types",
        "Ereignistypen",
        "Types d'événement",
        "Tipos de evento",
    ),
    (
        "Failures",
        "Fehler",
        "Échecs",
        "Fallos",
    ),
    (
        "Members",
        "Mitglieder",
        "Membres",
        "Miembros",
    ),
    (
        "Catalogue",
        "Katalog",
        "Catalogue",
        "Catálogo",
    ),
    (
        "API keys",
        "API-Schlüssel",
        "Clés d'API",
        "Claves de API",
    ),
    (
        "Jobs",
        "Aufträge",
        "Tâches",
        "Tareas",
    ),
    (
        "Audit trail",
        "Audit-Protokoll",
        "Journal d'audit",
        "Registro de auditoría",
    ),
    (
        "Overview",
        "Übersicht",
        "Vue d'ensemble",
        "Resumen",
    ),
    (
        "Redeliver",
        "Erneut zustellen",
        "Relivrer",
        "Volver a entregar",
    ),
    (
        "Send a test event",
        "Testereignis senden",
        "Envoyer un événement de test",
        "Enviar un evento de prueba",
    ),
    (
        "Pause…",
        "Pausieren…",
        "Mettre en pause…",
        "Pausar…",
    ),
    (
        "Disable…",
        "Deaktivieren…",
        "Désactiver…",
        "Desactivar…",
    ),
    (
        "Resume",
        "Fortsetzen",
        "Reprendre",
        "Reanudar",
    ),
    (
        "Rotate the secret…",
        "Geheimnis rotieren…",
        "Renouveler le secret…",
        "Rotar el secreto…",
    ),
    (
        "Forgotten the password?",
        "Passwort vergessen?",
        "Mot de passe oublié ?",
        "¿Ha olvidado la contraseña?",
    ),
    (
        "Log out",
        "Abmelden",
        "Se déconnecter",
        "Cerrar sesión",
    ),
    (
        "Second factor",
        "Zweiter Faktor",
        "Second facteur",
        "Segundo factor",
    ),
    (
        "Backlog",
        "Rückstau",
        "Arriéré",
        "Cola pendiente",
    ),
    (
        "Payload",
        "Payload",
        "Charge utile",
        "Carga útil",
    ),
    (
        "Signature check",
        "Signaturprüfung",
        "Vérification de la signature",
        "Comprobación de la firma",
    ),
    (
        "Given up",
        "Aufgegeben",
        "Abandonnée",
        "Abandonada",
    ),
    (
        "Arrived",
        "Angekommen",
        "Arrivées",
        "Llegaron",
    ),
    (
        "There is nothing at this address",
        "Unter dieser Adresse gibt es nichts",
        "Il n'y a rien à cette adresse",
        "No hay nada en esta dirección",
    ),
    (
        "You may not do this",
        "Das dürfen Sie nicht",
        "Vous n'en avez pas le droit",
        "No puede hacer esto",
    ),
    (
        "the receiver answers 401, it refuses our signature",
        "der Empfänger antwortet 401, er lehnt unsere Signatur ab",
        "le récepteur répond 401, il refuse notre signature",
        "el receptor responde 401, rechaza nuestra firma",
    ),
    (
        "the receiver answers 404, there is nothing at this path",
        "der Empfänger antwortet 404, unter diesem Pfad gibt es nichts",
        "le récepteur répond 404, il n'y a rien à ce chemin",
        "el receptor responde 404, no hay nada en esa ruta",
    ),
    (
        "the receiver is connected and does not answer in time",
        "der Empfänger ist verbunden und antwortet nicht rechtzeitig",
        "le récepteur est connecté et ne répond pas à temps",
        "el receptor está conectado y no responde a tiempo",
    ),
    (
        "nobody listens on that port",
        "an diesem Port lauscht niemand",
        "personne n'écoute sur ce port",
        "nadie escucha en ese puerto",
    ),
    (
        "Check the signature: the secret that the receiver has, and that it verifies the raw body.",
        "Prüfen Sie die Signatur: das Geheimnis, das der Empfänger hat, und dass er den rohen Body prüft.",
        "Vérifiez la signature : le secret qu'a le récepteur, et qu'il vérifie le corps brut.",
        "Compruebe la firma: el secreto que tiene el receptor y que verifica el cuerpo sin procesar.",
    ),
    (
        "See the receiver's log of that time; redeliver when it is mended.",
        "Sehen Sie im Protokoll des Empfängers zu dieser Zeit nach; stellen Sie erneut zu, wenn es behoben ist.",
        "Voyez le journal du récepteur à cette heure ; relivrez quand c'est réparé.",
        "Mire el registro del receptor de esa hora; vuelva a entregar cuando esté arreglado.",
    ),
    (
        "Paused. What comes in is held back and sent after you resume.",
        "Pausiert. Was hereinkommt, wird zurückgehalten und gesendet, nachdem Sie fortsetzen.",
        "En pause. Ce qui arrive est retenu et envoyé après votre reprise.",
        "En pausa. Lo que llega se retiene y se envía cuando lo reanude.",
    ),
    (
        "the URL must start with https://",
        "die URL muss mit https:// beginnen",
        "l'URL doit commencer par https://",
        "la URL debe empezar por https://",
    ),
    (
        "a URL is required",
        "eine URL ist nötig",
        "une URL est requise",
        "hace falta una URL",
    ),
    (
        "there is no such language",
        "diese Sprache gibt es nicht",
        "cette langue n'existe pas",
        "ese idioma no existe",
    ),
    (
        "What to do:",
        "Was zu tun ist:",
        "Que faire :",
        "Qué hacer:",
    ),
    (
        "Nothing matches all of this.",
        "Nichts passt zu alledem.",
        "Rien ne correspond à tout cela.",
        "Nada coincide con todo esto.",
    ),
    (
        "The endpoint {host} was disabled",
        "Der Endpoint {host} wurde deaktiviert",
        "Le point de terminaison {host} a été désactivé",
        "El endpoint {host} se desactivó",
    ),
)
STATES = {
    "pending": ("ausstehend", "en attente", "pendiente"),
    "held": ("zurückgehalten", "retenue", "retenida"),
    "succeeded": ("zugestellt", "réussie", "entregada"),
    "given up": ("aufgegeben", "abandonnée", "abandonada"),
    "cancelled": ("abgebrochen", "annulée", "cancelada"),
    "enabled": ("aktiviert", "activé", "activado"),
    "paused": ("pausiert", "en pause", "en pausa"),
    "disabled": ("deaktiviert", "désactivé", "desactivado"),
    "open": ("offen", "ouvert", "abierto"),
    "over": ("vorbei", "terminé", "terminado"),
}


@pytest.mark.parametrize("row", WORDS, ids=[row[0] for row in WORDS])
def test_a_word_of_the_product_is_the_same_on_every_page(row: tuple[str, ...]) -> None:
    english, *others = row
    assert in_words(english) == english
    for language, word in zip(LANGUAGES, others, strict=True):
        with override(language):
            assert in_words(english) == word


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_no_verb(state: str) -> None:
    """Given a word that is a state here and an act there, as "open", then a state is translated as one."""
    for language, word in zip(LANGUAGES, STATES[state], strict=True):
        with override(language):
            assert pgettext("state", state) == word


def test_a_sentence_is_plain_english_for_programs() -> None:
    said = say("{name} is missing", name="key")
    assert said == "key is missing"
    assert orjson.dumps({"detail": said}) == b'{"detail":"key is missing"}'
    assert type(pickle.loads(pickle.dumps(said))) is str
    assert f"{said}." == "key is missing."


def test_a_sentence_is_said_again_with_its_values_and_the_sentences_in_it() -> None:
    inner = say("the attempt failed")
    outer = say("Failed once so far: {says}.", says=inner)
    assert outer == "Failed once so far: the attempt failed."
    with override("de"):
        assert in_words(outer) == "Bisher einmal fehlgeschlagen: der Versuch schlug fehl."


def test_sentences_in_one_line_are_each_said_again() -> None:
    mistakes = joined([say("the body was empty"), say("the hash was {name}", name="sha1")])
    assert mistakes == "the body was empty; the hash was sha1"
    with override("fr"):
        assert in_words(mistakes) == "le corps était vide; le hachage était sha1"


@pytest.mark.parametrize(
    ("language", "none", "one", "many"),
    [
        ("en", "0 deliveries", "1 delivery", "1,234 deliveries"),
        ("de", "0 Zustellungen", "1 Zustellung", "1.234 Zustellungen"),
        ("fr", "0 livraison", "1 livraison", "1\xa0234 livraisons"),
        ("es", "0 entregas", "1 entrega", "1234 entregas"),
    ],
)
def test_a_number_of_things_follows_the_language(language: str, none: str, one: str, many: str) -> None:
    with override(language):
        said = [tell_number("{number} delivery", "{number} deliveries", number) for number in (0, 1, 1234)]
    assert said[:2] == [none, one]
    assert said[2].replace("\u202f", "\xa0").replace("1\xa0234 entregas", "1234 entregas") == many


def test_what_is_no_sentence_of_ours_stays_as_it_is() -> None:
    with override("de"):
        assert in_words("") == ""
        assert in_words("whatever a customer wrote") == "whatever a customer wrote"
        assert in_words("100 % {sure}") == "100 % {sure}"


def test_a_value_with_braces_is_a_value() -> None:
    with override("es"):
        assert tell("the key “{name}”", name="{name}%s") == "la clave «{name}%s»"


def test_an_error_is_said_in_the_language_that_is_spoken() -> None:
    with override("de"):
        assert said_by(ValueError(say("a URL is required"))) == "eine URL ist nötig"
        assert said_by(ValueError()) == ""


def test_a_language_without_a_catalog_is_english() -> None:
    with override("it"):
        assert spoken() == "en"
    with override("de-AT"):
        assert spoken() == "de"


def test_whoever_chose_nothing_is_written_to_in_the_language_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "language", "fr")
    with speaking(""):
        assert in_words("Deliveries") == "Livraisons"
    with speaking("es"):
        assert in_words("Deliveries") == "Entregas"


def test_a_message_is_kept_until_its_values_are_known() -> None:
    kept = say("the receiver answers {status}, it refuses the request")
    assert isinstance(kept, Sentence)
    assert kept.again(status=418) == "the receiver answers 418, it refuses the request"
    assert say_number("{number} delivery", "{number} deliveries", 2) == "2 deliveries"
