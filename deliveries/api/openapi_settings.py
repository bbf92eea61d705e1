"""How drf-spectacular writes our document, whatever it is told about the other views of a project.

What lives here: its settings, in force only while the document is made. It must not know any view.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from drf_spectacular.plumbing import _load_enum_name_overrides
from drf_spectacular.settings import patched_settings

SETTINGS = {
    "TITLE": "Hookpost",
    "DESCRIPTION": "Webhook delivery: emit events, manage endpoints, look up and redeliver deliveries.",
    "VERSION": "1",
    "CONTACT": {"name": "Who runs this installation"},
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "EndpointState": "deliveries.models.Endpoint.State",
        "AuthType": "deliveries.protocol.sending.credentials.AUTH_TYPES",
        "FilterResult": "deliveries.api.filter_preview.RESULTS",
        "JobState": "deliveries.models.Job.State",
    },
}


@contextmanager
def our_settings() -> Iterator[None]:
    """Let drf-spectacular obey our settings; what it remembers of others' is forgotten before and after."""
    _load_enum_name_overrides.cache_clear()
    with patched_settings(SETTINGS):
        yield
    _load_enum_name_overrides.cache_clear()
