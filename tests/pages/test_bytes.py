"""What a browser loads: once, compressed, for a year, and only what the page uses."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from django.contrib.staticfiles import finders
from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import Client
from pytest_django import Settings

from config import static_files
from tests.pages.conftest import House
from tests.pages.fonts import ICONS, icons_in_use

pytestmark = pytest.mark.django_db

GZIP = {"accept_encoding": "gzip, deflate, br"}
LOADED = re.compile(r"<(?:script|link|img)[^>]+(?:src|href)=\"(/static/[^\"]+)\"")


class Came(NamedTuple):
    """An answer, whole, whose file is closed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def fetch(path: str, client: Client | None = None, **headers: str) -> Came:
    """What an address answers."""
    answer = (client or Client()).get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    body = answer.getvalue()
    request_finished.disconnect(close_old_connections)  # as the client does: the test's connection is to stay
    answer.close()
    request_finished.connect(close_old_connections)
    return Came(answer.status_code, answer.headers, body)


def files_of(client: Client, path: str) -> set[str]:
    """All static files that a page loads, with what its style sheets load."""
    found = set(LOADED.findall(client.get(path).content.decode()))
    for sheet in [each for each in found if each.endswith(".css")]:
        text = fetch(sheet).body.decode()
        found |= {f"{sheet.rpartition('/')[0]}/{name}" for name in re.findall(r"url\(\"?([^\")]+\.woff2)", text)}
    return found


def pages(house: House) -> list[str]:
    """One page of each kind, of either site."""
    row = f"{house.delivery.public_id}/change/"
    nouns = ("", "deliveries/delivery/", f"deliveries/delivery/{row}", "deliveries/eventtype/add/", "find/")
    return [*nouns, f"deliveries/endpoint/{house.endpoint.public_id}/change/"]


def test_each_file_that_a_page_loads_may_be_kept_for_a_year(alice: Client, acme: House) -> None:
    files = set().union(*(files_of(alice, f"/admin/{path}") for path in pages(acme)))
    assert len(files) > 15
    for each in files:
        answer = fetch(each)
        assert answer.status == 200, each
        assert answer.headers["Cache-Control"] == "max-age=31536000, public, immutable", each


def test_a_text_is_compressed_once_and_the_same_for_who_takes_no_compression(monkeypatch: pytest.MonkeyPatch) -> None:
    packed: list[int] = []
    pack = gzip.compress
    monkeypatch.setattr(static_files, "PACKAGED", {})
    monkeypatch.setattr(static_files.gzip, "compress", lambda *all, **named: packed.append(1) or pack(*all, **named))
    address = static_files.HashedAddresses().url("unfold/css/styles.css")
    client = Client()
    first, second = (fetch(address, client, **GZIP) for _ in range(2))
    plain, head = fetch(address, client), client.head(address, headers={"accept-encoding": "gzip"})
    assert first.headers["Content-Encoding"] == head.headers["Content-Encoding"] == "gzip"
    assert len(first.body) == int(head.headers["Content-Length"]) < 60_000 < len(plain.body)
    assert gzip.decompress(second.body) == plain.body
    assert "Content-Encoding" not in plain.headers
    assert {each.headers["Vary"] for each in (first, plain, head)} == {"Accept-Encoding"}
    assert len(packed) == 1
    part = fetch(address, client, range="bytes=0-9", **GZIP)
    assert (part.status, part.body) == (206, plain.body[:10])


def test_the_digits_of_another_release_get_what_is_here_for_a_minute() -> None:
    answer = fetch("/static/0123456789ab/hookpost/mark.svg")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "max-age=60, public")
    assert fetch("/static/0123456789ab/hookpost/nothing.svg").status == 404
    assert fetch("/static/0123456789ab/../settings.py").status == 404


def test_the_digits_stand_for_the_contents_of_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("ours", "theirs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.css").write_text("a {}")
    storage = static_files.FileSystemStorage(location=str(tmp_path))
    monkeypatch.setattr(
        static_files.AppDirectoriesFinder, "list", lambda *_: iter((f"{x}/a.css", storage) for x in ("ours", "theirs"))
    )
    digits = static_files.digits_of.__wrapped__
    before = digits("ours"), digits("theirs")
    (tmp_path / "ours" / "a.css").write_text("b {}")
    assert digits("ours") != before[0]
    assert digits("theirs") == before[1]


def test_djangos_own_ways_find_a_file_by_its_address(settings: Settings) -> None:
    name = static_files.HashedAddresses().url("hookpost/mark.svg").removeprefix("/static/")
    assert finders.find(name) == finders.find("hookpost/mark.svg")
    assert finders.find(name, find_all=True) == [finders.find("hookpost/mark.svg")]
    assert finders.find("0123456789ab/hookpost/nothing.svg") is None
    settings.DEBUG = True
    assert static_files.HashedAddresses().url("hookpost/mark.svg") == "/static/hookpost/mark.svg"


def test_a_page_loads_only_what_it_uses(alice: Client, acme: House) -> None:
    where = {
        "chart.js": ["", pages(acme)[5]],
        "charts.js": ["", pages(acme)[5]],
        "lists.js": ["deliveries/delivery/"],
        "htmx.js": ["", pages(acme)[2], pages(acme)[5]],
        "jquery.min.js": ["deliveries/eventtype/add/"],
        "simplebar.js": [],
        "alpine.sort.js": [],
        "Material-Symbols-Outlined.woff2": pages(acme),
    }
    loaded = {path: {each.rpartition("/")[2] for each in files_of(alice, f"/admin/{path}")} for path in pages(acme)}
    for name, paths in where.items():
        assert [path for path in loaded if name in loaded[path]] == paths, name


def test_a_first_visit_and_each_page_stay_small(alice: Client, carol: Client, acme: House) -> None:
    for client, site in ((alice, "admin"), (carol, "portal")):
        for path in pages(acme):
            page = f"/{site}/{path}"
            assert len(fetch(page, client, **GZIP).body) < 15_000, page
            assert sum(len(fetch(each, **GZIP).body) for each in files_of(client, page)) < 390_000, page


def test_a_page_with_a_secret_is_compressed_by_nobody(carol: Client, acme: House) -> None:
    base = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}"
    shown = carol.post(f"{base}/rotate/", {"confirmed": "yes", "keep_hours": "24"}, headers={"accept-encoding": "gzip"})
    begun = carol.post("/portal/second-factor/", {"act": "begin"}, headers={"accept-encoding": "gzip"})
    for answer in (shown, begun):
        assert answer.status_code == 200
        assert "no-transform" in answer.headers["Cache-Control"]
        assert "Content-Encoding" not in answer.headers
    assert "whsec_" in shown.content.decode()


def test_other_pages_are_compressed_with_a_length_that_tells_little(carol: Client, acme: House) -> None:
    lengths = {len(fetch("/portal/deliveries/endpoint/", carol, **GZIP).body) for _ in range(12)}
    assert len(lengths) > 2
    tokens = {
        re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', carol.get("/portal/").content.decode())[1]
        for _ in range(3)
    }
    assert len(tokens) == 3


def test_every_icon_in_use_is_in_the_font() -> None:
    missing = icons_in_use() - set(ICONS.read_text().split())
    assert not missing, "`make fonts` makes the font anew"
