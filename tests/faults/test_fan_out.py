"""The accepting process is killed in the middle of a large fan-out: another goes on, and nothing is lost or doubled."""

from __future__ import annotations

from deliveries.models import Customer, Delivery, DueDelivery, Endpoint, FanOut, Lane
from tests.faults.calling import Caller
from tests.faults.cluster import Cluster, kill

ENDPOINTS = 4000


def many_endpoints(customer: Customer) -> None:
    """Endpoints whose lanes rest: nothing is sent here."""
    made = Endpoint.objects.bulk_create(
        Endpoint(customer=customer, url="https://example.com/hook") for _ in range(ENDPOINTS)
    )
    Lane.objects.bulk_create(Lane(endpoint=each, rest_until="2099-01-01T00:00:00Z") for each in made)


def test_a_web_process_killed_in_a_fan_out_loses_and_doubles_nothing(cluster: Cluster) -> None:
    from deliveries.services.people.api_keys import create_api_key

    _, key = create_api_key("tests", ["events:write"], actor="user:alice")
    customer = Customer.objects.create(name="Alice & Co", uid="alice")
    many_endpoints(customer)
    web = cluster.web()
    caller = Caller(cluster.port, key=key)
    caller.emit(["alice"], 1)
    caller.close()
    cluster.eventually(Delivery.objects.exists, seconds=20, what="the first chunk")
    kill(web)
    cluster.child("dispatcher", "manage.py", "dispatcher")
    cluster.eventually(lambda: not FanOut.objects.exists(), seconds=40, what="the end of the fan-out")
    assert Delivery.objects.count() == DueDelivery.objects.count() == ENDPOINTS
    assert Delivery.objects.values("endpoint").distinct().count() == ENDPOINTS
