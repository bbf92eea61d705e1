"""Makes docs/screenshots: `make screenshots`. A month of an ordinary installation, looked at by Chromium.

What lives here: which pages, how wide, in which colours. It must not know how the month is made.
"""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING

from django.contrib.auth.models import User

from deliveries.demo.seed import fill
from deliveries.models import Customer, Delivery, Endpoint, FailureGroup
from deliveries.services.endpoints import create_endpoint
from deliveries.services.members import add_member
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, log_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

pytestmark = NEEDS_CHROMIUM
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
QUALITY = 75
SIZES = {"": (1360, 900), "-phone": (420, 860)}


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


def test_make_screenshots(browser: Browser, live_server: LiveServer, receiver_ports: list[int]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    fill(lambda uid, types: registered(uid, types, port=receiver_ports[0]))
    member = add_member(Customer.objects.get(uid="acme"), "carol", email="carol@acme.example", actor="system")
    people = {"admin": User.objects.create_superuser("alice", password=PASSWORD), "portal": member.user}
    for site, user in people.items():
        for size, (width, height) in SIZES.items():
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    base_url=live_server.url,
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if scheme == "dark" else "light",
                    timezone_id="Europe/Berlin",
                )
                page = context.new_page()
                page.set_default_timeout(60_000)
                log_in(page, user, site=site)
                for name, address in pages_of(site).items():
                    if (size or scheme == "dark") and name not in ("overview", "delivery"):
                        continue
                    page.goto(address)
                    page.wait_for_function(
                        "!document.querySelector('html[x-cloak]') && document.fonts.status === 'loaded'"
                    )
                    if name == "overview":
                        page.wait_for_function("Chart.getChart(document.querySelector('canvas')) !== undefined")
                    keep(
                        page,
                        f"{'staff' if site == 'admin' else 'portal'}-{name}{'-dark' if scheme == 'dark' else ''}{size}",
                    )
                context.close()
