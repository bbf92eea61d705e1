"""The page for a forgotten password, the same on both sites: a name goes in, and what comes back tells nothing.

What lives here: from the browser to services/people/password_links.py. Where no mail goes out, it says whom to ask
instead.
"""

from __future__ import annotations

from axes.helpers import get_client_ip_address
from django import forms
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminTextInputWidget

from deliveries.admin.parts.rendering import page_of
from deliveries.services.common.site_links import STAFF
from deliveries.services.people.password_links import NAME_LIMIT, ask_for_link, may_ask, reaches_mail


class ForgottenForm(forms.Form):
    """Who has forgotten a password."""

    name = forms.CharField(
        label=gettext_lazy("Username or e-mail address"),
        max_length=NAME_LIMIT,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "username", "autofocus": True}),
    )


@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten_view(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """Ask for a name; a POST has a link mailed if there is such a log-in, and says the same if there is none."""
    can_mail = reaches_mail()
    form, is_asked, status = ForgottenForm(request.POST or None), False, 200
    if can_mail and request.method == "POST" and form.is_valid():
        if may_ask(get_client_ip_address(request) or ""):
            ask_for_link(form.cleaned_data["name"], site=site.name)
            is_asked = True
        else:
            form.add_error(None, gettext("Too many were asked for from your address. Try again in an hour."))
            status = 429
    context = {
        "title": gettext("Forgotten password"),
        "form": form,
        "can_mail": can_mail,
        "is_asked": is_asked,
        "is_staff_site": site.name == STAFF,
    }
    return page_of(site, request, "hookpost/forgotten.html", context, status=status)
