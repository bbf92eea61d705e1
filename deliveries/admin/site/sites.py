"""The two sites: support staff's, and the portal of customers' members.

What lives here: who may enter which, and its menu. It must not know single nouns: they register themselves.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from deliveries.admin.lists.picks import pick_view
from deliveries.admin.log_ins.portal_log_in import PortalLogin
from deliveries.admin.log_ins.provider_log_out import kept_token, leave_provider
from deliveries.admin.log_ins.staff_log_in import StaffLogin, log_in_context
from deliveries.admin.parts import theme
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.parts.viewer import customer_of, framed_context, member_of, memberships_of
from deliveries.admin.site.site_base import HookpostSite
from deliveries.models.visible import OPERATOR, Viewer
from deliveries.protocol.who.member_roles import MemberRight, has_right
from deliveries.services.common.site_links import PORTAL, STAFF
from deliveries.services.people.brands import Brand, brand_of
from deliveries.services.people.first_steps import is_beginning


class StaffSite(HookpostSite):
    """Staff: Django's staff flag and permissions decide, of which a role is a set."""

    subtitle = _("Support")
    stranger = _("This account is not one of support staff.")
    login_form = StaffLogin
    login_template = "hookpost/staff_login.html"
    takes_notes = True
    groups = (
        theme.Group(
            title="",
            items=(
                theme.Item(title=_("Search"), icon="search", page="find"),
                theme.Item(title=_("Overview"), icon="monitoring"),
                theme.Item(title=_("Failures"), icon="report", model="failuregroup"),
                theme.Item(title=_("Deliveries"), icon="send", model="delivery"),
                theme.Item(title=_("Events"), icon="bolt", model="event"),
                theme.Item(title=_("Endpoints"), icon="hub", model="endpoint"),
            ),
        ),
        theme.Group(
            title=_("Set-up"),
            items=(
                theme.Item(title=_("Customers"), icon="domain", model="customer"),
                theme.Item(title=_("Members"), icon="badge", model="member"),
                theme.Item(title=_("Event types"), icon="category", model="eventtype"),
                theme.Item(title=_("API versions"), icon="flag", model="apiversion"),
                theme.Item(title=_("API keys"), icon="key", model="apikey"),
            ),
        ),
        theme.Group(
            title=_("Records"),
            items=(
                theme.Item(title=_("Jobs"), icon="progress_activity", model="job"),
                theme.Item(title=_("Audit trail"), icon="history", model="auditentry"),
            ),
        ),
        theme.Group(
            title=_("Staff"),
            items=(
                theme.Item(title=_("Staff"), icon="badge", page="staff_list", model="secondfactor"),
                theme.Item(title=_("Users"), icon="person", model="user", app="auth"),
                theme.Item(title=_("Groups"), icon="group", model="group", app="auth"),
                theme.Item(title=_("Second factors"), icon="phonelink_lock", model="secondfactor"),
                theme.Item(title=_("Failed log-ins"), icon="lock_clock", model="accessattempt", app="axes"),
            ),
        ),
    )

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Add what filters offer while somebody types, and the pages that belong to no noun."""
        from deliveries.admin.site.staff_pages import staff_pages  # they need this site

        pick = path("pick/<str:noun>/", self.admin_view(pick_view), name="pick")
        return [pick, *staff_pages(self), *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Serve the log-in, by password and by the provider, as the settings have it."""
        return super().login(request, {**log_in_context(request), **(extra_context or {})})

    def logout(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Log out, and lead whoever logged in by the provider to where its session ends."""
        token = kept_token(request)
        answer: HttpResponse = super().logout(request, extra_context)
        return leave_provider(self, request, token) or answer if request.method == "POST" else answer

    def may_post_to(self, request: HttpRequest, place: str) -> bool:
        """Who only looks changes nothing of the operator's."""
        from deliveries.admin.site.staff_pages import may_post_to

        return may_post_to(request, place)

    def index(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> TemplateResponse:
        """Serve the front page; who has no role here, as staff of a project that we are part of, sees no figures."""
        if self.shows_figures(request):
            return super().index(request, extra_context)
        return page_of(self, request, "hookpost/no_role.html", {"title": self.index_title})

    def shows_figures(self, request: HttpRequest) -> bool:
        """Who has a role."""
        return request.user.has_perm("deliveries.view_delivery")

    def viewer(self, request: HttpRequest) -> Viewer:
        """Staff see all."""
        return OPERATOR


class PortalSite(HookpostSite):
    """Customers: a member sees their own customer's rows."""

    subtitle = _("Portal")
    stranger = _("This account belongs to no customer, so there is no portal to show.")
    login_form = PortalLogin
    groups = (
        theme.Group(
            title="",
            items=(
                theme.Item(title=_("Search"), icon="search", page="find"),
                theme.Item(title=_("Overview"), icon="monitoring"),
                theme.Item(title=_("Endpoints"), icon="hub", model="endpoint"),
                theme.Item(title=_("Failures"), icon="report", model="failuregroup"),
                theme.Item(title=_("Deliveries"), icon="send", model="delivery"),
                theme.Item(title=_("Events"), icon="bolt", model="event"),
                theme.Item(title=_("Jobs"), icon="progress_activity", model="job"),
                theme.Item(title=_("Catalogue"), icon="menu_book", page="catalogue"),
                theme.Item(title=_("Receiving"), icon="code", page="receiving"),
                theme.Item(title=_("Event types"), icon="category", model="eventtype"),
                theme.Item(title=_("API keys"), icon="key", model="apikey"),
                theme.Item(title=_("Members"), icon="group", page="members"),
                theme.Item(title=_("Audit trail"), icon="history", model="auditentry"),
            ),
        ),
    )

    def has_permission(self, request: HttpRequest) -> bool:
        """Only members, whether or not they are staff too."""
        return request.user.is_active and member_of(request) is not None

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Add the pages that belong to no noun."""
        from deliveries.admin.portal.portal_pages import portal_pages  # they need this site

        return [*portal_pages(self), *super().get_urls()]

    def may_post_to(self, request: HttpRequest, place: str) -> bool:
        """Who only looks changes nothing of the customer's."""
        from deliveries.admin.portal.portal_pages import may_post_to

        return may_post_to(request, place)

    def brand(self, request: HttpRequest) -> Brand:
        """A member sees their customer's brand, who is not logged in the operator's."""
        member = member_of(request)
        return brand_of(member.customer if member else None)

    def viewer(self, request: HttpRequest) -> Viewer:
        """A member sees what is their customer's."""
        return Viewer(customer_id=customer_of(request).pk)

    def extra_context(self, context: dict[str, object], request: HttpRequest) -> dict[str, object]:
        """Show the customer's name next to ours."""
        context = super().extra_context(context, request)
        member = member_of(request)
        if member is not None:
            context["site_subheader"] = member.customer.name
            context["only_looks"] = not has_right(member.role, MemberRight.CHANGE)
        return context | framed_context(request)

    def all_figures(self, request: HttpRequest) -> dict[str, object]:
        """Say, too, whether there is nothing to tell yet: zeros help nobody who begins."""
        figures = super().all_figures(request)
        return {**figures, "is_beginning": figures["is_quiet"] and is_beginning(customer_of(request))}

    def beside_figures(self, request: HttpRequest) -> dict[str, object]:
        """Show the first steps until they are done."""
        from deliveries.admin.portal.first_steps import shown_steps

        return {"first_steps": shown_steps(request, site_name=self.name)}

    def account_links(self, request: HttpRequest) -> list[dict[str, str]]:
        """Offer the other customers of a person who has some."""
        links = super().account_links(request)
        if others := self.others_url(request):
            links.insert(0, {"title": gettext("Switch customer"), "link": others})
        return links

    def others_url(self, request: HttpRequest) -> str:
        """A letter may lead to what belongs to another customer of the same person."""
        return reverse(f"{self.name}:own_customers") if len(memberships_of(request)) > 1 else ""


staff_site = StaffSite(name=STAFF)
portal_site = PortalSite(name=PORTAL)
