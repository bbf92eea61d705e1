"""Probes go past Django's middleware: what asks for them names hosts that are none of ours.

What lives here: the fork in front of the WSGI application. It must not know what a probe is answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse
from wsgiref.types import WSGIApplication as Application
from wsgiref.types import WSGIEnvironment as Environ

from config.fast_path import headers_of_every_answer
from deliveries.api.probes import PROBES, answer_probe


def probes_first(application: Application) -> Application:
    """Return a WSGI application that answers probes itself, and leaves everything else to this one."""
    added = headers_of_every_answer(secure=False)

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        view = PROBES.get(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] in ("GET", "HEAD") else None
        if view is None:
            return application(environ, start_response)
        reply = answer_probe(environ, view)
        headers = [*reply.items(), ("Content-Length", str(len(reply.content))), *added]
        start_response(f"{reply.status_code} {reply.reason_phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.content]

    return answer
