"""What the staff's site and the portal share.

What lives here: the guard of every page, log-in and its refusals, the front page, the menu at one's name. It must not
know single nouns, nor who may enter: sites.py does.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from typing import ClassVar, cast
from urllib.parse import urlencode

from django.apps import apps
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import AbstractUser, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, gettext_lazy
from unfold.sites import UnfoldAdminSite

from deliveries.admin.failure.failing import failing_section
from deliveries.admin.front.dashboard import COUNT_SECONDS, counted_for, figures_for
from deliveries.admin.front.overview import overview_for
from deliveries.admin.front.overview_live import live_part, live_view
from deliveries.admin.lists.asked import NoSuchFilter
from deliveries.admin.log_ins.provider_log_out import came_by_provider
from deliveries.admin.parts import theme
from deliveries.admin.parts.page_addresses import address_of
from deliveries.admin.parts.rendering import page_of, with_our_templates
from deliveries.api.error_pages import WORDS, error_page
from deliveries.models import FailureGroup
from deliveries.models.visible import Viewer
from deliveries.services.common.languages import said_by
from deliveries.services.common.own_time import zone_of
from deliveries.services.common.site_links import STAFF
from deliveries.services.common.statement_timeout import TooSlow, together
from deliveries.services.people.brands import Brand, operator_brand
from deliveries.services.people.password_links import record_set
from deliveries.services.people.second_factor import SHOWN_TO_PROVIDER, confirmed_factor, is_required

View = Callable[..., HttpResponseBase]
FOUND, NOT_ALLOWED = 302, 405
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
CLOSED = "view_on_site"  # nothing here has a page elsewhere, and Django's fails at an id that is none


def _password_link(site_name: str) -> dict[str, str]:
    return {"title": gettext("Change password"), "link": address_of(f"{site_name}:password_change")}


class HookpostSite(UnfoldAdminSite):
    """What both sites share."""

    subtitle: ClassVar[str]
    groups: ClassVar[Sequence[theme.Group]]
    index_template = "hookpost/dashboard.html"
    login_template = "hookpost/login.html"
    index_title = gettext_lazy("Overview")
    stranger: ClassVar[str]
    takes_notes: ClassVar[bool] = False

    @abstractmethod
    def viewer(self, request: HttpRequest) -> Viewer:
        """Return whose eyes look at the front page."""

    def extra_context(self, context: dict[str, object], request: HttpRequest) -> dict[str, object]:
        """Give the pages our name, mark, colours and menu (called by Unfold)."""
        context |= self.look_of(self.brand(request), context)
        context["takes_notes"] = self.takes_notes
        if self.has_permission(request):
            context["own_zone"] = partial(zone_of, cast(AbstractUser, request.user))  # asked by whole pages only
            context["logout_url"] = address_of(f"{self.name}:logout")
            context["account_links"] = self.account_links(request)
            seen = {
                model._meta.model_name or ""
                for model in filter(self.is_registered, apps.get_models())
                if self.get_model_admin(model).has_view_or_change_permission(request)
            }
            context["sidebar_navigation"] = theme.menu(request, site_name=self.name, groups=self.groups, seen=seen)
        return context

    def look_of(self, brand: Brand, context: Mapping[str, object]) -> dict[str, object]:
        """Return what a page shows of a brand: name, logo, colours."""
        colours = theme.colours_of(context.get("colors"), brand.accent)
        return {**theme.context_of(brand, subtitle=gettext(self.subtitle)), "colours": colours}

    def brand(self, request: HttpRequest) -> Brand:
        """Return whose name, logo and colour the page has: the operator's."""
        return operator_brand()

    def account_links(self, request: HttpRequest) -> list[dict[str, str]]:
        """Return what the menu at one's name offers."""
        help_url = self.brand(request).support_url
        return [
            {"title": gettext("Profile"), "link": address_of(f"{self.name}:profile")},
            *([{"title": gettext("Get help"), "link": help_url}] if help_url else []),
            *([] if came_by_provider(request) else [_password_link(self.name)]),
            {"title": gettext("Second factor"), "link": address_of(f"{self.name}:second_factor")},
        ]

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Guard a view as Django does; who has or needs a second factor shows it first. Refusals are pages of ours."""
        guarded = super().admin_view(view, cacheable)

        @wraps(view, updated=())
        def page(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            try:
                step = self.second_step(request)
                if step is None:
                    self.refuse_closed(request)
                answer = with_our_templates(step or guarded(request, *args, **kwargs))
            except (Http404, PermissionDenied) as refusal:
                code, others = (404 if isinstance(refusal, Http404) else 403), self.others_url(request)
                return error_page(request, code, brand=self.brand(request), others_url=others)
            except NoSuchFilter as refusal:
                said, without = (WORDS[400][0], said_by(refusal)), f"{request.path}{refusal.query}"
                return error_page(request, 400, said=said, brand=self.brand(request), without_url=without)
            if answer.status_code == NOT_ALLOWED:
                allowed = {"Allow": answer.headers["Allow"]}
                return error_page(request, NOT_ALLOWED, brand=self.brand(request), headers=allowed)
            return answer

        return page

    def refuse_closed(self, request: HttpRequest) -> None:
        """Refuse what somebody who only looks would change, before any page is asked."""
        if self.has_permission(request) and not self.is_open_to(request):
            raise PermissionDenied

    def is_open_to(self, request: HttpRequest) -> bool:
        """Say whether somebody may do what is asked, as far as one's role goes."""
        place = request.resolver_match.url_name if request.resolver_match else ""
        return request.method in SAFE_METHODS or self.may_post_to(request, place or "")

    @abstractmethod
    def may_post_to(self, request: HttpRequest, place: str) -> bool:
        """Say whether somebody may post to the page of this name, as far as one's role goes."""

    def others_url(self, request: HttpRequest) -> str:
        """Return where one looks at the rows of another customer of one's own; empty for nowhere."""
        return ""

    def second_step(self, request: HttpRequest) -> HttpResponse | None:
        """Return the way to the second step of the log-in, when there is one to take."""
        place = address_of(f"{self.name}:second_factor")
        if request.path in (place, address_of(f"{self.name}:logout")) or not self.has_permission(request):
            return None
        user = cast(AbstractUser, request.user)
        was_shown = user.is_verified() or request.session.get(SHOWN_TO_PROVIDER)  # type: ignore[attr-defined]
        if was_shown or not (confirmed_factor(user) or is_required(user)):
            return None
        return HttpResponseRedirect(f"{place}?{urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})}")

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Add the pages of one's own log-in, and the search."""
        from deliveries.admin.base.find import find_view  # they need these sites
        from deliveries.admin.lists.saved_views import saved_views_view
        from deliveries.admin.log_ins.forgotten_password import forgotten_view
        from deliveries.admin.log_ins.profile_page import profile_view
        from deliveries.admin.log_ins.second_factor import second_factor_view

        return [
            path("second-factor/", self.admin_view(partial(second_factor_view, site=self)), name="second_factor"),
            path("profile/", self.admin_view(partial(profile_view, site=self)), name="profile"),
            path("forgotten-password/", partial(forgotten_view, site=self), name="forgotten"),
            path("live/", self.admin_view(partial(live_view, site=self)), name="live"),
            path("find/", self.admin_view(partial(find_view, site=self)), name="find"),
            path("views/<slug:noun>/", self.admin_view(partial(saved_views_view, site=self)), name="saved_views"),
            *(each for each in super().get_urls() if getattr(each, "name", "") != CLOSED),
        ]

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Serve the log-in; who failed too often sees a page that says so."""
        if not self.leads_here(request, request.GET.get(REDIRECT_FIELD_NAME, "")):
            # Unfold's form does not carry it, and Django's default leads nowhere.
            query = request.GET.copy()
            query[REDIRECT_FIELD_NAME] = address_of(f"{self.name}:index")
            request.GET = query  # type: ignore[assignment]
        context = {"stranger": self.stranger if request.user.is_authenticated else "", **(extra_context or {})}
        answer: HttpResponse = super().login(request, context)
        if getattr(request, "axes_locked_out", False):
            request.axes_locked_out = False  # type: ignore[attr-defined]  # this page instead of the middleware's
            answer = page_of(self, request, "hookpost/locked_out.html", {"title": gettext("Locked")}, status=429)
        return with_our_templates(answer)

    def password_change(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Serve the page of one's own password, and say in the audit trail that there is another."""
        with transaction.atomic():
            answer: HttpResponse = super().password_change(request, extra_context)
            if answer.status_code == FOUND:
                record_set(cast(User, request.user))
        return answer

    def leads_here(self, request: HttpRequest, address: str) -> bool:
        """Say whether an address to go on to after the log-in is one of ours."""
        return url_has_allowed_host_and_scheme(
            address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )

    def index(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> TemplateResponse:
        """Serve the front page with the figures of the last day, and with what fails."""
        beside = {**self.beside_figures(request), **(extra_context or {})}  # first: it notes which steps are done
        figures = self.shown_figures(request)
        live = live_part(self, request, figures)
        answer: TemplateResponse = super().index(request, {**figures, **live, **beside})
        return answer

    def shows_figures(self, request: HttpRequest) -> bool:
        """Say whether somebody sees the figures of the front page: whoever is let in."""
        return True

    def shown_figures(self, request: HttpRequest) -> dict[str, object]:
        """Return what the front page tells, all of it as of one moment unless some of it is too slow for that."""
        is_staff_site = {"is_staff_site": self.name == STAFF}
        try:
            with together(seconds=COUNT_SECONDS):
                return is_staff_site | self.all_figures(request)
        except TooSlow:  # one of them: by itself it spoils no other
            return is_staff_site | self.all_figures(request)

    def all_figures(self, request: HttpRequest) -> dict[str, object]:
        """Return what the front page tells of the last day, and what fails."""
        viewer, asked = self.viewer(request), request.GET.get("span", "")
        counts = counted_for(viewer)
        figures = figures_for(viewer, counts, site_name=self.name)
        overview = overview_for(viewer, counts, site_name=self.name, asked=asked)
        page = self.get_model_admin(FailureGroup)
        failing = failing_section(page, viewer, with_customer=viewer.is_operator)
        return {
            "figures": figures,
            "overview": overview,
            "failing": failing,
            "is_quiet": overview.is_empty and figures.is_empty and not failing,
            "failures_url": address_of(f"{self.name}:deliveries_failuregroup_changelist"),
        }

    def beside_figures(self, request: HttpRequest) -> dict[str, object]:
        """Return what the front page shows besides the figures."""
        return {}

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[object]:
        """Return the nouns of one app; pages list none of all, for the menu is ours."""
        return super().get_app_list(request, app_label) if app_label else []

    def search(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Close Unfold's search over models: each list has its own."""
        raise Http404
