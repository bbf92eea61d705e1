"""The floor that all tests stand on.

What lives here: that database, broker and receiver are real.
"""

from __future__ import annotations

import urllib.request

import pytest
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
