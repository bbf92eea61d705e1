"""The whole job with the client that openapi-generator made for Python: URL KEY TARGET."""

import sys
import time

import hookpost_client as hp
from hookpost_client.exceptions import NotFoundException

url, key, target = sys.argv[1:]
api = hp.ApiClient(hp.Configuration(host=url, access_token=key))
customers, endpoints = hp.CustomersApi(api), hp.EndpointsApi(api)
events, deliveries = hp.EventsApi(api), hp.DeliveriesApi(api)

customer = customers.create_customer(hp.CustomerRequest(name="Acme", uid="acme"))
endpoint = endpoints.create_endpoint("acme", hp.EndpointRequest(url=target, uid="main", retry_schedule=[0]))
assert endpoint.secret.startswith("whsec_")
assert (endpoint.state.value, endpoint.health.state.value, endpoint.rate_limit) == ("enabled", "unknown", None)

data = hp.InvoicePaidEventData(lines=[hp.InvoicePaidEventDataLine(amount=7)])
event = hp.NewEventRequest(customer="acme", type="invoice.paid", data=data.to_dict())
accepted = events.emit_event(event, idempotency_key="invoice-7")
assert accepted.deliveries == 1

while True:
    (delivery,) = deliveries.list_deliveries(customer="acme", endpoint="main").results
    if delivery.state != "pending":
        break
    assert delivery.waiting_for.reason.value == "schedule"
    time.sleep(0.05)
assert (delivery.state, delivery.status_code, delivery.event) == ("exhausted", 500, accepted.id)
assert endpoints.get_endpoint("acme", "main").health.state.value == "failing"

deliveries.redeliver(delivery.id, hp.ReasonRequest(reason="mended"))
while deliveries.get_delivery(delivery.id).state != "succeeded":
    time.sleep(0.05)
assert [each.status_code for each in deliveries.list_attempts(delivery.id).results] == [204, 500]

registered = hp.EventTypesApi(api).get_event_type("invoice.paid")
assert "$defs" in registered.var_schema
try:
    raise AssertionError(f"found {customers.get_customer('nosuch')}")
except NotFoundException as error:
    status = error.data.status
assert status == 404
print("done")
