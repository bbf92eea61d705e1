"""What was done, on pages: words, not the name that programs give it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils.translation import override

from deliveries.admin.words.audit_actions import ACTIONS, action_choices, action_in_words
from deliveries.models import Job
from deliveries.services.common.audit import record_act
from deliveries.services.resending.jobs import ACTIONS as OF_JOBS
from tests.counters import ROOT, production_files
from tests.pages.conftest import House
from tests.pages.test_staff import addresses

NAMED = re.compile(r"(?:" + "|".join(sorted({each.partition(".")[0] for each in ACTIONS})) + r")\.[a-z_]+")
OTHERS = {  # of which the first two name alerts
    *("deliveries/models/alerts.py", "deliveries/protocol/events/operational.py"),
    "deliveries/admin/words/audit_actions.py",
}

NO_ACTIONS = {"endpoint.allowed_rate", "user.last_login", "customer.updated"}  # columns, and an event type of the demo


def written() -> Iterator[str]:
    """Every action that stands in the code, and those of jobs, which are made of their kinds."""
    for path in production_files():
        if str(path.relative_to(ROOT)) not in OTHERS:
            nodes = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
            yield from (each for each in nodes if isinstance(each, str) and NAMED.fullmatch(each))
    yield from (OF_JOBS.get(kind, f"job.{kind}") for kind in Job.Kind if kind not in (Job.Kind.ERASE, Job.Kind.IMPORT))


def test_each_action_that_is_written_has_words_and_each_word_an_action() -> None:
    assert set(written()) - NO_ACTIONS == ACTIONS.keys()
    assert len(set(ACTIONS.values())) == len(ACTIONS)


def test_an_action_that_nobody_knows_stays_as_it_is() -> None:
    assert action_in_words("robot.dance") == "robot.dance"
    with override("de"):
        assert action_in_words("endpoint.pause") == "Endpoint pausiert"


@pytest.mark.django_db
def test_no_page_shows_how_programs_name_an_action(alice: Client, carol: Client, acme: House) -> None:
    for actor, action in (("user:alice", "endpoint.pause"), ("member:carol", "endpoint.rotate_secret")):
        record_act(actor, action, customer=acme.customer, object_id=acme.endpoint.public_id)
    for client, site in ((alice, "admin"), (carol, "portal")):
        pages = [*addresses(site, acme), f"/{site}/profile/"]
        shown = {page: re.sub(r"<[^>]*>", " ", client.get(page).content.decode()) for page in pages}
        assert not {page for page, text in shown.items() if re.search(r"\bendpoint\.(?:pause|rotate_secret)\b", text)}
        assert "Endpoint paused" in shown[f"/{site}/deliveries/endpoint/{acme.endpoint.public_id}/history/"]
    assert "Secret rotated" in shown["/portal/profile/"]


@pytest.mark.django_db
def test_the_trail_is_narrowed_to_what_was_done(bob: Client, carol: Client, acme: House) -> None:
    record_act("user:bob", "endpoint.pause", customer=acme.customer, object_id=acme.endpoint.public_id)
    for client, site in ((bob, "admin"), (carol, "portal")):
        listing = client.get(f"/{site}/deliveries/auditentry/", {"action": "endpoint.pause"}).context["listing"]
        assert [row.action for row in listing.rows] == ["endpoint.pause"]
        refused = client.get(f"/{site}/deliveries/auditentry/", {"action": "endpoint.dance"})
        assert "There is no action" in refused.content.decode()


def test_members_are_offered_nothing_that_is_done_to_staff() -> None:
    offered = [action for action, _ in action_choices(is_operator=False)]
    assert "endpoint.pause" in offered
    assert not [each for each in offered if each.startswith(("staff.", "user.", "keys."))]
    assert {action for action, _ in action_choices(is_operator=True)} == ACTIONS.keys()
