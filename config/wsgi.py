"""The web server's way in.

What lives here: the WSGI application: probes and posted events first, then Django. It must not know a server by name.
"""

from __future__ import annotations

import os
import sys
from multiprocessing.util import Finalize

from django.core.wsgi import get_wsgi_application

from deliveries.errors import CannotStart, WrongSetting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

try:
    django = get_wsgi_application()
except (WrongSetting, CannotStart) as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)

from config.fast_path import events_first, sharing  # once Django's apps are there
from config.known_callers import handing_over, within_shares
from config.probes import probes_first
from config.request_ids import with_request_ids
from deliveries import __version__
from deliveries.actors import wake_now
from deliveries.management.collector import spare_old_objects
from deliveries.management.large_pages import lay_together_soon
from deliveries.services.accepting.shared_commits import ring_after_commits
from deliveries.tracing.start import start_tracing, stop_tracing

ring_after_commits(wake_now)
start_tracing("web", version=__version__)
Finalize(None, stop_tracing, exitpriority=1)  # a process that was forked has no other end
application = with_request_ids(sharing(probes_first(events_first(handing_over(within_shares(django))))))
spare_old_objects()
lay_together_soon()
