"""What keeps itself up to date leaves the keyboard where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deliveries.admin import failure_groups
from deliveries.models import FailureGroup
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = NEEDS_CHROMIUM


@pytest.mark.parametrize("control", ["button:has-text('Acknowledge')", "#hp-live a:has-text('Signature check')"])
def test_what_has_the_focus_has_it_still_after_news(
    control: str, page: Page, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given somebody on the way to a button by the keyboard, when the part around it is replaced, then Enter works."""
    monkeypatch.setattr(failure_groups, "POLL_IDLE", "1s")
    FailureGroup.objects.filter(pk=acme.failure.pk).update(status_code=401)
    log_in(page, User.objects.create_superuser("alice"), site="admin")
    page.goto(f"/admin/deliveries/failuregroup/{acme.failure.public_id}/change/")
    page.focus(control)
    page.evaluate("window.before = document.activeElement")
    FailureGroup.objects.filter(pk=acme.failure.pk).update(deliveries=77, attempts=77, last_at=timezone.now())
    page.wait_for_selector("text=77 deliveries have failed since")
    page.wait_for_function("document.activeElement !== window.before")
    focused = page.locator(control)
    assert focused.evaluate("(each) => each === document.activeElement")
