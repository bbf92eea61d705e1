"""What the pages of both sites have in common.

What lives here: Django's ModelAdmin, bent to this house: rows come from models/visible.py, work is done by
services, errors of ours become form errors (service_form.py), the history is the audit trail.
It must not know which site or noun it serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey, Model, Q, QuerySet
from django.forms import ModelChoiceField, ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_protect

from deliveries.admin.base.acts import ActPages
from deliveries.admin.base.service_form import ServiceForm
from deliveries.admin.parts.ids import read_id
from deliveries.admin.parts.page_addresses import address_of
from deliveries.admin.parts.paging import NEWEST_FIRST, Row
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.parts.viewer import actor_of
from deliveries.admin.parts.widgets import RowPicker
from deliveries.admin.words.actor_words import actor_in_words, actors_called
from deliveries.admin.words.audit_actions import action_in_words
from deliveries.admin.words.audit_words import in_lines
from deliveries.admin.words.error_words import errors_called
from deliveries.errors import HookpostError
from deliveries.models import AuditEntry, visible
from deliveries.models.visible import OPERATOR, Viewer
from deliveries.services.common.languages import tell

HISTORY_LIMIT = 200
# Columns that pages show in words: what is stored, by what somebody may type of it.
CALLED: Mapping[str, Callable[[str], Sequence[str]]] = {"actor": actors_called, "error": errors_called}

Fieldsets = tuple[tuple[str | None, Any], ...]  # what a fieldset says of its fields has no public type


class OwnTransactions(admin.ModelAdmin):
    """Saves without Django's transaction around the view.

    Services open their own: while a name is resolved, none may be open.
    """

    @method_decorator(csrf_protect)
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Serve the form, as Django would inside of its transaction."""
        answer: HttpResponse = self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]
        return answer


