"""Who did something, on pages: a name and what it is the name of, not the form in which the trail keeps it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from deliveries.admin.words.actor_words import actor_in_words
from deliveries.models import Attempt, Job
from deliveries.services.common.audit import record_act
from tests.pages.conftest import House
from tests.pages.test_staff import addresses

KEPT = re.compile(r"\b(?:user|member|key|customer_key|token|customer_token):[a-z]")


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        ("user:bob", "bob (staff)"),
        ("member:carol@acme.example", "carol@acme.example (member)"),
        ("key:billing: nightly", "billing: nightly (API key)"),
        ("customer_key:sync", "sync (API key of the customer)"),
        ("token:erp", "erp (access token)"),
        ("customer_token:erp", "erp (access token of the customer)"),
        ("system", "the system"),
        ("the operator", "the operator"),
        ("", ""),
        ("someone", "someone"),
        ("user:", "user:"),
        ("robot:x", "robot:x"),
    ],
)
def test_an_actor_is_named_as_people_name_it(actor: str, words: str) -> None:
    assert actor_in_words(actor) == words


@pytest.mark.django_db
def test_no_page_shows_the_form_in_which_an_actor_is_kept(alice: Client, carol: Client, acme: House) -> None:
    Attempt.objects.update(actor="user:bob")
    for actor in ("user:bob", "member:carol", "key:billing", "system"):
        record_act(actor, "endpoint.pause", customer=acme.customer, object_id=acme.endpoint.public_id)
    for client, site in ((alice, "admin"), (carol, "portal")):
        shown = {address: client.get(address).content.decode() for address in addresses(site, acme)}
        assert not {address: found for address, text in shown.items() if (found := KEPT.findall(text))}
        trail = shown[f"/{site}/deliveries/endpoint/{acme.endpoint.public_id}/history/"]
        assert ("bob (staff)" in trail) == ("billing (API key)" in trail) == (site == "admin")
        assert "carol (member)" in trail


@pytest.mark.django_db
def test_who_did_it_is_found_by_name_as_it_is_shown_or_as_it_is_kept(bob: Client, acme: House) -> None:
    Job.objects.update(actor="user:bob")
    record_act("user:bob", "endpoint.pause", customer=acme.customer, object_id=acme.endpoint.public_id)
    for noun in ("auditentry", "job"):
        for words, number in (("bob", 1), ("user:bob", 1), ("bo", 0), ("member:bob", 0)):
            assert len(bob.get(f"/admin/deliveries/{noun}/", {"q": words}).context["listing"].lines) == number, words
