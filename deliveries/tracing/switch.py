"""Whether this process makes spans.

What lives here: one name, which start.py sets. It must not import OpenTelemetry, which need not be installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deliveries.tracing.spans import Spans

spans: Spans | None = None
