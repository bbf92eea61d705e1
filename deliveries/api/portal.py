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
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import caller_of, refuse_customer_keys
from deliveries.api.base import ApiView, given
from deliveries.api.describe import extend_schema
from deliveries.api.fields import Flag, Moment, Shape, Text
from deliveries.api.lookups import find_customer
from deliveries.conf import conf
from deliveries.errors import Conflict
from deliveries.protocol.member_roles import BOUND, READ_ONLY, THEME
from deliveries.services.brands import operator_brand
from deliveries.services.languages import IN_SESSION, LANGUAGES, spoken
from deliveries.services.link_backend import LINK_BACKEND
from deliveries.services.portal_links import LinkOptions, begin_of, create_link, options_of, redeem_link
from deliveries.services.site_links import EMBEDDED_PREFIX, IS_EMBEDDED, PORTAL, site_root

# Not no-referrer: under it browsers post `Origin: null`, which nobody can tell from another site's form. This one
# sends the origin, and never the path with the token in it.
REFERRER_POLICY = "strict-origin"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
PAGE = """<!doctype html>
<html lang="{}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{}</title>
<style>body {{ font: 16px system-ui, sans-serif; margin: 15vh auto; max-width: 24rem; padding: 0 1rem }}
button {{ font: inherit; padding: .6rem 1.2rem }}</style></head>
<body><h1>{}</h1><p>{}</p>{}</body></html>"""
FORM = """<form method="post" action="{}"><input type="hidden" name="csrfmiddlewaretoken" value="{}">
<input type="hidden" name="token" value="{}"><button>{}</button></form>"""
AT_ONCE = """<form method="post" action="{}" data-hp-at-once><input type="hidden" name="csrfmiddlewaretoken" value="{}">
<input type="hidden" name="token" value="{}"><button>{}</button></form><script src="{}"></script>"""
EMBEDDED_SECONDS = 3600


class LinkRequestShape(Shape):
    """Whom to log in."""

    email = Text(required=False, max_length=150, help_text="A member's address; a member is made if there is none.")
    next = Text(required=False, max_length=500, help_text="Where in the portal it begins, such as /portal/members/.")
    read_only = Flag(  # type: ignore[assignment]  # a form's field of the name of one of a serializer's own
        required=False, help_text="The session looks and changes nothing, whatever the member's role."
    )
    theme = serializers.ChoiceField(choices=["light", "dark"], required=False, help_text="In place of the browser's.")
    language = serializers.ChoiceField(
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
        token = request.GET.get("token", "")
        if request.META.get(IS_EMBEDDED):
            form = format_html(
                AT_ONCE, request.path, get_token(request), token, gettext("Open"), static("hookpost/framed.js")
            )
            return _page(
                gettext("Customer portal"),
                gettext("It opens in a moment."),
                form,
                policy=f"{POLICY}; script-src 'self'",
            )
        form = format_html(FORM, request.path, get_token(request), token, gettext("Log in"))
        return _page(gettext("Customer portal"), gettext("Log in with this one-time link."), form)
    token = request.POST.get("token", "")
    member = redeem_link(token)
    if member is None:
        return _page(gettext("This link is used up"), gettext("Ask for a fresh one where you got it."), "", status=410)
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


def _page(title: str, sentence: str, form: str, *, status: int = 200, policy: str = POLICY) -> HttpResponse:
    body = format_html(PAGE, spoken(), operator_brand().name, title, sentence, form)
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": REFERRER_POLICY}
    return HttpResponse(body, status=status, headers=headers)
