"""The time zone that somebody chooses, on both sites."""

from __future__ import annotations

import pytest
from django.test import Client

from deliveries.models import LogIn
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db


def test_whoever_chose_a_time_zone_reads_it_beside_utc_on_both_sites(bob: Client, carol: Client) -> None:
    for browser, site in ((bob, "admin"), (carol, "portal")):
        assert "data-hp-zone" not in browser.get(f"/{site}/").content.decode()
        browser.post(f"/{site}/profile/", {"time_zone": " Europe/Berlin "})
        assert 'data-hp-zone="Europe/Berlin"' in browser.get(f"/{site}/").content.decode()
        browser.post(f"/{site}/profile/", {"time_zone": ""})
        assert "data-hp-zone" not in browser.get(f"/{site}/").content.decode()


def test_a_name_of_no_time_zone_is_refused_in_words(carol: Client, acme: House) -> None:
    answer = carol.post("/portal/profile/", {"time_zone": '"><script>alert(1)</script>'}, follow=True)
    assert "There is no such time zone" in answer.content.decode()
    assert not LogIn.objects.exclude(time_zone="").exists()
