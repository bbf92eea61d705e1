"""The list of settings in docs/ and the settings themselves are one."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from deliveries.conf import Conf
from deliveries.management.commands.configuration import configuration_page

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_page_of_settings_is_what_the_command_prints() -> None:
    assert PAGE.read_text() == configuration_page(), "run: python manage.py configuration > docs/configuration.md"


def test_every_setting_says_what_it_is_for_and_what_it_accepts() -> None:
    silent = [each.name for each in fields(Conf) if not each.metadata["meaning"] or not each.metadata["parse"].__doc__]
    assert silent == []
