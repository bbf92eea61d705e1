"""The one base of every page in the customers' portal.

What lives here: whatever keeps one customer's rows from another: the queryset, permissions on objects,
choices of foreign keys, search, autocomplete and history all start here. It must not know any noun.
"""

from __future__ import annotations

from typing import ClassVar

from django.db.models import ForeignKey
from django.forms import ModelChoiceField
from django.http import HttpRequest

from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.parts.paging import Row
from deliveries.admin.parts.viewer import customer_of, has_member_right, member_actor, member_of
from deliveries.admin.words.actor_words import actor_in_words
from deliveries.models import AuditEntry
from deliveries.models.visible import Viewer
from deliveries.protocol.who.actor_names import shown_to_customer
from deliveries.protocol.who.member_roles import MemberRight


class PortalAdmin(PageAdmin[Row]):
    """Rows of the member's own customer; Django's model permissions play no part here."""

    may_add: ClassVar[bool] = False
    may_change: ClassVar[bool] = False
    may_delete: ClassVar[bool] = False

    def viewer(self, request: HttpRequest) -> Viewer:
        """Return the eyes of the member's customer; without a member there are none."""
        return Viewer(customer_id=customer_of(request).pk)

    def owns(self, request: HttpRequest, obj: Row | None) -> bool:
        """Say whether a row is the customer's own; without a row, whether there is a customer."""
        member = member_of(request)
        return member is not None and (obj is None or obj.serializable_value("customer_id") == member.customer_id)

    def may_work(self, request: HttpRequest) -> bool:
        """Say whether the member may do more than look (PortalSite refuses it too, whatever a page says)."""
        return has_member_right(request, MemberRight.CHANGE)

    def acts_for(self, request: HttpRequest, row: Row) -> dict[str, str]:
        """Offer acts to those who may act."""
        return super().acts_for(request, row) if self.may_work(request) else {}

    def may_see(self, request: HttpRequest, obj: Row | None) -> bool:
        """Say whether a row may be looked at; own ones unless a noun is more open."""
        return self.owns(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Members see every noun of the portal."""
        return member_of(request) is not None

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Members see their own customer's rows."""
        return self.may_see(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only where the noun says so."""
        return self.may_add and self.may_work(request) and self.owns(request, None)

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Only where the noun says so, and only what is their own."""
        return self.may_change and self.may_work(request) and self.owns(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Only where the noun says so, and only what is their own."""
        return self.may_delete and self.may_work(request) and self.owns(request, obj)

    def actor(self, request: HttpRequest) -> str:
        """Name the person as one of the customer's."""
        return member_actor(request)

    def shown_entry(self, entry: AuditEntry) -> dict[str, object]:
        """Show who of the operator's did something as the operator, and no note."""
        return {**super().shown_entry(entry), "actor": actor_in_words(shown_to_customer(entry.actor)), "note": ""}

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: object
    ) -> ModelChoiceField | None:
        """Offer only rows of the noun's own portal page, or none if it has no page."""
        model = db_field.remote_field.model
        page = self.admin_site.get_model_admin(model) if self.admin_site.is_registered(model) else None
        rows = page.get_queryset(request) if isinstance(page, PortalAdmin) else model._default_manager.none()
        kwargs["queryset"] = rows
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
