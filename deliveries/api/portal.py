"""/customers/{customer}/portal-link, and the page that such a link leads to.

What lives here: making the link by API, and using it in a browser. It must not know the portal's pages.
Opening a link changes nothing, because mail scanners open links too: a button uses it up.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import caller_of, refuse_customer_keys
from deliveries.api.base import ApiView, given
from deliveries.api.describe import extend_schema
from deliveries.api.error_pages import look_of
from deliveries.api.fields import Choice, Flag, Moment, Shape, Text
from deliveries.api.lookups import find_customer
from deliveries.conf import conf
from deliveries.errors import Conflict
from deliveries.protocol.who.member_roles import BOUND, READ_ONLY, THEME
from deliveries.services.common.languages import IN_SESSION, LANGUAGES
from deliveries.services.common.site_links import EMBEDDED_PREFIX, IS_EMBEDDED, PORTAL, site_root
from deliveries.services.link_backend import LINK_BACKEND
from deliveries.services.people.brands import operator_brand
from deliveries.services.people.portal_links import LinkOptions, begin_of, create_link, options_of, redeem_link

# Not no-referrer: under it browsers post `Origin: null`, which nobody can tell from another site's form. This one
# sends the origin, and never the path with the token in it.
REFERRER_POLICY = "strict-origin"
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
EMBEDDED_SECONDS = 3600


class LinkRequestShape(Shape):
    """Whom to log in."""

    email = Text(required=False, max_length=150, help_text="A member's address; a member is made if there is none.")
    next = Text(required=False, max_length=500, help_text="Where in the portal it begins, such as /portal/members/.")
    read_only = Flag(  # type: ignore[assignment]  # a form's field of the name of one of a serializer's own
        required=False, help_text="The session looks and changes nothing, whatever the member's role."
    )
    theme = Choice(choices=["light", "dark"], required=False, help_text="In place of the browser's.")
    language = Choice(
        choices=[*LANGUAGES.items()], required=False, help_text="In place of the member's choice and the browser's."
    )
    embedded = Flag(required=False, help_text="For a frame in a page that HOOKPOST_FRAME_ANCESTORS names.")


class LinkShape(Shape):
    """A link that logs a member in once."""

    url = serializers.URLField()
    expires_at = Moment()


class PortalLinkView(ApiView):
    """One-time links."""

    @extend_schema(operation_id="create_portal_link", request=LinkRequestShape, responses={201: LinkShape})
    def post(self, request: Request, customer: str) -> Response:
        """Return a link that logs a member of the customer in, once, within ten minutes."""
        owner = find_customer(caller_of(request).viewer, customer)
        refuse_customer_keys(request)
        asked = given(LinkRequestShape, request)
        if asked.get("embedded") and not conf.frame_ancestors:
            raise Conflict("nobody's pages may frame the portal: HOOKPOST_FRAME_ANCESTORS is empty")
        actor, options = caller_of(request).actor, _options(asked)
        link, token = create_link(owner, actor=actor, email=asked.get("email"), options=options)
        where = f"{conf.base_url}{EMBEDDED_PREFIX if asked.get('embedded') else ''}"
        url = f"{where}/portal-link?{urlencode({'token': token})}"
        return Response({"url": url, "expires_at": Moment().to_representation(link.expires_at)}, status=201)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def use_link(request: HttpRequest) -> HttpResponse:
    """Show the button, or use the link up and go to the portal."""
    if request.method != "POST":
        return _asked(request, request.GET.get("token", ""))
    token = request.POST.get("token", "")
    member = redeem_link(token)
    if member is None:
        used_up = {
            "title": gettext("This link is used up"),
            "sentence": gettext("Ask for a fresh one where you got it."),
        }
        return _page(request, used_up, status=410)
    login(request, member.user, backend=LINK_BACKEND)
    request.session[BOUND] = str(member.pk)  # the link was made for one customer, and leads to no other
    options = options_of(token)
    request.session.update({READ_ONLY: options.read_only, THEME: options.theme})
    if options.language:
        request.session[IN_SESSION] = options.language
    if request.META.get(IS_EMBEDDED):
        request.session.set_expiry(EMBEDDED_SECONDS)
    return HttpResponseRedirect(f"{site_root(PORTAL) or '/'}{options.begin_at}")


def _options(asked: Mapping[str, object]) -> LinkOptions:
    path = str(asked.get("next", ""))
    return LinkOptions(
        begin_at=begin_of(path) if path else "",
        read_only=bool(asked.get("read_only")),
        theme=str(asked.get("theme", "")),
        language=str(asked.get("language", "")),
    )


def _asked(request: HttpRequest, token: str) -> HttpResponse:
    """Return the page with the button, which presses itself in a frame."""
    shown = {"title": gettext("Customer portal"), "token": token}
    if request.META.get(IS_EMBEDDED):
        shown |= {"sentence": gettext("It opens in a moment."), "button": gettext("Open"), "at_once": "yes"}
        return _page(request, shown, policy=f"{POLICY}; script-src 'self'")
    shown |= {"sentence": gettext("Log in with this one-time link."), "button": gettext("Log in")}
    return _page(request, shown)


def _page(request: HttpRequest, shown: dict[str, str], *, status: int = 200, policy: str = POLICY) -> HttpResponse:
    form = {"action": request.path, "csrf_token": get_token(request)}
    text = render_to_string("hookpost/portal_link.html", {**look_of(operator_brand()), **form, **shown})
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": REFERRER_POLICY}
    return HttpResponse(text, status=status, headers=headers)
