"""What is left of a deleted customer: its log, for staff, until it is too old."""

from __future__ import annotations

from django.test import Client

from deliveries.services.customers import delete_customer
from deliveries.services.endpoints import delete_endpoint
from tests.pages.conftest import House


def test_staff_read_the_log_of_a_deleted_customer(bob: Client, acme: House, globex: House) -> None:
    customer = acme.customer.public_id
    delete_customer(acme.customer, actor="key:ops")
    listed = bob.get("/admin/deliveries/delivery/").content.decode()
    assert acme.delivery.public_id in listed
    assert globex.delivery.public_id in listed
    page = bob.get(f"/admin/deliveries/delivery/{acme.delivery.public_id}/change/")
    assert page.status_code == 200
    assert customer in page.content.decode()
    assert "203.0.113.7:443" in page.content.decode()
    assert "Redeliver" not in page.content.decode()
    assert acme.event.public_id in bob.get("/admin/deliveries/event/").content.decode()
    event = bob.get(f"/admin/deliveries/event/{acme.event.public_id}/change/").content.decode()
    assert acme.delivery.public_id in event
    assert "deleted" in event
    found = bob.get(f"/admin/deliveries/delivery/?q={customer}").content.decode()
    assert acme.delivery.public_id in found
    assert globex.delivery.public_id not in found


def test_what_is_deleted_is_not_sent_again(alice: Client, acme: House) -> None:
    path = f"/admin/deliveries/delivery/{acme.delivery.public_id}/redeliver/"
    delete_endpoint(acme.endpoint, actor="key:ops")
    assert "The endpoint was deleted." in alice.post(path, follow=True).content.decode()
    delete_customer(acme.customer, actor="key:ops")
    assert "The endpoint was deleted." in alice.post(path, follow=True).content.decode()


def test_members_read_the_log_of_a_deleted_endpoint(carol: Client, acme: House) -> None:
    delete_endpoint(acme.endpoint, actor="key:ops")
    listed = carol.get("/portal/deliveries/delivery/").content.decode()
    assert acme.delivery.public_id in listed
    page = carol.get(f"/portal/deliveries/delivery/{acme.delivery.public_id}/change/").content.decode()
    assert "deleted" in page
    assert "Redeliver" not in page
