"""The floor that all tests stand on.

What lives here: that database, broker and receiver are real, and what is not as outside.
"""

from __future__ import annotations

import urllib.request
from importlib import import_module

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection

from tests.receiver import Receiver


@pytest.mark.django_db
def test_the_database_is_postgresql() -> None:
    assert connection.vendor == "postgresql"


def test_a_receiver_remembers_a_request_byte_for_byte(receiver: Receiver) -> None:
    receiver.answer = lambda request: (201, {"x-a": "b"}, b"done")
    request = urllib.request.Request(receiver.url + "/in?x=1", data=b'{"a": 1}', headers={"X-One": "1"})
    with urllib.request.urlopen(request) as answer:
        assert (answer.status, answer.headers["x-a"], answer.read()) == (201, "b", b"done")
    (taken,) = receiver.wait_for(1)
    assert (taken.method, taken.path, taken.body, taken.header("x-one")) == ("POST", "/in?x=1", b'{"a": 1}', "1")


def test_outside_of_tests_passwords_are_hashed_as_django_has_it() -> None:
    assert not hasattr(import_module("config.settings"), "PASSWORD_HASHERS")
    assert settings.PASSWORD_HASHERS == ["tests.passwords.FewRounds"]
    assert PBKDF2PasswordHasher.iterations >= 600_000
