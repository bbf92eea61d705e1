"""Log-ins themselves: users, groups, failed log-ins, second factors; for owners only.

What lives here: Django's own pages in our look. Whoever may edit users could make themselves anything,
so no model permission opens these pages.
"""

from __future__ import annotations

from typing import ClassVar, Generic

from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from deliveries.admin.base.acts import sentence
from deliveries.admin.lists.columns import moment_column
from deliveries.admin.parts.badges import first_large
from deliveries.admin.parts.paging import Row
from deliveries.admin.parts.viewer import actor_of
from deliveries.admin.site.sites import staff_site
from deliveries.errors import Conflict
from deliveries.models import SecondFactor
from deliveries.services.common.audit import record_act
from deliveries.services.people.role_groups import GROUP_NAMES, is_last_owner, keep_an_owner
from deliveries.services.people.second_factor import remove_factor

OWNERSHIP = ("is_active", "is_staff", "is_superuser")
PASSWORD_PAGE = "auth_user_password_change"  # noqa: S105  # Django's name of an address
SAID_OF_MANY = 20


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

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Call the list in the browser's tab what its head calls it, not what one might choose it for."""
        several = gettext(first_large(str(self.opts.verbose_name_plural)))
        answer: HttpResponse = super().changelist_view(request, {"title": several, **(extra_context or {})})
        return answer


class CalledPages(SuperuserPages[Row]):
    """Pages of what nobody makes or edits by hand; the list has its menu line's name, and says what empty means."""

    list_title: ClassVar[str]
    nothing_yet: ClassVar[str]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """What happens adds rows, or the person."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Nothing to edit."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Name the list."""
        said = {"list_title": self.list_title, "title": gettext(self.list_title), "nothing_yet": self.nothing_yet}
        answer: HttpResponse = super().changelist_view(request, {**said, **(extra_context or {})})
        return answer


class UserForm(UserChangeForm):
    """A user; the last owner stays one."""

    def clean(self) -> dict[str, object] | None:
        """Refuse what would leave nobody who may do everything."""
        given: dict[str, object] | None = super().clean()
        if not all(self.cleaned_data.get(name) for name in OWNERSHIP):
            _stay_one(self.instance)
        return given


class PasswordForm(AdminPasswordChangeForm):
    """Another password, or none; the last owner who has a way in keeps it."""

    def clean(self) -> dict[str, object]:
        """Refuse to take a password after which nobody who may do everything could log in."""
        given: dict[str, object] = super().clean()
        if not given["set_usable_password"]:
            try:
                _stay_one(self.user)
            except ValidationError as error:
                self.add_error("password1", error)  # the page shows what is said of this field only
        return given


