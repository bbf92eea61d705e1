"""What the tests of secrets and log-ins share: keyrings, endpoints with secrets, people."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django_otp.oath import totp

from deliveries.models import Customer, Endpoint, SecondFactor
from deliveries.services.endpoints import create_endpoint
from deliveries.services.people.members import add_member
from deliveries.services.people.second_factor import begin_factor
from tests.browsers import logged_in

__all__ = [
    "PASSWORD",
    "a_factor",
    "a_key",
    "a_member",
    "a_superuser",
    "an_endpoint",
    "code_of",
    "logged_in",
    "set_ring",
]

PASSWORD = "correct horse battery staple"


def a_key(key_id: str) -> tuple[str, str]:
    """An entry of the keyring whose bytes follow from its id."""
    return key_id, base64.b64encode((key_id * 32).encode()[:32]).decode()


def set_ring(monkeypatch: pytest.MonkeyPatch, *key_ids: str) -> None:
    """These keys, the first of which seals."""
    monkeypatch.setattr(settings, "ENCRYPTION_KEYS", tuple(a_key(key_id) for key_id in key_ids))


def an_endpoint(url: str = "https://93.184.216.34/in", **fields: Any) -> tuple[Endpoint, str]:
    """An endpoint of a new customer, and its secret."""
    return create_endpoint(Customer.objects.create(name="Alice & Co"), {"url": url, **fields}, actor="user:alice")


def a_superuser(name: str = "root") -> User:
    """One of staff who may do everything."""
    return User.objects.create_superuser(name, f"{name}@example.org", PASSWORD)


def a_member(customer: Customer, name: str = "carol") -> User:
    """A person of a customer, with a password."""
    user = add_member(customer, name, actor="user:root").user
    user.set_password(PASSWORD)
    user.save()
    return user


def a_factor(user: User) -> SecondFactor:
    """A confirmed second factor."""
    factor = begin_factor(user)
    factor.confirmed = True
    factor.save()
    return factor


def code_of(factor: SecondFactor, *, steps_ahead: int = 0) -> str:
    """What the person's authenticator shows now, or some steps of 30 s later."""
    return f"{totp(factor.open_seed(), drift=steps_ahead):06d}"
