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
from typing import cast
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook

from hookpost_client.errors import ApiError
from hookpost_client.listening import Local, deliveries_from_now, forward, refusal_of
from hookpost_client.session import connect

KEY_VARIABLE = "HOOKPOST_KEY"
SECRET_VARIABLE = "HOOKPOST_SECRET"  # noqa: S105  # the name of it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key or not key.isascii():
        print(f"error: {KEY_VARIABLE} holds no API key", file=sys.stderr)
        return 2
    try:
        with connect(options.server, key) as client:
            options.run(client.get_httpx_client(), options)
    except httpx.TransportError as error:
        print(f"error: {options.server} cannot be reached: {error}", file=sys.stderr)
        return 1
    except (ApiError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def listen(api: httpx.Client, options: argparse.Namespace) -> None:
    """Forward what the endpoint gets until Ctrl-C."""
    endpoint = _asked(api, _endpoint(api, options))
    if refusal := refusal_of(endpoint):
        raise ValueError(refusal)
    local = Local(url=options.to, secret=_secret(), payload_mode=str(endpoint["payload_mode"]))
    print(f"What {endpoint['url']} gets goes to {options.to} too. Stop with Ctrl-C.")
    if endpoint["state"] != "enabled":
        print(f"The endpoint is {endpoint['state']}: what it gets is held there, and comes here all the same.")
    if not os.environ.get(SECRET_VARIABLE):
        print(f"Signed with {local.secret}")
    sys.stdout.flush()
    query = {"customer": str(endpoint["customer"]), "endpoint": str(endpoint["id"])}
    with suppress(KeyboardInterrupt):
        for row, event in deliveries_from_now(api, query, tell=lambda text: print(text, file=sys.stderr, flush=True)):
            answer = forward(row, event, local)
            said = answer.status_code if isinstance(answer, httpx.Response) else f"no answer ({answer}):"
            print(said, row["type"], row["id"], flush=True)


def trigger(api: httpx.Client, options: argparse.Namespace) -> None:
    """Send the example of an event type to the endpoint."""
    path = _endpoint(api, options)
    print(_read(api.post(f"{path}/test", json={"type": options.type}))["id"])


def _secret() -> str:
    """Return what requests are signed with: the secret that was given, or one for this run."""
    given = os.environ.get(SECRET_VARIABLE, "")
    if not given:
        return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    refusal = f"{SECRET_VARIABLE} holds no secret of Standard Webhooks: whsec_ and base64"
    if not given.removeprefix("whsec_"):
        raise ValueError(refusal)
    try:
        Webhook(given)
    except ValueError as error:
        raise ValueError(refusal) from error
    return given


def _asked(api: httpx.Client, path: str, **params: str) -> dict[str, object]:
    return _read(api.get(path, params=params))


def _read(answer: httpx.Response) -> dict[str, object]:
    """Return what the API says; raises ValueError where something else answers."""
    with suppress(ValueError):
        members = answer.json()
        if isinstance(members, dict):
            return members
    raise ValueError(f"{answer.url} is not Hookpost's API: it answers {answer.status_code} without an object in JSON")


def _endpoint(api: httpx.Client, options: argparse.Namespace) -> str:
    customer = options.customer
    if customer is None:
        rows = cast("list[dict[str, str]]", _asked(api, "/api/v1/customers", limit="2").get("results", []))
        if len(rows) != 1:
            raise ValueError("the key sees more than one customer, or none: say which with --customer")
        customer = rows[0]["id"]
    return f"/api/v1/customers/{customer}/endpoints/{options.endpoint}"


def a_url(text: str) -> str:
    """Return a URL that requests can be made to; raises ValueError for another."""
    with suppress(ValueError):
        url = urlsplit(text)
        if url.scheme in ("http", "https") and url.hostname and url.port != 0:
            return text
    raise argparse.ArgumentTypeError(f"{text!r} is no URL such as http://localhost:3000/hook")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("hookpost-client", description=f"The API key is in {KEY_VARIABLE}.")
    commands = parser.add_subparsers(required=True)
    for run in (listen, trigger):
        command = commands.add_parser(run.__name__, help=run.__doc__)
        command.set_defaults(run=run)
        command.add_argument(
            "--server", type=a_url, required=True, help="Where Hookpost is, such as https://hooks.example.com."
        )
        command.add_argument("--endpoint", required=True, help="Its id or uid.")
        command.add_argument("--customer", help="Id or uid; not needed with a customer's key.")
        if run is listen:
            command.add_argument("--to", type=a_url, required=True, help="Such as http://localhost:3000/hook.")
        else:
            command.add_argument("type", help="An event type, such as invoice.paid.")
    return parser
