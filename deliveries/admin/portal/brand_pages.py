"""The staff's page of a customer's brand, and the pictures of brands.

What lives here: the form, and answers that browsers keep. It must not know what a picture may be: services check it.
"""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from django.views.decorators.http import require_safe
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from deliveries.admin.base.acts import sentence
from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.parts.theme import picture_url
from deliveries.errors import InvalidInput
from deliveries.models import Customer
from deliveries.pictures import SIZE_LIMIT_BYTES
from deliveries.services.common.languages import tell
from deliveries.services.people.brands import NAME_LIMIT, PICTURES, WORDS, operator_brand, picture_named, set_brand

HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@require_safe
def brand_picture_view(request: HttpRequest, name: str) -> HttpResponse:
    """Serve a picture to whoever has its name, which is made of its contents; it acts nowhere."""
    found = picture_named(name.replace("\0", "")[:40])
    if found is None:
        raise Http404
    content, kind = found
    return HttpResponse(content, content_type=kind, headers=HEADERS)


PICTURE_NAMES = (gettext_noop("Logo"), gettext_noop("Logo, dark"), gettext_noop("Favicon"), gettext_noop("Support"))


def picture_title(kind: str) -> str:
    """Return what a picture is called."""
    return gettext(kind.replace("_", ", ").capitalize())


class BrandForm(forms.Form):
    """A customer's brand; what is empty is the operator's."""

    name = forms.CharField(required=False, max_length=NAME_LIMIT, widget=UnfoldAdminTextInputWidget())
    accent = forms.CharField(
        label=gettext_lazy("Accent colour"),
        required=False,
        max_length=7,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "#0a7f8c"}),
        help_text=gettext_lazy("Of links and buttons. Its shades are made as light or dark as text needs."),
    )
    support = forms.CharField(
        label=gettext_lazy("Where members ask for help"),
        required=False,
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": gettext_lazy("help@example.com, or https://…")}),
    )

    def __init__(self, customer: Customer, data: object = None, files: object = None) -> None:
        super().__init__(data, files, initial=customer.brand)  # type: ignore[arg-type]
        for kind in PICTURES:
            title = picture_title(kind)
            self.fields[kind] = forms.FileField(
                label=title,
                required=False,
                help_text=tell("PNG or SVG, at most {number} KB.", number=SIZE_LIMIT_BYTES // 1024),
            )
            if kind in customer.brand:
                self.fields[f"remove_{kind}"] = forms.BooleanField(
                    label=tell("Remove: {what}", what=title.lower()), required=False, widget=UnfoldBooleanWidget()
                )

    def words(self) -> dict[str, str]:
        """Return name, colour and address."""
        return {name: self.cleaned_data[name] for name in WORDS}

    def pictures(self) -> dict[str, bytes | None]:
        """Return the pictures that were given, and None for those to be taken away."""
        found: dict[str, bytes | None] = {}
        for kind in PICTURES:
            given = self.cleaned_data.get(kind)
            if isinstance(given, UploadedFile):
                found[kind] = given.read(SIZE_LIMIT_BYTES + 1)
            elif self.cleaned_data.get(f"remove_{kind}"):
                found[kind] = None
        return found


class BrandPages(PageAdmin[Customer]):
    """Mixed into the staff's pages of customers."""

    def get_urls(self) -> list[URLPattern]:
        """Add the page."""
        page = self.admin_site.admin_view(self.brand_view)
        return [path("<path:object_id>/brand/", page, name="deliveries_customer_brand"), *super().get_urls()]

    def brand_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show a customer's brand; a POST changes it."""
        row = self.row_or_404(request, object_id)
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        form = BrandForm(row, request.POST, request.FILES) if request.method == "POST" else BrandForm(row)
        if request.method == "POST" and form.is_valid():
            try:
                set_brand(row, form.words(), form.pictures(), actor=self.actor(request))
            except InvalidInput as error:
                form.add_error(error.field if error.field in form.fields else None, sentence(error))
            else:
                messages.success(request, gettext("Saved. The customer's members see it with their next page."))
                return HttpResponseRedirect(self.page_url(row))
        context = {
            "title": gettext("Brand"),
            **self.about(row, gettext("Brand")),
            "form": form,
            "pictures": [(picture_title(kind), picture_url(row.brand[kind])) for kind in PICTURES if kind in row.brand],
            "ours": operator_brand().name,
            "back_url": self.page_url(row),
        }
        return page_of(self.admin_site, request, "hookpost/brand.html", context)
