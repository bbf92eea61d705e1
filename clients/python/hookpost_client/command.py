"""`hookpost-client listen` and `trigger`: the client at a terminal.

What lives here: arguments, and a line for each delivery. It must not know how deliveries are followed.
"""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress

import httpx

from hookpost_client.errors import ApiError
from hookpost_client.listening import Local, deliveries_from_now, forward, refusal_of
from hookpost_client.session import connect

KEY_VARIABLE = "HOOKPOST_KEY"
SECRET_VARIABLE = "HOOKPOST_SECRET"  # noqa: S105  # the name of it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    key = os.environ.get(KEY_VARIABLE, "")
    if not key:
        print(f"error: {KEY_VARIABLE} holds no API key", file=sys.stderr)
        return 2
    try:
        with connect(options.server, key) as client:
            options.run(client.get_httpx_client(), options)
    except (ApiError, httpx.HTTPError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def listen(api: httpx.Client, options: argparse.Namespace) -> None:
    """Forward what the endpoint gets until Ctrl-C."""
    path = _endpoint(api, options)
    endpoint = api.get(path).json()
    if refusal := refusal_of(endpoint):
        raise ValueError(refusal)
    secret = os.environ.get(SECRET_VARIABLE) or f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    local = Local(url=options.to, secret=secret, payload_mode=endpoint["payload_mode"])
    print(f"What {endpoint['url']} gets goes to {options.to} too. Stop with Ctrl-C.")
    if SECRET_VARIABLE not in os.environ:
        print(f"Signed with {secret}", flush=True)
    query = {"customer": endpoint["customer"], "endpoint": endpoint["id"]}
    with suppress(KeyboardInterrupt):
        for row in deliveries_from_now(api, query, tell=lambda text: print(text, file=sys.stderr, flush=True)):
            answer = forward(api, row, local)
            print(answer.status_code if answer else "nobody answers", row["type"], row["id"], flush=True)


def trigger(api: httpx.Client, options: argparse.Namespace) -> None:
    """Send the example of an event type to the endpoint."""
    path = _endpoint(api, options)
    print(api.post(f"{path}/test", json={"type": options.type}).json()["id"])


def _endpoint(api: httpx.Client, options: argparse.Namespace) -> str:
    customer = options.customer
    if customer is None:
        rows = api.get("/api/v1/customers", params={"limit": "2"}).json()["results"]
        if len(rows) != 1:
            raise ValueError("the key sees more than one customer, or none: say which with --customer")
        customer = rows[0]["id"]
    return f"/api/v1/customers/{customer}/endpoints/{options.endpoint}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("hookpost-client", description=f"The API key is in {KEY_VARIABLE}.")
    commands = parser.add_subparsers(required=True)
    for run in (listen, trigger):
        command = commands.add_parser(run.__name__, help=run.__doc__)
        command.set_defaults(run=run)
        command.add_argument("--server", required=True, help="Where Hookpost is, such as https://hooks.example.com.")
        command.add_argument("--endpoint", required=True, help="Its id or uid.")
        command.add_argument("--customer", help="Id or uid; not needed with a customer's key.")
        if run is listen:
            command.add_argument("--to", required=True, help="Such as http://localhost:3000/hook.")
        else:
            command.add_argument("type", help="An event type, such as invoice.paid.")
    return parser
