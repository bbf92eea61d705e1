"""Columns that several lists have, made of a title and the name of a value.

What lives here: what a page has as `shown_…`. It must not know which page.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from deliveries.admin.parts.badges import NOTHING, link, moment

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

    from deliveries.admin.lists.listing import ListPages
    from deliveries.models import Endpoint, Job, Member


def moment_column(title: StrPromise, name: str, *, relative: bool = False) -> Callable[..., SafeString | str]:
    """Return a column of moments; the name may lead to another row, as `user.last_login` does."""
    value = attrgetter(name)

    @admin.display(description=title)
    def shown(page: object, row: object) -> SafeString | str:
        return moment(value(row), relative=relative)

    return shown


@admin.display(description=gettext_lazy("Customer"))
def customer_column(page: ListPages[Any], row: Endpoint | Job | Member) -> SafeString | str:
    """Show whose a row is, linked; a dash for what is nobody's alone."""
    if row.customer is None:
        return NOTHING
    return link(page.url("change", row.customer.public_id, model="customer"), row.customer.name)
