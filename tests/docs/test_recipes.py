"""The recipes of CONTRIBUTING.md: they name files that are there, and lead to what they promise.

What lives here: the page, and a copy of the code in which what a recipe lists is done and nothing else. The copy has a
database of its own, with the tables as they were before.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.counters import production_files
from tests.production.databases import CHECKOUT, KEYS, Installation, database_with_tables

PAGE = CHECKOUT / "CONTRIBUTING.md"
NAMED = re.compile(r"`((?:deliveries|config|tests|docs)/[\w/.-]*)`")
CREATE_AND_READ = """
from deliveries.api.endpoint_shapes import show_endpoint
from deliveries.services.customers import create_customer
from deliveries.services.endpoints import create_endpoint
from deliveries.admin.endpoint.endpoint_forms import EndpointForm
customer = create_customer({"name": "Alice"}, actor="system")
endpoint, _ = create_endpoint(customer, {"url": "https://93.184.216.34/", "region": "eu"}, actor="system")
print(show_endpoint(endpoint)["region"], "region" in EndpointForm().fields)
"""

LATE = """        OperationalType(
        name=OPERATIONAL_PREFIX + "endpoint.late", description="An endpoint is late.", example=_ENDPOINT,
    ),
"""
REGIONS_VIEW = """
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from deliveries.models import visible

def regions_view(request: HttpRequest, *, site) -> HttpResponse:
    endpoints = visible.endpoints(site.viewer(request)).count()
    return render(request, "hookpost/regions.html", {"endpoints": endpoints})
"""
SEE_REGIONS = """
from django.contrib.auth.models import User
from django.test import Client
from deliveries.models import Customer, Member
from tests.browsers import logged_in
person = User.objects.create_user("bob")
Member.objects.create(customer=Customer.objects.create(name="Acme"), user=person)
for client in (Client(), logged_in(person)):
    seen = client.get("/portal/regions/", headers={"host": "127.0.0.1"})
    print(seen.status_code)
