"""The whole job with the client that openapi-python-client generated: URL KEY TARGET."""

import sys
import time
from http import HTTPStatus

from client import AuthenticatedClient
from client.api.customers import create_customer, get_customer
from client.api.deliveries import get_delivery, list_attempts, list_deliveries, redeliver
from client.api.endpoints import create_endpoint, get_endpoint
from client.api.events import emit_event
from client.models import (
    CustomerRequest,
    EndpointRequest,
    InvoicePaidEventData,
    InvoicePaidEventDataLine,
    NewEventRequest,
    NewEventRequestData,
    Problem,
    ReasonRequest,
)

url, key, target = sys.argv[1:]
hookpost = AuthenticatedClient(base_url=url, token=key, raise_on_unexpected_status=True)

customer = create_customer.sync(client=hookpost, body=CustomerRequest(name="Acme", uid="acme"))
endpoint = create_endpoint.sync(
    "acme", client=hookpost, body=EndpointRequest(url=target, uid="main", retry_schedule=[0])
)
assert endpoint.secret.startswith("whsec_")
assert (endpoint.state.value, endpoint.health.state.value, endpoint.rate_limit) == ("enabled", "unknown", None)

data = InvoicePaidEventData(lines=[InvoicePaidEventDataLine(amount=7)])
event = NewEventRequest(customer="acme", type_="invoice.paid", data=NewEventRequestData.from_dict(data.to_dict()))
accepted = emit_event.sync(client=hookpost, body=event, idempotency_key="invoice-7")
assert accepted.deliveries == 1

while True:
    (delivery,) = list_deliveries.sync(client=hookpost, customer="acme", endpoint="main").results
    if delivery.state != "pending":
        break
    assert delivery.waiting_for.reason.value == "schedule"
    time.sleep(0.05)
assert (delivery.state, delivery.status_code, delivery.event) == ("exhausted", 500, accepted.id)
assert get_endpoint.sync("acme", "main", client=hookpost).health.state.value == "failing"

sent = redeliver.sync_detailed(delivery.id, client=hookpost, body=ReasonRequest(reason="mended"))
assert sent.status_code == HTTPStatus.ACCEPTED
while get_delivery.sync(delivery.id, client=hookpost).state != "succeeded":
    time.sleep(0.05)
assert [each.status_code for each in list_attempts.sync(delivery.id, client=hookpost).results] == [204, 500]

gone = get_customer.sync("nosuch", client=hookpost)
assert isinstance(gone, Problem)
assert gone.status == 404
print("done")
