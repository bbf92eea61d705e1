"""What is mailed to a member: the page of one's choices, and the page behind the link at the end of each letter.

What lives here: from the browser to services/telling/mail_choices.py. It must not know letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from deliveries.admin.base.acts import sentence
from deliveries.admin.lists.list_filters import clean
from deliveries.admin.lists.owner_filters import endpoints_called, named
from deliveries.admin.parts.ids import read_id
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.parts.viewer import member_actor, memberships_of
from deliveries.errors import InvalidInput
from deliveries.models import Endpoint, Member, visible
from deliveries.models.visible import Viewer
from deliveries.services.common.languages import tell
from deliveries.services.people.brands import brand_of
from deliveries.services.telling.mail_choices import KINDS, Choices, choose_mail, find_reader, unsubscribe

if TYPE_CHECKING:
    from deliveries.admin.site.sites import PortalSite

SHOWN = 100
WORDS_LIMIT = 100


class MailForm(forms.Form):
    """What is to be mailed; of endpoints those that are shown, others stay as they were."""

    rhythm = forms.ChoiceField(label=gettext_lazy("When"), choices=Member.MailRhythm.choices, widget=forms.RadioSelect)
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("About what"),
        choices=[(kind.value, kind.label) for kind in KINDS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    endpoints = forms.MultipleChoiceField(
        label=gettext_lazy("About which endpoints"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Those that are registered later are mailed about too."),
    )

    def __init__(self, member: Member, shown: Sequence[Endpoint], data: object = None) -> None:
        kinds = [kind.value for kind in KINDS if kind not in member.muted_kinds]
        wanted = [row.public_id for row in shown if row.pk not in member.muted_endpoints]
        initial = {"rhythm": member.mail_rhythm, "kinds": kinds, "endpoints": wanted}
        super().__init__(data, initial=initial)  # type: ignore[arg-type]
        self.member, self.shown = member, shown
        cast(forms.MultipleChoiceField, self.fields["endpoints"]).choices = [
            (row.public_id, named(row)) for row in shown
        ]

    def chosen(self) -> Choices:
        """Return what was chosen."""
        wanted, shown = set(self.cleaned_data["endpoints"]), {row.pk for row in self.shown}
        others = [key for key in self.member.muted_endpoints if key not in shown]
        muted = [*others, *(row.pk for row in self.shown if row.public_id not in wanted)]
        kinds = [kind.value for kind in KINDS if kind not in self.cleaned_data["kinds"]]
        return Choices(self.cleaned_data["rhythm"], kinds, muted)


@require_http_methods(["GET", "HEAD", "POST"])
def mail_view(request: HttpRequest, object_id: str, *, site: PortalSite) -> HttpResponse:
    """Show what is mailed to oneself about one of one's customers; a POST changes it."""
    key = read_id(Member.PREFIX, object_id)
    member = next((each for each in memberships_of(request) if each.pk == key), None)
    if member is None:
        raise Http404
    words = clean(request.GET.get("q", "")).strip()[:WORDS_LIMIT]
    shown = _shown(member, words)
    form = MailForm(member, shown[:SHOWN], request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            choose_mail(member, form.chosen(), actor=member_actor(request))
        except InvalidInput as error:
            form.add_error(error.field if error.field in form.fields else None, sentence(error))
        else:
            messages.success(
                request, tell("Saved. This is how you are written to about {customer}.", customer=member.customer.name)
            )
            return HttpResponseRedirect(request.get_full_path())
    context = {
        "title": gettext("Mail"),
        "subtitle": member.customer.name,
        "form": form,
        "address": getattr(member.user, member.user.get_email_field_name()),
        "words": words,
        "shown_limit": SHOWN if len(shown) > SHOWN else 0,
        "back_url": reverse(f"{site.name}:profile"),
    }
    return page_of(site, request, "hookpost/mail.html", context)


def _shown(member: Member, words: str) -> list[Endpoint]:
    """Return the endpoints to choose from, and one more where there are more."""
    rows = visible.endpoints(Viewer(customer_id=member.customer_id))
    rows = endpoints_called(rows, words) if words else rows
    return list(rows.order_by("url", "id")[: SHOWN + 1])


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_view(request: HttpRequest, token: str, *, site: PortalSite) -> HttpResponse:
    """Ask whether letters are to end, for scanners follow links; a POST ends them, a mail program's too (RFC 8058).

    No log-in, cookie or token of a form is asked for: the link is signed, and in the letter alone.
    """
    member = find_reader(token)
    context: dict[str, object] = {"title": gettext("This link does not work any more")}
    if member is not None:
        if request.method == "POST":
            unsubscribe(member)
            member.refresh_from_db(fields=["mail_rhythm"])
        is_over = member.mail_rhythm == Member.MailRhythm.NEVER
        address = getattr(member.user, member.user.get_email_field_name())
        title = gettext("You get no more letters") if is_over else gettext("No more letters?")
        context = {"title": title, "member": member, "is_over": is_over, "address": address}
    brand, status = (brand_of(member.customer), 200) if member else (None, 410)
    return page_of(site, request, "hookpost/unsubscribe.html", context, brand=brand, status=status)
