"""A filter that can match nothing says so: an empty list would be taken for an answer."""

from __future__ import annotations

import pytest
from django.test import Client

from deliveries.models.base import new_id
from deliveries.protocol.writing import ids
from deliveries.services import endpoints
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db
LIST = "deliveries/delivery/"
NO_CUSTOMER, NO_ENDPOINT = "There is no customer of this id, uid or name.", "There is no endpoint of this id."


def shown(browser: Client, site: str, **query: str) -> tuple[str, int]:
    """The page, and how many rows it shows."""
    answer = browser.get(f"/{site}/{LIST}", query)
    return answer.content.decode(), len(answer.context["listing"].lines)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"customer": "nosuch"}, NO_CUSTOMER),
        ({"customer": ids.encode_id(ids.CUSTOMER, new_id())}, NO_CUSTOMER),
        ({"endpoint": "nosuch"}, "no endpoint of this id, and none whose URL contains this"),
        ({"state": "asleep"}, "There is no state “asleep”. There is: pending, held,"),
        ({"state": "pending,asleep"}, "There is no state “asleep”."),
        ({"error": "tired"}, "There is no last error “tired”."),
        ({"window": "1y"}, "There is no time “1y”. There is: 1h, 24h, 7d, 30d."),
        ({"status": "99"}, "A status code is a number from 100 to 599."),
        ({"status": "abc"}, "A status code is a number from 100 to 599."),
        ({"endpoint": ids.encode_id(ids.ENDPOINT, new_id())}, NO_ENDPOINT),
        ({"type": "no such type"}, "neither an event type nor a family"),
        ({"since": "yesterday"}, "This is no moment"),
        ({"until": "2026-99-99"}, "This is no moment"),
    ],
)
def test_a_filter_that_names_nothing_says_so_and_shows_nothing(
    bob: Client, acme: House, query: dict[str, str], sentence: str
) -> None:
    text, rows = shown(bob, "admin", **query)
    assert sentence in text
    assert rows == 0


def test_what_is_there_is_found_without_a_word(bob: Client, acme: House) -> None:
    for query in ({"customer": "acme"}, {"customer": acme.customer.public_id}, {"endpoint": acme.endpoint.public_id}):
        text, rows = shown(bob, "admin", **query)
        assert (rows, "There is no" in text) == (1, False)


def test_the_log_of_a_deleted_endpoint_is_found_without_a_word(bob: Client, acme: House) -> None:
    endpoints.delete_endpoint(acme.endpoint, actor="system")
    text, rows = shown(bob, "admin", endpoint=acme.endpoint.public_id)
    assert (rows, "There is no" in text) == (1, False)


def test_anothers_endpoint_is_none_for_a_member(carol: Client, acme: House, globex: House) -> None:
    text, rows = shown(carol, "portal", endpoint=globex.endpoint.public_id)
    assert (NO_ENDPOINT in text, rows) == (True, 0)
