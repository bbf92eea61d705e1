"""Settings for reading templates and catalogs: no database is asked, so none is started."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("HOOKPOST_DATA", tempfile.mkdtemp(prefix="hookpost-translations-"))

from config.settings import *  # noqa: F403
