"""Forms: how much is read of each, and how many at once, by who sends them."""

from __future__ import annotations

from contextlib import ExitStack
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import BadRequest

from config import bodies
from config.bodies import LazyBody, Sender, note_sender, put_aside

LARGE = b"a" * 2_000_000


def a_form(sender: Sender = Sender.STRANGER, *, address: str = "192.0.2.1") -> LazyBody:
    """The body of a form that somebody sends, as views read it."""
    environ: dict[str, Any] = {"wsgi.input": BytesIO(LARGE), "PATH_INFO": "/portal/profile/", "SERVER_PORT": "8000"}
    environ |= {"CONTENT_LENGTH": str(len(LARGE)), "REMOTE_ADDR": address}
    put_aside(environ)
    note_sender(environ | {"hookpost.more": True}, sender)  # as Django has it: a copy
    body = environ["wsgi.input"]
    assert isinstance(body, LazyBody)
    return body


@pytest.mark.parametrize(
    ("sender", "size"), [(Sender.STRANGER, 16_384), (Sender.MEMBER, 1_048_576), (Sender.STAFF, 1_048_576)]
)
def test_of_a_strangers_form_little_is_read(sender: Sender, size: int) -> None:
    assert len(a_form(sender).read()) == size


@pytest.mark.parametrize(
    ("sender", "others"),
    [(Sender.STRANGER, bodies.OF_MEMBERS), (Sender.MEMBER, bodies.OF_STRANGERS)],
)
def test_strangers_and_members_take_no_places_of_each_other(sender: Sender, others: bodies.Places) -> None:
    with ExitStack() as stack:
        for number in range(others.in_all):
            stack.enter_context(others.place_of(number))
        assert a_form(sender).read()


def test_staff_need_no_place() -> None:
    with ExitStack() as stack:
        for places in (bodies.OF_MEMBERS, bodies.OF_STRANGERS):
            for number in range(places.in_all):
                stack.enter_context(places.place_of(number))
        assert a_form(Sender.STAFF).read()


def test_addresses_of_one_ipv6_subscriber_have_the_places_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "WAIT_SECONDS", 0.0)
    assert bodies.OF_STRANGERS.of_one < bodies.OF_STRANGERS.in_all
    with ExitStack() as stack:
        for _ in range(bodies.OF_STRANGERS.of_one):
            stack.enter_context(bodies.OF_STRANGERS.place_of("2001:db8:1:2::"))
        with pytest.raises(BadRequest):
            a_form(address="2001:db8:1:2:3:4:5:6").read()
        assert a_form(address="2001:db8:1:3::1").read()
