"""Pages of the two sites: their frame, and their templates.

What lives here: an engine beside the project's own, whose admin keeps Django's templates. Ours and Unfold's come first
in it, whatever the order of a project's apps is. It must not know a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from django.apps import apps
from django.http.response import HttpResponseBase
from django.template import TemplateDoesNotExist
from django.template.backends.django import DjangoTemplates, Template
from django.template.response import SimpleTemplateResponse, TemplateResponse

from deliveries.services.people.brands import Brand

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.http import HttpRequest

    from deliveries.admin.site.site_base import HookpostSite

Answer = TypeVar("Answer", bound=HttpResponseBase)
PROCESSORS = (
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
)
NEVER_KEPT = {"Cache-Control": "no-store, no-transform"}  # neither we nor a proxy compresses the secret on such a page


def page_of(
    site: AdminSite,
    request: HttpRequest,
    template: str,
    context: Mapping[str, object],
    *,
    brand: Brand | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> TemplateResponse:
    """Return a page in the frame of its site; in a customer's brand where one is given."""
    request.current_app = site.name
    shown = {**site.each_context(request), **context}
    if brand is not None:
        shown |= cast("HookpostSite", site).look_of(brand, shown)
    return with_our_templates(TemplateResponse(request, template, shown, status=status, headers=headers))


def with_our_templates(answer: Answer) -> Answer:
    """Have a page that is not rendered yet take its template from our engine."""
    if isinstance(answer, SimpleTemplateResponse) and not answer.is_rendered:
        answer.template_name = _chosen(answer.template_name)
    return answer


def _chosen(template: object) -> Template:
    if isinstance(template, Template):
        return template
    names = [template] if isinstance(template, str) else cast(Sequence[str], template)
    for name in names:
        try:
            return our_engine().get_template(name)
        except TemplateDoesNotExist as error:
            if error.args[0] != name:  # it is there, and one that it extends is not
                raise
    raise TemplateDoesNotExist(", ".join(names))


@lru_cache(maxsize=1)
def our_engine() -> DjangoTemplates:
    """Return the engine of the two sites."""
    folders = [Path(apps.get_app_config(label).path) / "templates" for label in ("deliveries", "unfold")]
    options = {"context_processors": list(PROCESSORS)}
    return DjangoTemplates({"NAME": "hookpost", "DIRS": folders, "APP_DIRS": True, "OPTIONS": options})
