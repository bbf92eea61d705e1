"""The least that the same web server can do: a view that answers 202 to anything, behind the same middleware.

Used as Django's settings and its table of addresses at once. It must not know the product's views.
"""

from __future__ import annotations

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.empty_urls"
