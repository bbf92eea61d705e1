"""Sending again, or cancelling, all that a list is narrowed to: counted first, with a reason, as a job.

What lives here: the page between the list and the job. It must not know how a job is done.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, gettext_noop

from deliveries.actors import ring_job
from deliveries.admin.base.acts import sentence
from deliveries.admin.base.counted import LIST_LOOKS, number_of
from deliveries.admin.base.live import NOTHING_NEW
from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.delivery.delivery_list import selection_of
from deliveries.admin.lists.asked import Asked
from deliveries.admin.parts.rendering import page_of
from deliveries.errors import HookpostError, InvalidInput
from deliveries.models import Customer, Delivery, Job, visible
from deliveries.models.visible import Viewer
from deliveries.services.common.languages import tell
from deliveries.services.reading.selection import Selection
from deliveries.services.resending.candidates import PAGE_LOOKS
from deliveries.services.resending.jobs import count_matching, start_job

TITLES = {"redeliver": gettext_noop("Redeliver all that match"), "cancel": gettext_noop("Cancel all that match")}
KINDS = {"redeliver": Job.Kind.REDELIVER, "cancel": Job.Kind.CANCEL}


class RedeliverAllPages(PageAdmin[Delivery]):
    """Mixed into the pages of deliveries."""

    def get_urls(self) -> list[URLPattern]:
        """Add the pages."""
        views = {"all": self.all_view, "all-count": self.count_view}
        pages = [
            path(
                f"{act}-{name}/",
                self.admin_site.admin_view(partial(view, act=act)),
                name=f"deliveries_delivery_{act}_{name.replace('-', '_')}",
            )
            for act in KINDS
            for name, view in views.items()
        ]
        return [*pages, *super().get_urls()]

    @abstractmethod
    def may_redeliver(self, request: HttpRequest) -> bool:
        """Say whether the person may send deliveries again, or cancel them."""

    def all_view(self, request: HttpRequest, *, act: str) -> HttpResponse:
        """Say how many are meant and ask why; a POST starts the job and leads to its page."""
        if not self.may_redeliver(request):
            raise PermissionDenied
        asked, trouble, typed = self.asked(request), "", dict[str, object]()
        try:
            selection = selection_meant(asked)
            if request.method == "POST" and not (typed := self.wrong_why(request)):
                return HttpResponseRedirect(self.start(request, KINDS[act], selection))
            count = count_matching(KINDS[act], selection, viewer=self.viewer(request), looks=PAGE_LOOKS)
        except HookpostError as error:
            count, trouble = None, sentence(error)
        context = {
            "title": gettext(TITLES[act]),
            "opts": self.opts,
            "crumb": gettext(TITLES[act]),
            "takes_notes": False,  # a job keeps none
            "asked": asked,
            "count": count,
            "number": tell("{number}", number=count.number) if count else "",
            "trouble": trouble,
            "back_url": f"{self.url('changelist')}{asked.filter_query}",
            **typed,
        }
        return page_of(self.admin_site, request, f"hookpost/{act}_all.html", context)

    def count_view(self, request: HttpRequest, *, act: str) -> HttpResponse:
        """Tell how many are meant, as far as a list counts; nothing of what cannot be dealt with as a whole."""
        if not self.may_redeliver(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        try:
            selection = selection_meant(self.asked(request))
            return number_of(count_matching(KINDS[act], selection, viewer=self.viewer(request), looks=LIST_LOOKS))
        except HookpostError:
            return HttpResponse(status=NOTHING_NEW)

    def start(self, request: HttpRequest, kind: Job.Kind, selection: Selection) -> str:
        """Start the job; returns the address of its page."""
        viewer = self.viewer(request)
        job = start_job(
            kind,
            selection,
            customer=owner_of(selection, viewer),
            actor=self.actor(request),
            reason=self.why(request)["reason"],
            by_operator=viewer.is_operator,
        )
        ring_job(job.id)
        return self.url("change", job.public_id, model="job")


def selection_meant(asked: Asked) -> Selection:
    """Return what a list is narrowed to, as a job can keep it; raises InvalidInput."""
    if asked.troubles:
        raise InvalidInput(asked.troubles[0])
    if asked.words:
        raise InvalidInput(gettext("A search for an id cannot be dealt with as a whole: use the filters."))
    selection, customers = selection_of(asked)
    if len(customers) > 1:
        raise InvalidInput(gettext("Several customers have this in their name: choose one."))
    if selection.is_empty:
        raise InvalidInput(gettext("Narrow the list first: this would be every delivery there is."))
    return selection


def owner_of(selection: Selection, viewer: Viewer) -> Customer | None:
    """Return whose deliveries alone are meant, who then sees the job too; None for several customers' at once."""
    if viewer.customer_id is not None:
        return visible.customers(viewer).first()
    if selection.customer_id is not None:
        return visible.customers(viewer).filter(id=selection.customer_id).first()
    if selection.endpoint_id is None:
        return None
    endpoint = visible.endpoints_ever(viewer).select_related("customer").filter(id=selection.endpoint_id).first()
    return endpoint.customer if endpoint else None
