"""Views of lists that somebody keeps: a name, and what the list is narrowed to by it.

What lives here: keeping, replacing and forgetting them, beside the log-in that they belong to. It must not know which
lists there are, nor what a filter means: an address that says nothing any more finds nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from django.contrib.auth.models import AbstractUser
from django.db import transaction

from deliveries.errors import InvalidInput
from deliveries.models import LogIn
from deliveries.protocol.writing.sentences import say

VIEWS_LIMIT, NAME_LIMIT, QUERY_LIMIT = 20, 60, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """One view: its name, and the query string of its list without a question mark."""

    name: str
    query: str


def views_of(user: AbstractUser, place: str) -> Sequence[SavedView]:
    """Return somebody's views of one list, by name."""
    kept = LogIn.objects.filter(user_id=user.pk).values_list("views", flat=True).first() or {}
    return [SavedView(name=name, query=query) for name, query in sorted(kept.get(place, {}).items())]


def save_view(user: AbstractUser, place: str, name: str, query: str) -> SavedView:
    """Keep a view, in place of one of the same name; raises InvalidInput."""
    name, query = _checked(name, query)
    with transaction.atomic():
        row = _row_of(user)
        kept = row.views.setdefault(place, {})
        if name not in kept and len(kept) >= VIEWS_LIMIT:
            raise InvalidInput(say("at most {number} views of a list: remove one first", number=VIEWS_LIMIT))
        kept[name] = query
        row.save(update_fields=["views"])
    return SavedView(name=name, query=query)


def forget_view(user: AbstractUser, place: str, name: str) -> None:
    """Forget a view; one that is not there is forgotten already."""
    with transaction.atomic():
        row = _row_of(user)
        if row.views.get(place, {}).pop(name, None) is not None:
            row.save(update_fields=["views"])


def forget_views_of(words: Collection[str]) -> int:
    """Forget everybody's views that are narrowed to one of these words; returns how many."""
    number = 0
    with transaction.atomic():
        for row in LogIn.objects.select_for_update().exclude(views={}):
            kept = {place: _without(words, views) for place, views in row.views.items()}
            lost = sum(map(len, row.views.values())) - sum(map(len, kept.values()))
            if lost:
                LogIn.objects.filter(pk=row.pk).update(views=kept)
            number += lost
    return number


def _without(words: Collection[str], views: Mapping[str, str]) -> dict[str, str]:
    return {
        name: query
        for name, query in views.items()
        if not any(value in words for _, value in parse_qsl(query, keep_blank_values=True))
    }


def _checked(name: str, query: str) -> tuple[str, str]:
    name, query = " ".join(name.split()), query.replace("\0", "").removeprefix("?")
    if not name or len(name) > NAME_LIMIT or "\0" in name:
        raise InvalidInput(say("a view has a name of at most {number} characters", number=NAME_LIMIT), field="name")
    if not query or len(query) > QUERY_LIMIT:
        raise InvalidInput(say("narrow the list first: there is nothing to keep"), field="query")
    return name, query


def _row_of(user: AbstractUser) -> LogIn:
    LogIn.objects.get_or_create(user_id=user.pk)
    return LogIn.objects.select_for_update().get(user_id=user.pk)
