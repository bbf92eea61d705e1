"""`make translations`: brings the catalogs up to date with the code, compiles them, and names what is missing."""

from __future__ import annotations

import os
import sys

import django


def main() -> int:
    """Merge, compile, and print what has no translation yet."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.translations.settings")
    django.setup()
    from tests.translations.catalogs import LANGUAGES, merged, mistakes, write
    from tests.translations.sources import messages

    wanted, trouble = messages(), 0
    for language in LANGUAGES:
        catalog = merged(language, wanted)
        write(language, catalog)
        for line in (f"{language}: {mistake}" for entry in catalog for mistake in mistakes(entry)):
            trouble += 1
            print(line)
    print(f"{len(wanted)} messages, {trouble} to be seen to.")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