print(seen.content.decode())
"""


def recipe(title: str) -> str:
    """The text of one recipe."""
    return PAGE.read_text().partition(f"### {title}\n")[2].partition("\n### ")[0]


def steps_of(title: str) -> list[str]:
    """The file of each numbered step."""
    return [NAMED.findall(step)[0] for step in re.findall(r"^\d\. .*?(?=^\d\. |\n\n|\Z)", recipe(title), re.S | re.M)]


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Installation]:
    """A copy of the code that may be changed, compiled as far as the checkout is, with a database of its own."""
    import os

    for name in ("deliveries", "config", "docs"):
        unfinished = shutil.ignore_patterns("*.pyc.*")  # what another process is just compiling
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=unfinished)
    shutil.copy(CHECKOUT / "manage.py", tmp_path)
    with database_with_tables(os.environ["DATABASE_URL"]) as url:
        yield Installation(
            settings={**KEYS, "DATABASE_URL": url, "BROKER_URL": os.environ["BROKER_URL"]}, checkout=tmp_path
        )


def changed(copy: Installation, name: str, after: str, added: str) -> None:
    """Add text behind a mark in a file of the copy."""
    path = copy.checkout / name
    text = path.read_text()
    assert after in text, f"{name} has no {after!r} any more"
    path.write_text(text.replace(after, after + added, 1))


def managed(copy: Installation, *arguments: str) -> str:
    """What a command of the copy prints."""
    done = copy.manage(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_the_page_names_is_there() -> None:
    names = NAMED.findall(PAGE.read_text())
    assert len(names) > 25
    assert [name for name in names if not (CHECKOUT / name).exists()] == []


def test_an_endpoint_field_takes_no_more_than_six_files(copy: Installation) -> None:
    model, migrations, check, shape, form, page = steps_of("An endpoint field")
    column = '    region = models.CharField(max_length=8, blank=True, default="", db_default="")\n'
    changed(copy, model, '    url = models.TextField("URL")\n', column)
    managed(copy, "makemigrations", "deliveries", "-n", "region")
    assert [path.name for path in (copy.checkout / migrations).glob("*_region.py")] != []
    changed(copy, check, "] = {\n", '    "region": _check_text("region", limit=8),\n')
    changed(
        copy, shape, "    url = Text(max_length=URL_LIMIT)\n", "    region = Text(required=False, allow_blank=True)\n"
    )
    changed(copy, form, "PLAIN_FIELDS = (\n", '    "region",\n')
    changed(copy, form, "        fields = (", '"region", ')
    changed(copy, page, "WHERE = (", '"region", ')
    changed(copy, page, "SEEN_FIELDS = (\n", '    "region",\n')
    managed(copy, "migrate", "-v0")
    managed(copy, "makemigrations", "--check", "--dry-run")
    assert managed(copy, "shell", "--no-imports", "-c", CREATE_AND_READ).split() == ["eu", "True"]


def test_a_signing_profile_takes_one_file(copy: Installation) -> None:
    (profiles,) = steps_of("A signing profile")
    added = """
    Profile(
        name="acme", title="Acme", description="Adds Acme-Signature.", example="verify()", headers=("Acme-Signature",),
        sign=Scheme(header="Acme-Signature").sign,
    ),"""
    changed(copy, profiles, "_ALL_PROFILES = (", added)
    told = (
        "from deliveries.protocol.signing.profiles import check_signing; from deliveries.api.openapi import document;"
        "from deliveries.admin.endpoint.endpoint_forms import EndpointForm;"
        "field = EndpointForm.base_fields['signing'];"
    )
    told += "print(check_signing('acme'), 'acme' in dict(field.choices))"
    assert managed(copy, "shell", "--no-imports", "-c", told).split() == ["acme", "True"]


def test_a_delivery_state_is_named_by_mypy_wherever_it_means_something(copy: Installation) -> None:
    """Given a state more, then each file that matches all states is one that the recipe names first."""
    states = steps_of("A delivery state")[0]
    matching = {
        str(path.relative_to(CHECKOUT))
        for path in production_files()
        if "case DeliveryState." in (text := path.read_text()) and "assert_never(state)" in text
    }
    assert set(NAMED.findall(recipe("A delivery state").partition("\n2. ")[0])) == matching
    changed(copy, states, '    CANCELLED = "cancelled"\n', '    PARKED = "parked"\n')
    managed(copy, "makemigrations", "deliveries", "-n", "parked")
    managed(copy, "migrate", "-v0")
    told = "from deliveries.models import Delivery; print(dict(Delivery._meta.get_field('state').choices)['parked'])"
    assert managed(copy, "shell", "--no-imports", "-c", told).strip() == "Parked"


def test_an_alert_has_its_headline_and_its_type(copy: Installation) -> None:
    model, _, letters, types, _ = steps_of("An alert")
    changed(copy, model, "    class Kind(models.TextChoices):\n", '        LATE = "endpoint.late", "Is late"\n')
    managed(copy, "makemigrations", "deliveries", "-n", "late")
    managed(copy, "migrate", "-v0")
    changed(
        copy, letters, '    Kind.CANNOT_SEND: say("Nothing can be sent"),\n', '    Kind.LATE: say("{host} is late"),\n'
    )
    changed(copy, types, "    for each in (\n", LATE)
    told = "from deliveries.models import Alert; from deliveries.services.telling.alert_letters import HEADLINES;"
    told += (
        "from deliveries.protocol.events.operational import OPERATIONAL; from deliveries.api.openapi import document;"
    )
    told += "print(set(Alert.Kind) <= set(HEADLINES), 'hookpost.endpoint.late' in OPERATIONAL,"
    told += "'hookpost.endpoint.late' in document()['webhooks'])"
    assert managed(copy, "shell", "--no-imports", "-c", told).split() == ["True", "True", "True"]


def test_another_broker_takes_four_files(copy: Installation) -> None:
    conf, broker, _, readiness = steps_of("Another broker")
    changed(copy, conf, 'url("redis", ', '"stub", ')
    choice = "        if url.startswith('stub:'):\n            return StubBroker(middleware=middleware())\n"
    changed(copy, broker, "    try:\n", choice)
    changed(copy, broker, "import dramatiq\n", "from dramatiq.brokers.stub import StubBroker\n")
    changed(copy, readiness, "PORTS = {", '"stub": 1, ')
    told = "from deliveries.actors import deliver_due; print(type(deliver_due.broker).__name__)"
    done = copy.manage("shell", "--no-imports", "-c", told, BROKER_URL="stub://here")
    assert (done.returncode, done.stdout.strip()) == (0, "StubBroker"), done.stderr


def test_a_page_takes_a_view_a_template_and_an_address(copy: Installation) -> None:
    """Given a page for members, then they see it, and nobody else does."""
    folder, templates, pages = steps_of("A page")
    (copy.checkout / folder / "regions.py").write_text(REGIONS_VIEW)
    (copy.checkout / templates / "regions.html").write_text("{{ endpoints }} endpoints")
    mark = "from deliveries.admin.portal.catalogue import catalogue_entry_view, catalogue_view\n"
    changed(copy, pages, mark, "from deliveries.admin.regions import regions_view\n")
    changed(
        copy,
        pages,
        '        "catalogue/": ("catalogue", catalogue_view),\n',
        '        "regions/": ("regions", regions_view),\n',
    )
    for name in ("tests/__init__.py", "tests/browsers.py"):
        (copy.checkout / name).parent.mkdir(exist_ok=True)
        shutil.copy(CHECKOUT / name, copy.checkout / name)
    assert managed(copy, "shell", "--no-imports", "-c", SEE_REGIONS).split() == ["302", "200", "0", "endpoints"]


def test_a_setting_takes_one_line_and_its_page(copy: Installation) -> None:
    conf, page = steps_of("A setting")
    line = '    regions: int = setting("HOOKPOST_REGIONS", "3", between(1, 9), "How many regions there are.")\n'
    changed(copy, conf, '    """All settings of one process: those of each group, and the others."""\n\n', line)
    assert "HOOKPOST_REGIONS" in managed(copy, "configuration")
    assert "HOOKPOST_REGIONS" not in (copy.checkout / page).read_text()
    told = "from deliveries.conf import conf; print(conf.regions)"
    assert managed(copy, "shell", "--no-imports", "-c", told).strip() == "3"
    wrong = copy.manage("shell", "-c", told, HOOKPOST_REGIONS="10")
    assert wrong.returncode != 0
    assert "HOOKPOST_REGIONS" in wrong.stderr
