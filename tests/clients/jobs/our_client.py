"""The whole job with our own client: URL KEY TARGET."""

import asyncio
import sys
import time

from hookpost_client import Invalid, NotFound, async_pages, connect, pages
from hookpost_client.generated.api.customers import create_customer, get_customer
from hookpost_client.generated.api.deliveries import get_delivery, list_deliveries, redeliver
from hookpost_client.generated.api.endpoints import create_endpoint
from hookpost_client.generated.api.events import emit_event, list_events
from hookpost_client.generated.models import (
    CustomerRequest,
    EndpointRequest,
    NewEventRequest,
    NewEventRequestData,
    ReasonRequest,
)

url, key, target = sys.argv[1:]
hookpost = connect(url, key)
create_customer.sync(client=hookpost, body=CustomerRequest(name="Acme", uid="acme"))
endpoint = EndpointRequest(url=target, uid="main", retry_schedule=[0], event_types=["invoice.paid"])
assert create_endpoint.sync("acme", client=hookpost, body=endpoint).secret.startswith("whsec_")


def an_event(name: str, number: int) -> NewEventRequest:
    return NewEventRequest(customer="acme", type_=name, data=NewEventRequestData.from_dict({"number": number}))


async def emit_the_others() -> None:
    for number in range(4):
        await emit_event.asyncio(client=hookpost, body=an_event("invoice.void", number))
    found = [each async for each in async_pages(list_events.asyncio, client=hookpost, customer="acme", limit=2)]
    assert [each.body.type_ for each in found].count("invoice.void") == 4


accepted = emit_event.sync(client=hookpost, body=an_event("invoice.paid", 7))
asyncio.run(emit_the_others())
assert len([*pages(list_events.sync, client=hookpost, customer="acme", limit=2)]) == 5

while True:
    (delivery,) = pages(list_deliveries.sync, client=hookpost, customer="acme")
    if delivery.state != "pending":
        break
    time.sleep(0.05)
assert (delivery.state, delivery.event) == ("exhausted", accepted.id)
redeliver.sync(delivery.id, client=hookpost, body=ReasonRequest(reason="mended"))
while get_delivery.sync(delivery.id, client=hookpost).state != "succeeded":
    time.sleep(0.05)

refusal: Exception | None = None
try:
    get_customer.sync("nosuch", client=hookpost)
except NotFound as error:
    refusal = error
assert refusal is not None
try:
    create_endpoint.sync("acme", client=hookpost, body=EndpointRequest(url="http://10.0.0.1/"))
except Invalid as error:
    refusal = error
assert isinstance(refusal, Invalid)
assert [each["pointer"] for each in refusal.errors] == ["/url"]
print("done")
