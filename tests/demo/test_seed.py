"""A month that is made up for looking at: its figures agree with each other."""

from __future__ import annotations

import pytest
from django.db.models import Sum
from django.utils import timezone

from deliveries.demo.seed import FIRMS, fill
from deliveries.models import Attempt, Customer, Delivery, DueDelivery, Endpoint, EndpointHour, Event, FailureGroup
from deliveries.models.rollup import ALL_ENDPOINTS
from deliveries.protocol.answers.outcome import EXPLANATIONS
from deliveries.protocol.checking.signature_check import ReceivedRequest
from deliveries.services.bodies.signature_check import check_attempt
from deliveries.services.endpoints import create_endpoint


@pytest.mark.django_db
def test_a_made_up_month_hangs_together_and_is_made_up_once(receiver_ports: list[int]) -> None:
    def register(uid: str, types: list[str]) -> str:
        fields = {"url": f"http://127.0.0.1:{receiver_ports[0]}/", "event_types": types}
        return create_endpoint(Customer.objects.get(uid=uid), fields, actor="system")[0].public_id

    made = fill(register)
    assert made == Delivery.objects.count() > 200
    assert Attempt.objects.count() == Delivery.objects.aggregate(all=Sum("attempts"))["all"]
    assert not Attempt.objects.filter(started_at__gt=timezone.now()).exists()
    assert not Delivery.objects.filter(finished_at__gt=timezone.now()).exists()
    for endpoint in Endpoint.objects.exclude(
        state="enabled"
    ):  # what came since it was stopped is held, and nothing sent
        since = endpoint.delivery_set.filter(created_at__gt=endpoint.state_changed_at)
        assert set(since.values_list("state", flat=True)) == {"held"}
        assert DueDelivery.objects.filter(endpoint_id=endpoint.pk, due_at=None).count() == since.count()
    assert Attempt.objects.filter(error="gone").count() == 1  # it disabled the endpoint
    given_up = Delivery.objects.filter(state="exhausted")
    for group in FailureGroup.objects.filter(error__in=given_up.values("error")):
        assert group.deliveries == given_up.filter(endpoint_id=group.endpoint_id).count()
    sums = [ALL_ENDPOINTS], Customer.objects.values("id"), Endpoint.objects.values("id")
    whole, by_customer, by_endpoint = (
        EndpointHour.objects.filter(endpoint_id__in=each).aggregate(all=Sum("attempts"))["all"] for each in sums
    )
    assert whole == by_customer == by_endpoint > 0
    for attempt in Attempt.objects.filter(delivery__in=given_up.filter(error="http_4xx"))[:3]:  # it can be checked
        event = Event.objects.get(pk=attempt.delivery.event_id)
        check, _ = check_attempt(attempt, event, attempt.delivery.endpoint, ReceivedRequest())
        assert check.is_right
        assert check.clock is None or not check.clock.is_fault
    assert fill(register) == 0
    assert Customer.objects.filter(uid__in=[firm.uid for firm in FIRMS]).count() == len(FIRMS)


def test_it_fails_only_as_deliveries_fail() -> None:
    errors = {kind.error for firm in FIRMS for kind in firm.endpoints} - {""}
    assert errors
    assert errors <= EXPLANATIONS.keys()
