"""Forms whose values a service judges: what it refuses stands at the field that it names.

What lives here: from an error of ours to one of a form. It must not know any noun.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.forms import BaseForm

from deliveries.admin.base.acts import sentence
from deliveries.admin.parts.form_widgets import PLAIN
from deliveries.errors import HookpostError, InvalidInput


class ServiceForm:
    """Mixed into forms: shows what a service refused, at the field that it names."""

    refused: HookpostError | None = None
    default_renderer = PLAIN
    field_names: Mapping[str, str] = MappingProxyType({})

    def _post_clean(self) -> None:
        # The model's validation would write the form's values on the row before the service compares them.
        self.show_refusal()

    def show_refusal(self) -> None:
        """Add the refusal to the form's errors."""
        if self.refused is not None and isinstance(self, BaseForm):
            named = self.refused.field if isinstance(self.refused, InvalidInput) else ""
            named = self.field_names.get(named, named)
            self.add_error(named if named in self.fields else None, sentence(self.refused))
