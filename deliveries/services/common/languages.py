"""The languages of pages and letters: which there are, whose is which, and sentences in the one that is spoken.

What lives here: the choice, and the catalogs' use. The catalogs are in deliveries/locale; docs/portal.md says how to
add a sentence or a language. The API and the log are English, always. It must not know requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext, ngettext, override

from deliveries.conf import conf
from deliveries.errors import InvalidInput
from deliveries.models import LogIn
from deliveries.protocol.writing.sentences import Joined, Sentence, say, say_number
from deliveries.protocol.writing.stored_sentences import remembered

ENGLISH = "en"
LANGUAGES: Mapping[str, str] = MappingProxyType(
    {ENGLISH: "English", "de": "Deutsch", "fr": "Français", "es": "Español"}
)
IN_SESSION = "hookpost_language"  # what its person chose, or whoever embeds the portal


def in_words(text: str) -> str:
    """Return a sentence in the language that is spoken at this moment; text that is none of ours stays as it is."""
    text = remembered(text)
    if not isinstance(text, Sentence):
        return gettext(text) if text else ""
    if isinstance(text, Joined):
        return text.sign.join(map(in_words, text.parts))
    form = ngettext(text.message, text.plural, text.number) if text.plural else gettext(text.message)
    values = {name: _in_words(value) for name, value in text.values.items()}
    return form.format(**values) if values else form


def _in_words(value: object) -> object:
    """Return a value of a sentence: a sentence in it is said, and a whole number grouped, as the language does it."""
    if isinstance(value, Sentence):
        return in_words(value)
    return number_format(value, force_grouping=True) if type(value) is int else value


def said_by(error: Exception) -> str:
    """Return what an error says in the language that is spoken now."""
    first = error.args[0] if error.args else ""
    return in_words(first if isinstance(first, str) else str(error))


def tell(message: str, /, **values: object) -> str:
    """Return a message of the catalogs with its values, in the language that is spoken now."""
    form = gettext(message)
    return form.format(**{name: _in_words(value) for name, value in values.items()}) if values else form


def tell_number(message: str, plural: str, number: int, /, **values: object) -> str:
    """Return a message about a number of things, `{number}` in both forms, in the language that is spoken now."""
    return in_words(say_number(message, plural, number, **values))


def spoken() -> str:
    """Return which of our languages is spoken at this moment: English for one that we have no catalog of."""
    code = (get_language() or ENGLISH).partition("-")[0]
    return code if code in LANGUAGES else ENGLISH


def speaking(language: str) -> override:
    """Return a context in which one language is spoken: a recipient's, not the sender's."""
    return override(language or conf.language)


def language_of(user_id: str | int) -> str:
    """Return the language that somebody chose; empty while they chose none."""
    return LogIn.objects.filter(user_id=user_id).values_list("language", flat=True).first() or ""


def language_of_address(address: str) -> str:
    """Return the language that whoever has this mail address chose; empty for strangers, and for several people."""
    return chosen_by_address(address, "language")


def chosen_by_address(address: str, column: str) -> str:
    """Return what whoever has this mail address chose; empty for strangers, and where choices differ."""
    field = f"user__{get_user_model().get_email_field_name()}__iexact"
    chosen = set(LogIn.objects.filter(**{field: address}).values_list(column, flat=True)[:2])
    return chosen.pop() if len(chosen) == 1 else ""


def choose_language(user: AbstractBaseUser, language: str) -> None:
    """Keep somebody's choice; empty is the browser's. Raises InvalidInput for a language that there is not."""
    check_language(language)
    LogIn.objects.update_or_create(user_id=user.pk, defaults={"language": language})


def check_language(language: str) -> None:
    """Raise InvalidInput unless this is a language of ours, or empty."""
    if language and language not in LANGUAGES:
        raise InvalidInput(say("there is no such language"), field="language")


def are_chosen_here() -> bool:
    """Say whether pages follow our choice; in a project with middleware of its own they follow the project's."""
    return any(
        name.endswith(("page_language.PageLanguage", "page_middleware.Language")) for name in settings.MIDDLEWARE
    )
