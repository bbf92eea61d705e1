"""A database with every kind of secret in it, used: deliveries that succeed, fail and blow up, log-ins, pages.

What lives here: making and using secrets, and remembering each of them in plain text. It must not know
where a test looks for them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from deliveries.models import ApiKey, Customer, Endpoint, EndpointSecret
from deliveries.protocol.signing.secrets import parse_secret
from deliveries.services.endpoints import create_endpoint, rotate_secret
from deliveries.services.people import second_factor
from deliveries.services.people.api_keys import create_api_key
from deliveries.services.people.members import login_token
from deliveries.services.people.portal_links import create_link
from tests.engine.steps import emit, let_time_pass, take_turn
from tests.receiver import Answer, Receiver, Request
from tests.security.steps import PASSWORD, a_factor, a_member, a_superuser

TOKEN = "customers-own-token-5f2b8c"
BASIC = base64.b64encode(b"alice:customers-own-password").decode()
PASSED = "customers-password-9c81d2e7"
AUTH = {"type": "basic", "username": "alice", "password": PASSED}
HEADERS = {"authorization": f"Bearer {TOKEN}", "x-basic": f"Basic {BASIC}"}


@dataclass(frozen=True)
class Filled:
    """Whom and what the database holds, and each secret by its name."""

    customer: Customer
    root: User
    carol: User
    keys: tuple[str, str]
    secrets: dict[str, str | bytes]

    def needles(self) -> Iterator[tuple[str, str]]:
        """Each secret in every form in which it could lie about: as it is, in hex, in base64."""
        for name, secret in self.secrets.items():
            raw = secret.encode() if isinstance(secret, str) else secret
            if isinstance(secret, str):
                yield name, secret
            yield name, raw.hex()
            yield name, base64.b64encode(raw).decode()

    def found_in(self, text: str) -> set[str]:
        """The names of the secrets that can be read in a text."""
        lowered = text.lower()
        return {name for name, needle in self.needles() if needle in text or needle.lower() in lowered}


def fill(receiver: Receiver, dead_port: int) -> Filled:
    """Make one of everything, and use it."""
    customer = Customer.objects.create(name="Alice & Co", uid="alice")
    root, carol = a_superuser(), a_member(customer)
    service, service_key = create_api_key("billing", list(ApiKey.Scope.values), actor="user:root")
    _, customer_key = create_api_key("own", ["read", "manage"], customer=customer, actor="user:root")
    endpoint, first = create_endpoint(customer, {"url": receiver.url, "headers": HEADERS}, actor="user:root")
    second = rotate_secret(endpoint, actor="user:root")
    dead, third = create_endpoint(customer, {"url": f"http://127.0.0.1:{dead_port}/", "auth": AUTH}, actor="user:root")
    factor = a_factor(carol)
    link = create_link(customer, actor=f"key:{service.name}")[1]
    secrets: dict[str, str | bytes] = {
        "first secret": first,
        "second secret": second,
        "third secret": third,
        "header token": TOKEN,
        "header basic": BASIC,
        "password of an endpoint": PASSED,
        "service key": service_key,
        "customer key": customer_key,
        "password": PASSWORD,
        "seed of the second factor": factor.open_seed(),
        "seed as text": factor.open_text(),
        "backup code": second_factor.new_backup_codes(carol)[0],
        "portal link": link,
        "welcome link": login_token(carol.memberships.get(), actor="user:root")[1],  # type: ignore[attr-defined]
        "session key": settings.SECRET_KEY,
    }
    secrets |= {f"key of {name}": parse_secret(text).value for name, text in list(secrets.items())[:3]}
    secrets |= {f"encryption key {key_id}": base64.b64decode(text) for key_id, text in settings.ENCRYPTION_KEYS}
    use(receiver, endpoint, dead)
    return Filled(customer, root, carol, (service_key, customer_key), secrets)


def use(receiver: Receiver, endpoint: Endpoint, dead: Endpoint) -> None:
    """Deliver: to one that is content, one that fails, one that throws back what it got, and one that is not there."""
    for answer in (no_news, failing, echoing):
        receiver.answer = answer
        emit(endpoint)
        let_time_pass(endpoint)
        take_turn(endpoint)
    emit(dead)
    take_turn(dead)
    assert EndpointSecret.objects.count() == 3


def no_news(request: Request) -> Answer:
    """A receiver that is content."""
    return 204, {}, b""


def failing(request: Request) -> Answer:
    """A receiver with a mistake of its own."""
    return 500, {}, b"Traceback: boom"


def echoing(request: Request) -> Answer:
    """An inspector of requests, as people use them for trying things out."""
    lines = "\n".join(f"{name}: {value}" for name, value in request.headers)
    return 400, {"x-you-sent": request.header("authorization") or ""}, lines.encode()


def log_in_badly(username: str) -> None:
    """The right password at the wrong name, and a wrong one."""
    for name in (username + "x", username):
        Client().post("/admin/login/", {"username": name, "password": PASSWORD + ("" if name != username else "!")})
