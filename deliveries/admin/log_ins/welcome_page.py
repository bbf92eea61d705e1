"""The page behind a member's first link: set a password, and be logged in.

What lives here: from the browser to Django's form. It must not make links.
"""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse_lazy
from django.utils.translation import gettext

from deliveries.admin.log_ins.set_password import NewPasswordForm
from deliveries.admin.parts.rendering import with_our_templates
from deliveries.services.common.languages import tell
from deliveries.services.common.site_links import PORTAL
from deliveries.services.link_backend import LINK_BACKEND
from deliveries.services.people.brands import operator_brand
from deliveries.services.people.members import find_member


class WelcomeView(PasswordResetConfirmView):
    """Set the first password of a member."""

    site: AdminSite = None  # type: ignore[assignment]  # given by as_view
    form_class = NewPasswordForm
    template_name = "hookpost/welcome.html"
    success_url = reverse_lazy(f"{PORTAL}:index")
    post_reset_login = True
    post_reset_login_backend = LINK_BACKEND

    def get_user(self, uidb64: str) -> User | None:
        """Find the user by the link, never one of staff."""
        member = find_member(uidb64)
        return None if member is None else member.user

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Take our template, whatever the order of a project's apps is."""
        return with_our_templates(super().dispatch(request, *args, **kwargs))

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        """Add what the site's pages need."""
        self.request.current_app = self.site.name
        title = gettext("This link does not work any more")
        if self.validlink:
            title = tell("Welcome to {name}", name=operator_brand().name)
        return {**super().get_context_data(**kwargs), **self.site.each_context(self.request), "title": title}
