"""Members: people of a customer, and making the link that lets them in for the first time.

What lives here: the staff's pages. Members are added on their customer's page.
"""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.base.reveal import Revealed, reveal
from deliveries.admin.lists.columns import customer_column, moment_column
from deliveries.admin.parts.badges import NOTHING, badge
from deliveries.admin.site.sites import staff_site
from deliveries.models import Member, visible
from deliveries.protocol.who.member_roles import MemberRole
from deliveries.services.common.languages import tell
from deliveries.services.common.site_links import PORTAL, path_of
from deliveries.services.people.members import change_role, login_token, remove_member

NAME_FIELD = get_user_model().USERNAME_FIELD
EMAIL_FIELD = get_user_model().get_email_field_name()


@admin.register(Member, site=staff_site)
class StaffMember(PageAdmin[Member]):
    """All members."""

    rows = visible.members
    may_add = may_change = False  # they are added on their customer's page, and there is nothing to edit
    acts = ("login-link", "role")
    columns = ("shown_user", "shown_email", "shown_customer", "role", "shown_ready", "shown_seen", "shown_created")
    fields = columns
    readonly_fields = fields
    list_select_related = ("user", "customer")
    search_fields = (f"user__{NAME_FIELD}",)
    search_by = (f"user__{NAME_FIELD}__icontains", f"user__{EMAIL_FIELD}__iexact")
    search_help_text = gettext_noop("Part of the username, the e-mail address, or mem_ id")
    nothing_yet = gettext_noop(
        "No member yet. Open a customer, and add a person there; owners invite others themselves."
    )
    change_form_template = "hookpost/member.html"

    def may_act(self, request: HttpRequest, act: str, row: Member) -> bool:
        """A link lets its holder in as this member: it takes the permission to change members."""
        return request.user.has_perm("deliveries.change_member")

    @admin.display(description=gettext_lazy("Username"))
    def shown_user(self, row: Member) -> str:
        """The name to log in with."""
        return row.user.get_username()

    @admin.display(description="E-mail")
    def shown_email(self, row: Member) -> str:
        """For people to write to."""
        return row.user.email or NOTHING

    shown_customer = customer_column

    @admin.display(description=gettext_lazy("Password"))
    def shown_ready(self, row: Member) -> SafeString:
        """Whether they have set a password."""
        return (
            badge(gettext("set"), colour="success")
            if row.user.has_usable_password()
            else badge(gettext("not yet"), colour="warning")
        )

    shown_seen = moment_column(gettext_lazy("Last log-in (UTC)"), "user.last_login")
    shown_created = moment_column(gettext_lazy("Added (UTC)"), "created_at")

    def beside(self, request: HttpRequest, row: Member) -> dict[str, object]:
        """Return what the page shows besides the row."""
        acts = self.acts_for(request, row)
        return {
            "title": gettext("Member"),
            "subtitle": str(row.user),
            **self.named(row),
            "acts": acts,
            "roles": list(MemberRole),
            "role": row.role,
        }

    def named(self, row: Member) -> dict[str, object]:
        """Who, and of which customer."""
        return {"heading": f"{row.user.get_username()}, {row.customer.name}"}

    def act_role(self, request: HttpRequest, row: Member) -> None:
        """Make the member something else."""
        change_role(row, request.POST.get("role", ""), actor=self.actor(request))

    def act_login_link(self, request: HttpRequest, row: Member) -> HttpResponse:
        """Make a link and show it once."""
        return reveal_link(self, request, row, back=self.page_url(row))

    def delete_model(self, request: HttpRequest, obj: Member) -> None:
        """Remove the member with its user."""
        remove_member(obj, actor=self.actor(request), may_be_last=True)

    def gone_with(self, row: Member) -> str:
        """Name what goes."""
        return tell("{member}, with the user", member=str(row))


def reveal_link(page: PageAdmin[Member], request: HttpRequest, member: Member, *, back: str) -> HttpResponse:
    """Show a log-in link, this once; it is for the member's eyes."""
    user_part, token = login_token(member, actor=page.actor(request))
    path = path_of(PORTAL, "welcome", user_part, token)
    return reveal(
        page,
        request,
        Revealed(
            title=gettext("Log-in link"),
            what=tell(
                "the link with which {name} sets a password, once, within three days",
                name=member.user.get_username(),
            ),
            value=request.build_absolute_uri(path),
            url=back,
        ),
    )
