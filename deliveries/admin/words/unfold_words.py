"""What Unfold's templates say on pages of ours: it has no catalogs, so ours have these.

What lives here: the messages, for the catalogs to be made from. It must not know a page.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

UNFOLD_WORDS = (
    *(_("Apply Filters"), _("Clear all filters"), _("Reset filters"), _("Filters"), _("Type to search")),
    *(_("Run"), _("Run the selected action"), _("Select action"), _("Select action to run"), _("Cancel"), _("Submit")),
    *(_("Select record"), _("Select all rows"), _("Expand row"), _("Toggle sorting"), _("Remove from sorting")),
    *(_("No results found"), _("No data"), _("Unknown"), _("True"), _("False"), _("Close"), _("General")),
    _("This page yielded into no results. Create a new item or reset your filters."),
    _("After you've created a user, you\u2019ll be able to edit more user options."),
    *(_("Choose file to upload"), _("Click to download"), _("Image preview"), _("More actions"), _("Go back")),
)
