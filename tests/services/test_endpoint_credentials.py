"""Credentials of endpoints: sealed, kept when left out, gone when the endpoint moves or ends, imported as given."""

from __future__ import annotations

import pytest
import trustme

from deliveries.errors import InvalidInput
from deliveries.models import AuditEntry, Customer, Endpoint
from deliveries.protocol.imports.hookpost import read_hookpost
from deliveries.services.endpoints import create_endpoint, delete_endpoint, update_endpoint
from deliveries.services.imports import Way, import_item

pytestmark = pytest.mark.django_db

ACTOR = "key:tests"
BASIC = {"type": "basic", "username": "hook", "password": "a-very-secret-pass1234"}
BEARER = {"type": "bearer", "token": "customers-token-of-some-length"}


@pytest.fixture
def endpoint(receiver_ports: list[int]) -> Endpoint:
    alice = Customer.objects.create(name="Alice", uid="alice")
    fields = {"uid": "main", "url": f"http://127.0.0.1:{receiver_ports[0]}/", "auth": BASIC}
    return create_endpoint(alice, fields, actor=ACTOR)[0]


def stored() -> Endpoint:
    return Endpoint.objects.get()


def test_credentials_are_sealed_and_absent_from_the_trail(endpoint: Endpoint) -> None:
    update_endpoint(endpoint, {"auth": {**BASIC, "username": "hook2"}}, actor=ACTOR)
    row = stored()
    assert row.credentials == {"auth": {**BASIC, "username": "hook2"}}
    assert row.auth == {"type": "basic", "username": "hook2", "hint": "1234"}
    everything = f"{Endpoint.objects.values()}{AuditEntry.objects.values()}{bytes(row.credentials_sealed or b'')!r}"
    assert BASIC["password"] not in everything
    assert {"fields": ["auth"]} in AuditEntry.objects.values_list("detail", flat=True)


def test_a_secret_that_is_left_out_stays_and_null_ends_it(endpoint: Endpoint) -> None:
    update_endpoint(endpoint, {"auth": {"type": "basic", "username": "other"}}, actor=ACTOR)
    assert stored().credentials["auth"] == {**BASIC, "username": "other"}
    update_endpoint(endpoint, {"description": "new"}, actor=ACTOR)
    assert stored().auth is not None
    update_endpoint(endpoint, {"auth": None}, actor=ACTOR)
    assert (stored().credentials_sealed, stored().auth) == (None, None)


def test_another_host_never_gets_the_credentials_of_the_old_one(endpoint: Endpoint, receiver_ports: list[int]) -> None:
    """Given another host, then a secret that is left out is missing, and credentials that are not named are gone."""
    moved = {"url": f"http://[::1]:{receiver_ports[1]}/"}
    with pytest.raises(InvalidInput, match="token is missing"):
        update_endpoint(endpoint, {**moved, "auth": {"type": "bearer"}}, actor=ACTOR)
    assert stored().credentials == {"auth": BASIC}
    update_endpoint(stored(), {**moved, "auth": BEARER}, actor=ACTOR)
    assert stored().credentials == {"auth": BEARER}
    update_endpoint(stored(), {"url": f"http://127.0.0.1:{receiver_ports[0]}/"}, actor=ACTOR)
    assert (stored().credentials_sealed, stored().auth) == (None, None)


def test_a_header_that_credentials_set_is_no_custom_one_too(endpoint: Endpoint) -> None:
    header = {"headers": {"Authorization": "Bearer x"}}
    with pytest.raises(InvalidInput, match="sets the header authorization"):
        update_endpoint(endpoint, header, actor=ACTOR)
    update_endpoint(endpoint, {**header, "auth": None}, actor=ACTOR)
    with pytest.raises(InvalidInput, match="sets the header authorization"):
        update_endpoint(stored(), {"auth": BEARER}, actor=ACTOR)
    large = {"headers": {"x-large": "x" * 8000}, "auth": {"type": "bearer", "token": "x" * 8000}}
    with pytest.raises(InvalidInput, match="at most 12288 bytes"):
        update_endpoint(stored(), large, actor=ACTOR)


def test_certificates_stand_beside_other_credentials_and_need_https(
    endpoint: Endpoint, receiver_ports: list[int]
) -> None:
    tls = {"ca": trustme.CA().cert_pem.bytes().decode()}
    with pytest.raises(InvalidInput, match="begins with https") as refused:
        update_endpoint(endpoint, {"tls": tls}, actor=ACTOR)
    assert refused.value.field == "tls"
    update_endpoint(stored(), {"url": f"https://127.0.0.1:{receiver_ports[0]}/", "tls": tls}, actor=ACTOR)
    assert stored().credentials == {"auth": BASIC, "tls": tls}
    assert stored().tls is not None
    with pytest.raises(InvalidInput, match="begins with https"):
        update_endpoint(stored(), {"url": f"http://127.0.0.1:{receiver_ports[0]}/"}, actor=ACTOR)
    update_endpoint(stored(), {"auth": None}, actor=ACTOR)
    assert stored().credentials == {"tls": tls}
    update_endpoint(stored(), {"url": f"https://[::1]:{receiver_ports[1]}/"}, actor=ACTOR)
    assert (stored().credentials_sealed, stored().tls) == (None, None)


def test_a_deleted_endpoint_has_no_credentials(endpoint: Endpoint) -> None:
    delete_endpoint(endpoint, actor=ACTOR)
    assert (stored().credentials_sealed, stored().auth) == (None, None)


def test_an_import_brings_credentials_once_and_says_when_an_export_has_none(endpoint: Endpoint) -> None:
    def results(**fields: object) -> list[tuple[str, str]]:
        document = {"customers": [{"uid": "alice", "name": "Alice", "endpoints": [{"uid": "main", **fields}]}]}
        outcomes = [import_item(item, Way(actor=ACTOR)) for item in read_hookpost(document)]
        return [(str(outcome.result), outcome.detail) for outcome in outcomes][1:]

    assert results(auth=BEARER) == [("changed", "auth")]
    assert results(auth=BEARER) == [("unchanged", "")]
    assert stored().credentials == {"auth": BEARER}
    note = "auth came without its secret and is to be set again"
    assert results(auth=stored().auth) == [("unchanged", note)]
    assert results(auth="Bearer x") == [("refused", "auth: must be an object of texts or null")]
