"""The page behind a link that sets a password, the same on both sites: afterwards one logs in, second factor and all.

What lives here: from the browser to Django's form. Opening the link changes nothing, as mail scanners do it too.
Each site takes its own links only.
"""

from __future__ import annotations

from typing import Any

from axes.utils import reset
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminPasswordWidget

from deliveries.admin.parts.rendering import with_our_templates
from deliveries.services.people.password_links import record_set, tokens, user_of_link


class NewPasswordForm(SetPasswordForm):
    """A password, twice."""

    def __init__(self, user: AbstractBaseUser, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        for field in self.fields.values():
            field.widget = UnfoldAdminPasswordWidget(attrs={**field.widget.attrs, "autocomplete": "new-password"})


class SetPasswordView(PasswordResetConfirmView):
    """Set a password by a link of this site."""

    site: AdminSite = None  # type: ignore[assignment]  # given by as_view
    form_class = NewPasswordForm
    template_name = "hookpost/set_password.html"
    token_generator = tokens

    def get_user(self, uidb64: str) -> AbstractUser | None:  # type: ignore[override]
        """Find whom the link is of, if it is one of this site."""
        return user_of_link(uidb64, site=self.site.name)

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Take our template, whatever the order of a project's apps is."""
        return with_our_templates(super().dispatch(request, *args, **kwargs))

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        """Set it, which ends every session; who is locked out after wrong ones may try again."""
        answer = super().form_valid(form)
        record_set(form.user)
        reset(username=form.user.get_username())
        messages.success(self.request, gettext("The password is set. Log in with it."))
        return answer

    def get_success_url(self) -> str:
        """Go on to the log-in."""
        return reverse(f"{self.site.name}:login")

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        """Add what the site's pages need."""
        self.request.current_app = self.site.name
        title = gettext("Choose a password") if self.validlink else gettext("This link does not work any more")
        return {
            **super().get_context_data(**kwargs),
            **self.site.each_context(self.request),
            "title": title,
            "login_url": self.get_success_url(),
        }
