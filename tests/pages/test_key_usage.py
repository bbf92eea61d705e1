"""The command beside a new key is one that the key may run."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from deliveries.models import ApiKey
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db

ADD = "/admin/deliveries/apikey/add/"


@pytest.mark.parametrize("scope", [each.value for each in ApiKey.Scope])
def test_a_new_keys_command_is_allowed_by_its_scopes(scope: str, alice: Client, acme: House) -> None:
    given = {"name": "a program", "customer": acme.customer.pk, "scopes": [scope], "expires_at": ""}
    page = alice.post(ADD, given)
    usage, key = page.context["revealed"].usage, page.context["revealed"].value
    path = re.search(r"http://testserver(\S+)", usage)
    assert path is not None
    address = path[1].replace("ep_…", acme.endpoint.public_id).replace("dlv_…", acme.delivery.public_id)
    body = re.search(r"-d '(.*)'", usage)
    headers = {"authorization": f"Bearer {key}"}
    client = Client()
    if body is None:
        answer = client.get(address, headers=headers)
    else:
        answer = client.post(address, body[1], content_type="application/json", headers=headers)
    assert answer.status_code not in (401, 403, 404, 405), answer.content
