"""Where a request comes from: the address that the trusted proxy added, never one that the caller wrote."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from config.callers import address_of, log_in_address
from tests.settings import SETTINGS

PASSWORD = "a-good-password-41"


@pytest.fixture
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "trusted_proxy", True)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.7, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.7,203.0.113.9", "203.0.113.9"),
        ("nonsense, 203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("203.0.113.9, unknown", "10.0.0.1"),
        ("203.0.113.9,", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("\x00", "10.0.0.1"),
    ],
)
def test_behind_a_proxy_the_last_entry_counts(behind_a_proxy: None, written: str, address: str) -> None:
    assert address_of({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": written}) == address


def test_without_a_proxy_nothing_that_a_caller_writes_counts() -> None:
    environ = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}
    assert address_of(environ) == "192.0.2.1"
    assert address_of({"HTTP_X_FORWARDED_FOR": "203.0.113.9"}) == ""


@pytest.mark.parametrize(
    ("peer", "counted"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("", None)],
)
def test_log_ins_of_ipv6_are_counted_by_subscriber(peer: str, counted: str | None) -> None:
    assert log_in_address(RequestFactory().get("/", REMOTE_ADDR=peer)) == counted


def status(password: str, *, forwarded: str) -> int:
    form = {"username": "bob", "password": password}
    return Client(headers={"x-forwarded-for": forwarded}).post("/admin/login/", form).status_code


@pytest.mark.django_db
def test_ten_wrong_passwords_lock_out_their_own_address_only(behind_a_proxy: None) -> None:
    """Given somebody who writes another address into each request, then they are locked out, and the owner is not."""
    User.objects.create_user("bob", password=PASSWORD, is_staff=True)
    guesses = [status("wrong", forwarded=f"198.51.100.{n}, 203.0.113.9") for n in range(10)]
    assert guesses == [200] * 9 + [429]
    assert status(PASSWORD, forwarded="198.51.100.77, 203.0.113.9") == 429
    assert status(PASSWORD, forwarded="203.0.113.9, 192.0.2.44") == 302


@pytest.mark.django_db
def test_a_lock_out_is_of_one_name(behind_a_proxy: None) -> None:
    for name in ("bob", "alice"):
        User.objects.create_user(name, password=PASSWORD, is_staff=True)
    for _ in range(10):
        status("wrong", forwarded="203.0.113.9")
    form = {"username": "alice", "password": PASSWORD}
    answer = Client(headers={"x-forwarded-for": "203.0.113.9"}).post("/admin/login/", form)
    assert answer.status_code == 302
