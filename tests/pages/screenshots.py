"""Makes docs/screenshots: `make screenshots`. A month of an ordinary installation, looked at by Chromium.

What lives here: which pages, how wide, in which colours. It must not know how the month is made.
"""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from django.contrib.auth.models import User

from deliveries.demo.seed import fill
from deliveries.models import Customer, Delivery, Endpoint, FailureGroup
from deliveries.services.endpoints import create_endpoint
from deliveries.services.people.members import add_member
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, log_in, new_context

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

Scheme = Literal["light", "dark"]

pytestmark = NEEDS_CHROMIUM
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
QUALITY = 75
SIZES = {"": (1360, 900), "-phone": (420, 860)}
SCHEMES: Mapping[Scheme, str] = {"light": "", "dark": "-dark"}
NUMBER_TO_COME = "[data-hp-number-of]:empty"  # it is asked for once the page is there
ALSO_DARK_AND_SMALL = ("overview", "delivery")


@dataclass(frozen=True, kw_only=True)
class Look:
    """One window, and the names of the pictures that are taken in it by those of the pages."""

    width: int
    height: int
    scheme: Scheme
    pictures: dict[str, str]


def keep(page: Page, name: str) -> None:
    """Write what is to be seen, as WebP: a third of a PNG."""
    session = page.context.new_cdp_session(page)
    shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    (FOLDER / f"{name}.webp").write_bytes(b64decode(shot["data"]))
    session.detach()


def pages_of(site: str) -> dict[str, str]:
    """What is shown of a site, by the name of its picture."""
    failed = Delivery.objects.filter(endpoint__url__endswith="/billing", state="exhausted").order_by("-id")[0]
    group = FailureGroup.objects.get(endpoint__url__endswith="/billing")
    endpoint = Endpoint.objects.get(url__endswith="/billing")
    return {
        "overview": f"/{site}/",
        "failures": f"/{site}/deliveries/failuregroup/",
        "failure": f"/{site}/deliveries/failuregroup/{group.public_id}/change/",
        "deliveries": f"/{site}/deliveries/delivery/",
        "delivery": f"/{site}/deliveries/delivery/{failed.public_id}/change/",
        "signature": f"/{site}/deliveries/delivery/{failed.public_id}/signature/",
        "endpoints": f"/{site}/deliveries/endpoint/",
        "endpoint": f"/{site}/deliveries/endpoint/{endpoint.public_id}/change/",
    }


def registered(uid: str, types: list[str], *, port: int) -> str:
    """Register an endpoint; returns its id."""
    fields = {"url": f"http://127.0.0.1:{port}/", "event_types": types}
    return create_endpoint(Customer.objects.get(uid=uid), fields, actor="system")[0].public_id


def looks(site: str, names: Iterable[str]) -> Iterator[Look]:
    """How the pages of a site are looked at: all on a light screen, two of them in the dark and on a telephone too."""
    for size, (scheme, dark) in product(SIZES, SCHEMES.items()):
        shown = [name for name in names if name in ALSO_DARK_AND_SMALL] if size or dark else list(names)
        ending = f"{dark}{size}"
        pictures = {name: f"{'staff' if site == 'admin' else 'portal'}-{name}{ending}" for name in shown}
        yield Look(width=SIZES[size][0], height=SIZES[size][1], scheme=scheme, pictures=pictures)


def take(page: Page, addresses: dict[str, str], pictures: dict[str, str]) -> None:
    """Open each page, wait until it stands still, and keep its picture."""
    for name, picture in pictures.items():
        page.goto(addresses[name])
        page.wait_for_function("!document.querySelector('html[x-cloak]') && document.fonts.status === 'loaded'")
        page.wait_for_selector(NUMBER_TO_COME, state="detached")
        if name == "overview":
            page.wait_for_function("Chart.getChart(document.querySelector('canvas')) !== undefined")
        keep(page, picture)


def test_make_screenshots(browser: Browser, live_server: LiveServer, receiver_ports: list[int]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    fill(lambda uid, types: registered(uid, types, port=receiver_ports[0]))
    member = add_member(Customer.objects.get(uid="acme"), "carol", email="carol@acme.example", actor="system")
    people = {"admin": User.objects.create_superuser("alice", password=PASSWORD), "portal": member.user}
    began = time.time()
    made: list[str] = []
    for site, user in people.items():
        addresses = pages_of(site)
        for look in looks(site, addresses):
            context = new_context(
                browser,
                base_url=live_server.url,
                viewport={"width": look.width, "height": look.height},
                color_scheme=look.scheme,
                timezone_id="Europe/Berlin",
            )
            page = context.new_page()
            log_in(page, user, site=site)
            take(page, addresses, look.pictures)
            context.close()
            made += look.pictures.values()
    assert sorted(made) == sorted(file.stem for file in FOLDER.glob("*.webp") if file.stat().st_mtime >= began)
