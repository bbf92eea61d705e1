"""What the tests of mailed alerts stand on.

What lives here: somebody to write to, and a mail server. It must not know what is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.services.mailing import CAROL, OPERATOR, use
from tests.settings import SETTINGS
from tests.smtp_server import MailServer

if TYPE_CHECKING:  # this file is read before Django is set up
    from deliveries.models import Endpoint


@pytest.fixture(autouse=True)
def no_filter_is_dear(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is: no statement is cut off, no turn ends early, and who is dear does not rest."""
    for limit, seconds in (("PART_SECONDS", 60.0), ("TURN_SECONDS", 60.0), ("DEAR_SECONDS", 60.0)):
        monkeypatch.setattr(f"deliveries.services.accepting.filter_judge.{limit}", seconds)


@pytest.fixture
def shop(db: None) -> Endpoint:
    """An endpoint whose customer has a member with an address."""
    from deliveries.services.people.members import add_member
    from tests.engine.steps import an_endpoint

    endpoint = an_endpoint("https://93.184.216.34/in", description="The shop")
    add_member(endpoint.customer, "carol", email=CAROL, actor="user:root")
    return endpoint


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator wants alerts too."""

    monkeypatch.setattr(SETTINGS, "alert_mail", (OPERATOR,))


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    """A mail server that letters go to over the wire."""
    with MailServer() as server:
        use(server.port, settings)
        yield server
