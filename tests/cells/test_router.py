"""The router's map, and the settings of other cells."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from deliveries.cells.cell import find_cell, read_settings
from deliveries.cells.router import Routers, words_of
from deliveries.errors import Conflict, InvalidInput
from deliveries.models import Customer
from deliveries.services.people.api_keys import create_api_key, hash_key
from tests.settings import SETTINGS


def test_a_map_keeps_what_others_have_and_says_the_new_cell_once(tmp_path: Path) -> None:
    haproxy, nginx = tmp_path / "cells.map", tmp_path / "nginx.map"
    haproxy.write_text("acme a\nbob a\n")
    routers = Routers(maps=[haproxy], nginx_maps=[nginx], then=f"touch {tmp_path}/reloaded")
    routers.tell({"acme", "cus_1"}, "b")
    assert haproxy.read_text() == "bob a\nacme b\ncus_1 b\n"
    assert nginx.read_text() == "acme b;\ncus_1 b;\n"
    assert (tmp_path / "reloaded").exists()


@pytest.mark.parametrize(
    "routers", [Routers(then="exit 3"), Routers(maps=[Path("/nowhere.map")], sockets=[Path("/nowhere.sock")])]
)
def test_a_router_that_is_not_told_stops_the_move(routers: Routers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliveries.cells.router.write_map", lambda *_: None)
    with pytest.raises(Conflict, match=r"failed|does not answer"):
        routers.tell({"acme"}, "b")


def test_settings_are_read_as_a_shell_reads_them() -> None:
    text = "# cell b\nexport HOOKPOST_CELL='b'\nDATABASE_URL=\"postgresql://b/hook post\"\n\n"
    assert read_settings(text) == {"HOOKPOST_CELL": "b", "DATABASE_URL": "postgresql://b/hook post"}


def test_a_cell_is_a_file_that_names_its_database_and_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "cells", str(tmp_path))
    key = base64.b64encode(b"k" * 32).decode()
    (tmp_path / "b.env").write_text(f"DATABASE_URL=postgresql://b/hookpost\nHOOKPOST_ENCRYPTION_KEYS=b1:{key}\n")
    (tmp_path / "c.env").write_text("DATABASE_URL=postgresql://c/hookpost\n")
    assert find_cell("b").keys == (("b1", key),)
    for name, words in {"c": "must name", "d": "no file", "../b": "no file"}.items():
        with pytest.raises(InvalidInput, match=words):
            find_cell(name)
    monkeypatch.setattr(SETTINGS, "cell", "b")
    with pytest.raises(InvalidInput, match="is this cell"):
        find_cell("b")


@pytest.mark.django_db
def test_the_map_of_a_cell_names_customers_by_id_uid_and_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    customer = Customer.objects.create(name="Acme", uid="acme")
    Customer.objects.create(name="Gone", uid="gone", moving="closed")
    _, key = create_api_key("own", ["read"], customer=customer, actor="user:root")
    with pytest.raises(CommandError, match="HOOKPOST_CELL"):
        call_command("cell_map")
    monkeypatch.setattr(SETTINGS, "cell", "a")
    call_command("cell_map")
    lines = capsys.readouterr().out.splitlines()
    assert set(lines) == {f"{word} a" for word in (customer.public_id, "acme", hash_key(key).hex())}
    assert words_of(customer.id) == {line.partition(" ")[0] for line in lines}
