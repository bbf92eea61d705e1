"""Who may log in to the portal, and what everybody else is told.

What lives here: the form. It must not know pages.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm

from deliveries.models import Member


class PortalLogin(AuthenticationForm):
    """Lets members in, and tells everybody else why not."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("There is no member with this username and password. Mind capital letters."),
    }

    def confirm_login_allowed(self, user: AbstractUser) -> None:
        """Refuse accounts that are switched off or belong to no customer."""
        if not user.is_active:
            raise ValidationError(_("This account is switched off."), code="inactive")
        if not Member.objects.filter(user_id=user.pk).exists():
            raise ValidationError(
                _("This account belongs to no customer. Support staff log in elsewhere."), "no_member"
            )
