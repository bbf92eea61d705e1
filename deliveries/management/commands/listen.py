"""`manage.py listen`: forwards a customer's events to a URL on this machine, signed as in production.

What lives here: the command line, and the loop. It must not know how the feed is read or a request is
signed. It asks no database: the key and the address of the API are all it needs.
"""

from __future__ import annotations

import getpass
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.console import Console

from deliveries.conf import conf
from deliveries.errors import InvalidInput
from deliveries.listen import screen
from deliveries.listen.api import Api, checked_url, endpoint_settings, find_customer
from deliveries.listen.feed import Feed, as_pinned, follow, start_of
from deliveries.listen.forward import LocalServer, forward, new_secret
from deliveries.management.command import HookpostCommand
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.signing.profiles import PROFILES, check_key, check_signing
from deliveries.protocol.signing.secrets import SigningKey, check_secret, read_secret

KEY_VARIABLE = "HOOKPOST_KEY"
ASK = "-"


class Command(HookpostCommand):
    """Forward events to a local server."""

    help = "Forward a customer's events to a URL on this machine, signed as in production, until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--key",
            help="An API key that may read, best a customer's. Better not here, where the shell's history and the list"
            f" of processes show it: it is taken from {KEY_VARIABLE}, from --key-file, or asked for.",
        )
        parser.add_argument("--key-file", help="A file that holds the key; its first line is read.")
        parser.add_argument("--url", required=True, help="Where to forward to, such as http://localhost:3000/hook.")
        parser.add_argument("--server", default=conf.base_url, help="Where Hookpost is; now %(default)s.")
        parser.add_argument("--customer", help="Id or uid; not needed with a customer's key.")
        parser.add_argument("--types", default="", help="Names, or families such as invoice.*, with commas; all.")
        parser.add_argument("--since", help="RFC 3339, or 10m, 2h, 1d ago; otherwise from now on.")
        parser.add_argument("--after", help="Go on after this event, evt_….")
        parser.add_argument("--secret", help="The endpoint's; - asks for it; made for this run when absent.")
        parser.add_argument("--signing", choices=PROFILES, help="Signing profile; the endpoint's, or standard.")
        parser.add_argument("--endpoint", help="Id or uid: send what this endpoint is sent, its payload and signing.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Forward until Ctrl-C, then say what came."""
        console = Console(highlight=False)
        server = _server(options)
        api = Api(base_url=checked_url(options["server"], "--server"), key=_key(options))
        tally = screen.Tally()
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            feed = _feed(api, options)
            server = _as_endpoint(server, api, feed.customer, options)
            screen.note(console, f"Events of {feed.customer} go to {server.url}. Stop with Ctrl-C.", style="")
            if not options["secret"]:
                screen.note(console, f"Signed with {server.secret}", style="")
            _run(console, api, feed, server, tally, is_endpoints=bool(options["endpoint"]))
        except KeyboardInterrupt:
            screen.summary(console, tally)
        finally:
            signal.signal(signal.SIGTERM, before)


def _run(
    console: Console, api: Api, feed: Feed, server: LocalServer, tally: screen.Tally, *, is_endpoints: bool
) -> None:
    def tell(text: str) -> None:
        screen.note(console, text)

    for event in follow(api, feed, tell=tell):
        pinned = as_pinned(api, event, server.shaping.api_version) if is_endpoints else event
        answer = pinned if isinstance(pinned, Answer) else forward(pinned, server, tell=tell)
        tally.last = event.id
        if screen.is_success(answer):
            tally.succeeded += 1
        else:
            tally.failed += 1
        screen.event_line(console, event, answer, now=datetime.now().astimezone())


def _as_endpoint(server: LocalServer, api: Api, customer: str, options: Mapping[str, str]) -> LocalServer:
    """Return the server as it is sent to where requests are made as an endpoint's."""
    if not options["endpoint"]:
        return server
    settings = endpoint_settings(api, customer, options["endpoint"])
    signing = options["signing"] or check_signing(settings.signing)
    key = _key_of(server.secret, signing)
    return replace(server, key=key, signing=signing, shaping=settings.shaping, source=api.base_url.rstrip("/"))


def _feed(api: Api, options: dict[str, Any]) -> Feed:
    customer, answer = find_customer(api, options["customer"])
    start = start_of(since=options["since"], after=options["after"], answer=answer)
    return Feed(customer=customer, types=options["types"], start=start)


def _server(options: dict[str, Any]) -> LocalServer:
    given = _hidden("Secret: ") if options["secret"] == ASK else options["secret"]
    secret = given or new_secret()
    signing = options["signing"] or "standard"
    url = checked_url(options["url"], "--url")
    if options["endpoint"]:  # whose scheme is not known yet
        return LocalServer(url=url, key=SigningKey("text", b""), secret=secret)
    return LocalServer(url=url, key=_key_of(secret, signing), secret=secret, signing=signing)


def _key_of(secret: str, signing: str) -> SigningKey:
    try:
        key = read_secret(check_secret(secret, signing=signing))
        check_key(signing, key)
    except InvalidInput as error:
        raise CommandError(f"--{error.field}: {error.detail}") from error
    return key


def _key(options: dict[str, Any]) -> str:
    given: str | None = options["key"]
    if given and given != ASK:
        return given.strip()
    if options["key_file"]:
        return _first_line(options["key_file"])
    found = os.environ.get(KEY_VARIABLE, "") if given is None else ""
    return found.strip() or _hidden("API key: ")


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--key-file: {path} cannot be read ({type(error).__name__})") from error


def _hidden(prompt: str) -> str:
    return (getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()).strip()
