"""Acts: what a person does to a row with one button, a POST of its own.

What lives here: the addresses of acts, who may, and the question before an act that cannot simply be taken back.
It must not know any noun.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, gettext_noop

from deliveries.admin.lists.listing import ListPages
from deliveries.admin.parts.badges import first_large
from deliveries.admin.parts.paging import Row
from deliveries.admin.parts.rendering import page_of
from deliveries.errors import HookpostError, InvalidInput
from deliveries.models.base import REASON_LIMIT
from deliveries.services.common.languages import said_by
from deliveries.services.common.site_links import STAFF

NOTHING_LEFT = gettext_noop(
    "Nothing of what is meant can be sent now: it has arrived, is on its way, or its event is gone from the log."
)
WHY = ("reason", "note")
OWN_FIELDS = ("csrfmiddlewaretoken", "confirmed", *WHY)
_why = forms.CharField(required=False, max_length=REASON_LIMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked before an act: what will happen, and the word on the button, if anything would."""

    title: str
    what: str
    button: str
    takes_reason: bool = True
    is_empty: bool = False
    takes_away: bool = False  # something that nothing brings back, or somebody's way in

    @property
    def variant(self) -> str:
        """How the button looks that says yes: red where something is lost."""
        return "danger" if self.takes_away else "primary"


def nothing_to_send() -> Question:
    """Say that an act would send nothing, and why that may be."""
    return Question(title=gettext("There is nothing to send"), what=gettext(NOTHING_LEFT), button="", is_empty=True)


def none_found_yet(what: str) -> Question:
    """Ask before all of a long log is looked through for what was not found where it was looked for."""
    return Question(
        title=gettext("Send again all that match? None of them was found yet."),
        what=what,
        button=gettext("Redeliver all of them"),
    )


class ActPages(ListPages[Row]):
    """Mixed into pages: acts upon their rows."""

    acts: ClassVar[Sequence[str]] = ()

    def get_urls(self) -> list[URLPattern]:
        """Add one address for each act; an act is a POST."""
        acts = [
            path(
                f"<path:object_id>/{act}/",
                self.admin_site.admin_view(partial(self.act_view, act=act)),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{act}",
            )
            for act in self.acts
        ]
        return [*acts, *super().get_urls()]

    def may_act(self, request: HttpRequest, act: str, row: Row) -> bool:
        """Say whether the person may do this to the row."""
        return bool(self.has_change_permission(request, row))

    @abstractmethod
    def about(self, row: Row, crumb: str) -> dict[str, object]:
        """Return what the head of a page beside a row's own says."""

    def question(self, request: HttpRequest, act: str, row: Row) -> Question | None:
        """Return what is asked before an act; None for one that is done at once."""
        return None

    def act_view(self, request: HttpRequest, object_id: str, *, act: str) -> HttpResponse:
        """Do one act to one row, once it is confirmed where that is asked for, and go back to its page."""
        row = self.row_or_404(request, object_id)
        if request.method in ("GET", "HEAD") and self.has_view_or_change_permission(request, row):
            return HttpResponseRedirect(self.page_url(row))  # a log-in leads here that ended before the button
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["POST"])
        if request.method != "POST" or not self.may_act(request, act, row):
            raise PermissionDenied
        try:
            question = None if request.POST.get("confirmed") == "yes" else self.question(request, act, row)
            if question is not None:
                return self.ask(request, row, question)
            answer: HttpResponse | None = getattr(self, f"act_{act.replace('-', '_')}")(request, row)
        except HookpostError as error:
            messages.error(request, sentence(error))
            answer = self.show_again(request, row, act, error)
        return answer or HttpResponseRedirect(self.page_url(row))

    def show_again(self, request: HttpRequest, row: Row, act: str, error: HookpostError) -> HttpResponse | None:
        """Return the page with what was typed, where a field was wrong; None for an act without that field."""
        if not (typed := typed_again(request, error)):
            return None
        if typed["wrong"] in WHY and (question := self.question(request, act, row)):
            return self.ask(request, row, question, typed)
        request.method = "GET"  # the page's own form was not sent, and goes to the page's own address
        answer: HttpResponse = self.change_view(request, str(row.pk), self.page_url(row), typed)
        return answer

    def ask(
        self, request: HttpRequest, row: Row, question: Question, typed: Mapping[str, object] | None = None
    ) -> HttpResponse:
        """Show what will happen, with a button that does it and what was chosen or typed before."""
        context = {
            "title": question.title,
            **self.about(row, question.button or question.title),
            "question": question,
            "chosen": [(name, value) for name, value in request.POST.items() if name not in OWN_FIELDS],
            "back_url": self.page_url(row),
            **(typed or {}),
        }
        return page_of(self.admin_site, request, "hookpost/confirm.html", context)

    def acts_for(self, request: HttpRequest, row: Row) -> dict[str, str]:
        """Return the addresses of the acts that are open to this person."""
        return {
            act.replace("-", "_"): self.url(act, getattr(row, "public_id", row.pk))
            for act in self.acts
            if self.may_act(request, act, row)
        }

    def why(self, request: HttpRequest) -> dict[str, str]:
        """Return the reason that was given with an act, for customers to read; on the staff site a note too.

        Raises InvalidInput.
        """
        takes_note = self.admin_site.name == STAFF
        return {"reason": _text(request, "reason"), "note": _text(request, "note") if takes_note else ""}

    def wrong_why(self, request: HttpRequest) -> dict[str, object]:
        """Return what a template shows of a reason that is refused; nothing of one that is not."""
        try:
            self.why(request)
        except InvalidInput as error:
            return typed_again(request, error)
        return {}


def sentence(error: HookpostError) -> str:
    """Return the message of an error as a sentence."""
    text = said_by(error) or gettext("that is not possible now")
    return first_large(text) + ("" if text.endswith((".", "!", "?")) else ".")


def typed_again(request: HttpRequest, error: HookpostError) -> dict[str, object]:
    """Return what a template shows of a form that was refused; nothing where the error is about none of its fields."""
    field = error.field if isinstance(error, InvalidInput) else ""
    return {"typed": request.POST, "wrong": field, "wrong_words": sentence(error)} if field in request.POST else {}


def _text(request: HttpRequest, name: str) -> str:
    try:
        text: str = _why.clean(request.POST.get(name, ""))
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages), field=name) from error
    return text