class StaffUser(DjangoUserAdmin, SuperuserPages[User]):
    """Users."""

    form = UserForm
    add_form = UserCreationForm
    change_password_form = PasswordForm
    fieldsets = (
        (None, {"fields": ("username", "password", "email", "shown_login", "shown_joined")}),
        (None, {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
    )
    readonly_fields = ("shown_login", "shown_joined")  # what happened is not edited
    list_display = (
        "username",
        "email",
        "is_staff",
        "is_active",
        "shown_login",
    )  # first and last names are nobody's here
    filter_horizontal = ()  # two boxes whose arrows and filters no screen reader can name
    actions = None  # several at once could be all owners

    shown_login = moment_column(gettext_lazy("Last log-in (UTC)"), "last_login")
    shown_joined = moment_column(gettext_lazy("Added (UTC)"), "date_joined")

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """The last owner stays."""
        return request.user.is_superuser and (obj is None or not is_last_owner(obj))

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Give or take a password; of two owners who do so at once one waits."""
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        """Say in the audit trail what was changed, by name."""
        super().save_model(request, obj, form, change)
        self.record(request, obj, "user.update" if change else "user.create", fields=sorted(form.changed_data))

    def log_change(self, request: HttpRequest, obj: User, message: object) -> LogEntry:
        """Say in the audit trail that somebody was given another password, or none."""
        place = request.resolver_match.url_name if request.resolver_match else ""
        if place == PASSWORD_PAGE:
            self.record(request, obj, "password.set")
        return super().log_change(request, obj, message)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Say in the audit trail who went; of two owners who remove each other at once, one stays."""
        try:
            keep_an_owner(obj)
        except Conflict as error:
            raise PermissionDenied from error
        self.record(request, obj, "user.remove")
        super().delete_model(request, obj)

    def record(self, request: HttpRequest, user: User, action: str, **detail: object) -> None:
        """Write an audit entry about a user."""
        detail["username"] = user.get_username()
        record_act(actor_of(request), action, object_id=f"user {user.pk}", detail=detail)


def _stay_one(user: User) -> None:
    """Raise ValidationError where this is the last owner who could log in."""
    try:
        keep_an_owner(user)
    except Conflict as error:
        raise ValidationError(sentence(error)) from error


if get_user_model() is User:  # users of a project's own kind have pages in the project's own admin
    staff_site.register(User, StaffUser)


@admin.register(Group, site=staff_site)
class StaffGroup(DjangoGroupAdmin, SuperuserPages[Group]):
    """Groups and their permissions; those of roles are what the table of roles says."""

    filter_horizontal = ()
    actions = None

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """A role's group is made anew by each migrate."""
        return request.user.is_superuser and (obj is None or obj.name not in GROUP_NAMES)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """A role's group stays."""
        return self.has_change_permission(request, obj)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: object, change: bool) -> None:
        """Say in the audit trail what whoever is in the group may do from now on."""
        super().save_related(request, form, formsets, change)
        given = form.instance.permissions.order_by("codename").values_list("codename", flat=True)
        self.record(request, form.instance, "group.update" if change else "group.create", permissions=list(given))

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        """Say in the audit trail that a group went."""
        self.record(request, obj, "group.remove")
        super().delete_model(request, obj)

    def record(self, request: HttpRequest, group: Group, action: str, **detail: object) -> None:
        """Write an audit entry about a group."""
        detail["name"] = group.name
        record_act(actor_of(request), action, object_id=f"group {group.pk}", detail=detail)


@admin.register(AccessAttempt, site=staff_site)
class StaffAccessAttempt(CalledPages[AccessAttempt]):
    """Failed log-ins; deleting one lets its user try again."""

    list_title = gettext_noop("Failed log-ins")
    nothing_yet = gettext_noop(
        "Nobody failed to log in lately. Who fails too often is kept out, until one deletes it here."
    )

    list_display = ("username", "ip_address", "failures_since_start", "shown_attempt")
    fields = readonly_fields = ("username", "ip_address", "user_agent", "failures_since_start", "shown_attempt")
    search_fields = ("username", "ip_address")
    shown_attempt = moment_column(gettext_lazy("Last failed (UTC)"), "attempt_time")

    def delete_model(self, request: HttpRequest, obj: AccessAttempt) -> None:
        """Let somebody in again, and say so in the audit trail."""
        self.delete_queryset(request, AccessAttempt.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AccessAttempt]) -> None:
        """Let several in again."""
        names = list(queryset.order_by("username").values_list("username", flat=True).distinct()[:SAID_OF_MANY])
        detail = {"usernames": names, "number": queryset.count()}
        record_act(actor_of(request), "lockout.end", object_id="failed log-ins", detail=detail)
        super().delete_queryset(request, queryset)


@admin.register(SecondFactor, site=staff_site)
class StaffSecondFactor(CalledPages[SecondFactor]):
    """Second factors of staff and members; deleting one lets somebody in who has lost theirs."""

    list_title = gettext_noop("Second factors")
    nothing_yet = gettext_noop("Nobody has set up a second factor. Each person does so in their profile.")

    list_display = ("user", "confirmed", "shown_created")
    fields = readonly_fields = ("user", "confirmed", "shown_created")
    shown_created = moment_column(gettext_lazy("Added (UTC)"), "created_at")
    search_fields = (f"user__{get_user_model().USERNAME_FIELD}",)
    list_select_related = ("user",)
    actions = None

    def delete_model(self, request: HttpRequest, obj: SecondFactor) -> None:
        """Remove it, and say so in the audit trail."""
        remove_factor(obj, actor=actor_of(request))
