"""Emit events with our own client and print the id of each: sync|async URL KEY CUSTOMER COUNT."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

from hookpost_client import Retries, connect
from hookpost_client.generated.api.events import emit_event
from hookpost_client.generated.models import NewEventRequest, NewEventRequestData

TOGETHER = 4
way, url, key, customer, count = sys.argv[1:]
hookpost = connect(url, key, retries=Retries(number=100, first_seconds=0.05, longest_seconds=5.0))


def an_event(number: int) -> NewEventRequest:
    data = NewEventRequestData.from_dict({"number": number})
    return NewEventRequest(customer=customer, type_="invoice.paid", data=data)


def emit(number: int) -> str:
    return emit_event.sync(client=hookpost, body=an_event(number)).id


async def emit_all() -> list[str]:
    places = asyncio.Semaphore(TOGETHER)

    async def emit_one(number: int) -> str:
        async with places:
            return (await emit_event.asyncio(client=hookpost, body=an_event(number))).id

    return await asyncio.gather(*map(emit_one, range(int(count))))


if way == "async":
    print(*asyncio.run(emit_all()), sep="\n")
else:
    with ThreadPoolExecutor(TOGETHER) as pool:
        print(*pool.map(emit, range(int(count))), sep="\n")
