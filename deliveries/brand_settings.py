"""The operator's brand and language among the settings.

What lives here: variables for name, colour, pictures, language and the address of support; conf.py has them with all
others. It must not know Django.
"""

from __future__ import annotations

from dataclasses import dataclass

from deliveries.address_variables import support
from deliveries.variables import choice, colour, name, picture, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandSettings:
    """What pages and letters show of whose they are."""

    brand_name: str = setting("HOOKPOST_BRAND_NAME", "Hookpost", name, "Name that pages and letters show.")
    brand_accent: str = setting(
        "HOOKPOST_BRAND_ACCENT", "", colour, "Colour of links and buttons; shades stay as readable as ours."
    )
    brand_logo: str = setting("HOOKPOST_BRAND_LOGO", "", picture, "Logo of the pages, at most 64 KB.")
    brand_logo_dark: str = setting("HOOKPOST_BRAND_LOGO_DARK", "", picture, "The same for dark pages.")
    brand_favicon: str = setting("HOOKPOST_BRAND_FAVICON", "", picture, "Icon in the browser's tab.")
    support_address: str = setting(
        "HOOKPOST_SUPPORT_ADDRESS", "", support, "Where members ask for help, shown on pages and in letters to them."
    )
    language: str = setting(
        "HOOKPOST_LANGUAGE",
        "en",
        choice("en", "de", "fr", "es"),
        "Language of pages and letters for whoever chose none and whose browser names none of these.",
    )
