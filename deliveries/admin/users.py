"""Staff themselves: users, groups, failed log-ins, second factors; for superusers only.

What lives here: Django's own pages in our look. Whoever may edit users could make themselves anything,
so no model permission opens these pages.
"""

from __future__ import annotations

from typing import Generic

from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from deliveries.admin.paging import Row
from deliveries.admin.sites import staff_site
from deliveries.admin.viewer import actor_of
from deliveries.models import SecondFactor
from deliveries.services.second_factor import remove_factor


class SuperuserPages(ModelAdmin, Generic[Row]):
    """Pages for superusers only."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Superusers only."""
        return request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Superusers only."""
        return request.user.is_superuser

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers only."""
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Superusers only."""
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Superusers only."""
        return request.user.is_superuser


class StaffUser(DjangoUserAdmin, SuperuserPages[User]):
    """Users."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    filter_horizontal = ()  # two boxes whose arrows and filters no screen reader can name


if get_user_model() is User:  # users of a project's own kind have pages in the project's own admin
    staff_site.register(User, StaffUser)


@admin.register(Group, site=staff_site)
class StaffGroup(DjangoGroupAdmin, SuperuserPages[Group]):
    """Groups and their permissions."""

    filter_horizontal = ()


@admin.register(AccessAttempt, site=staff_site)
class StaffAccessAttempt(SuperuserPages[Model]):
    """Failed log-ins; deleting one lets its user try again."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    fields = readonly_fields = ("username", "ip_address", "user_agent", "failures_since_start", "attempt_time")
    search_fields = ("username", "ip_address")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only failures add rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing to edit."""
        return False


@admin.register(SecondFactor, site=staff_site)
class StaffSecondFactor(SuperuserPages[SecondFactor]):
    """Second factors of staff and members; deleting one lets somebody in who has lost theirs."""

    list_display = ("user", "confirmed", "created_at")
    fields = readonly_fields = ("user", "confirmed", "created_at")
    search_fields = (f"user__{get_user_model().USERNAME_FIELD}",)
    list_select_related = ("user",)
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the person can set one up."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: SecondFactor | None = None) -> bool:
        """Nothing to edit."""
        return False

    def delete_model(self, request: HttpRequest, obj: SecondFactor) -> None:
        """Remove it, and say so in the audit trail."""
        remove_factor(obj, actor=actor_of(request))