class PageAdmin(ActPages[Row], OwnTransactions):
    """Base of every page that shows rows."""

    rows: ClassVar[Callable[[Viewer], QuerySet[Any]]]
    may_add: ClassVar[bool] = True  # these three: by somebody who has the right; else by nobody
    may_change: ClassVar[bool] = True
    may_delete: ClassVar[bool] = True
    search_by: ClassVar[Sequence[str]] = ()
    stays: ClassVar[bool] = False  # at the row's page after saving it
    ordering = (NEWEST_FIRST,)
    change_form_template = "hookpost/form.html"
    actions = None

    # --- who may

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Where the noun says so, by Django's permissions."""
        return self.may_add and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Where the noun says so, by Django's permissions."""
        return self.may_change and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Where the noun says so, by Django's permissions."""
        return self.may_delete and super().has_delete_permission(request, obj)

    # --- which rows

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: object
    ) -> ModelChoiceField | None:
        """Let rows be picked by typing, where the page says so."""
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", RowPicker(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def viewer(self, request: HttpRequest) -> Viewer:
        """Return whose eyes these are; staff see all."""
        return OPERATOR

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        """Return what this viewer may see, and nothing else."""
        return type(self).rows(self.viewer(request))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Row | None:
        """Return a row by TypeID or UUID, or None; whoever only looks is shown one reading of it."""
        if (key := self.key_of(object_id)) is None:
            return None
        known: dict[UUID, Row | None] = vars(request).setdefault(f"rows_of_{self.opts.label_lower}", {})
        if key not in known or request.method not in ("GET", "HEAD"):
            known[key] = self.get_queryset(request).filter(pk=key).first()
        return known[key]

    def row_or_404(self, request: HttpRequest, object_id: str) -> Row:
        """Return a row that this viewer may see; another one does not exist for them."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        return row

    def refuse_others(self, request: HttpRequest, row: Row) -> None:
        """Raise PermissionDenied for who may not see the row."""
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied

    def key_of(self, text: str) -> UUID | None:
        """Read an id of this noun in either form; None for anything else."""
        return read_id(getattr(self.model, "PREFIX", ""), text)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Row], search_term: str
    ) -> tuple[QuerySet[Row], bool]:
        """Find by id, or by the columns named in `search_by`."""
        term = search_term.strip()
        if not term:
            return queryset, False
        key = self.key_of(term)
        condition = Q(pk=key) if key is not None else Q(pk__in=[])
        for lookup in self.search_by:
            called = CALLED.get(lookup)
            condition |= Q(**{f"{lookup}__in": called(term)}) if called else Q(**{lookup: term})
        return queryset.filter(condition), False

    def told_of(self, rows: Sequence[Row]) -> Mapping[UUID, SafeString]:
        """Return what a search says of rows besides their names, by their keys."""
        return {}

    # --- addresses

    def page_url(self, row: Model) -> str:
        """Return the address of a row's page on this site."""
        return self.url("change", getattr(row, "public_id", row.pk))

    def about(self, row: Row, crumb: str) -> dict[str, object]:
        """Return what the head of a page beside a row's own says: the list, the row, and what the page is."""
        return {"opts": self.opts, "object": row, "row_url": self.page_url(row), "crumb": crumb, **self.named(row)}

    def named(self, row: Row) -> dict[str, object]:
        """Return the name of a row at the head of its pages, where its id alone would tell nobody anything."""
        return {}

    def url(self, name: str, *args: object, model: str = "") -> str:
        """Return an address of a noun on this site; of this noun unless told otherwise."""
        noun = f"deliveries_{model}" if model else f"{self.opts.app_label}_{self.opts.model_name}"
        return address_of(f"{self.admin_site.name}:{noun}_{name}", args)

    # --- forms

    def get_form(
        self, request: HttpRequest, obj: Row | None = None, change: bool = False, **kwargs: object
    ) -> type[ModelForm]:
        """Let the form know what a service refused (see changeform_view)."""
        form: type[ModelForm] = super().get_form(request, obj, change=change, **kwargs)
        if issubclass(form, ServiceForm):
            form.refused = getattr(request, "refused", None)
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Show what a service refused at the field that it names; nothing was stored then."""
        if object_id is not None:
            self.row_or_404(request, object_id)
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except HookpostError as refused:
            request.refused = refused  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Head the page by what is added, in the reader's language: Django says the noun as the model has it."""
        title = tell("Add {noun}", noun=gettext(str(self.opts.verbose_name)))
        return super().add_view(request, form_url, {"title": title, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Show one row with what stands beside it."""
        row = self.get_object(request, object_id)
        beside = {} if row is None else self.beside(request, row)
        return super().change_view(request, object_id, form_url, {**beside, **(extra_context or {})})

    def beside(self, request: HttpRequest, row: Row) -> dict[str, object]:
        """Return what the page shows besides the row."""
        return {}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, object], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """One button that saves; the page that follows says what comes next."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Say that a row is not there before saying that it may not be deleted."""
        self.row_or_404(request, object_id)
        return super().delete_view(request, object_id, extra_context)

    def get_deleted_objects(
        self, objs: Iterable[Row], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Name what goes: a service deletes it, and not what Django would find."""
        return [self.gone_with(row) for row in objs], {}, set(), []

    def gone_with(self, row: Row) -> str:
        """Say what goes with a row."""
        return str(row)

    def response_post_save_change(self, request: HttpRequest, obj: Row) -> HttpResponseRedirect:
        """Go on to the row's own page where that is what one works with, else to the list."""
        to_list = super().response_post_save_change(request, obj)
        return HttpResponseRedirect(self.page_url(obj)) if self.stays else to_list

    # --- saving: save_form has a service do it, and there is nothing left to do

    def save_model(self, request: HttpRequest, obj: Row, form: ModelForm, change: bool) -> None:
        """Keep what the service stored."""

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: object, change: bool) -> None:
        """Keep what the service stored: a form is all there is."""

    # --- the trail

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> TemplateResponse:
        """Show the audit entries of one row."""
        row = self.row_or_404(request, object_id)
        self.refuse_others(request, row)
        entries = (
            visible.audit_entries(OPERATOR)
            .filter(object_id=getattr(row, "public_id", ""))
            .order_by("-id")[:HISTORY_LIMIT]
        )
        context = {
            "title": tell("Audit trail of {what}", what=str(row)),
            **self.about(row, gettext("Audit trail")),
            "entries": [self.shown_entry(entry) for entry in entries],
        }
        return page_of(self.admin_site, request, "hookpost/history.html", context)

    def shown_entry(self, entry: AuditEntry) -> dict[str, object]:
        """Return an entry as this site shows it; staff see all of it."""
        shown = {name: getattr(entry, name) for name in ("at", "reason", "note")}
        told = {"actor": actor_in_words(entry.actor), "action": action_in_words(entry.action)}
        return {**shown, **told, "detail": list(in_lines(entry.detail))}

    def actor(self, request: HttpRequest) -> str:
        """Return the name that goes into the audit trail."""
        return actor_of(request)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Keep no second trail: services write the audit entry."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Keep no second trail: services write the audit entry."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Keep no second trail: services write the audit entry."""
