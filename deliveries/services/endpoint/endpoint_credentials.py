"""An endpoint's credentials, as they are stored: sealed together, shown in part, never beside a header that they set.

What lives here: what of a change goes into which columns, and the rules between credentials and other fields. It must
not know who asks, and saves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from deliveries.errors import InvalidInput
from deliveries.models import Endpoint
from deliveries.protocol.sending.client_tls import complete_tls
from deliveries.protocol.sending.credentials import Auth, complete
from deliveries.protocol.sending.polled import is_polled
from deliveries.protocol.sending.request import CUSTOM_HEADER_LIMIT_BYTES
from deliveries.protocol.writing.sentences import say

CREDENTIALS = ("auth", "tls")
# Fields that are not columns, with the columns that hold them.
COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "headers": ("headers_sealed", "header_names"),
        "auth": ("credentials_sealed", "auth_shown"),
        "tls": ("credentials_sealed", "tls_shown"),
    }
)


_COMPLETE = MappingProxyType({"auth": complete, "tls": complete_tls})


def columns_of(fields: Iterable[str]) -> list[str]:
    """Return the columns that hold these fields."""
    return sorted({column for name in fields for column in COLUMNS.get(name, (name,))})


def apply_credentials(endpoint: Endpoint, checked: Mapping[str, object]) -> None:
    """Seal the credentials among checked fields; secrets that were left out stay as they are stored."""
    changed = [name for name in CREDENTIALS if name in checked]
    if not changed:
        return
    kept = {} if len(changed) == len(CREDENTIALS) and not any(map(checked.get, changed)) else endpoint.credentials
    given: dict[str, Auth | None] = {name: checked[name] for name in changed}  # type: ignore[misc]
    for name, value in given.items():
        given[name] = _COMPLETE[name](value, stored=kept.get(name)) if value else None
    endpoint.seal_credentials({**kept, **given})


def forget_credentials(endpoint: Endpoint) -> dict[str, None]:
    """Take the credentials off an endpoint that moves to another host; returns the fields that this changes."""
    had = [name for name in CREDENTIALS if getattr(endpoint, name) is not None]
    endpoint.seal_credentials({})
    return dict.fromkeys(had)


def check_credentials(endpoint: Endpoint) -> None:
    """Refuse a header that the credentials set too, more than a receiver takes, and TLS where there is none."""
    if is_polled(endpoint.url) and (named := [name for name in CREDENTIALS if getattr(endpoint, name)]):
        raise InvalidInput(say("an endpoint that is polled is sent no request that could show this"), field=named[0])
    if endpoint.tls and not endpoint.url.startswith("https:"):
        raise InvalidInput(say("tls is for a URL that begins with https"), field="tls")
    auth = endpoint.credentials.get("auth") if endpoint.auth else None
    if auth is None:
        return
    headers = endpoint.headers
    if "authorization" in headers:
        raise InvalidInput(say("auth sets the header authorization, which is a custom one too"), field="auth")
    size = sum(len(name) + len(value) for name, value in headers.items()) + sum(map(len, auth.values()))
    if size > CUSTOM_HEADER_LIMIT_BYTES:
        limit = CUSTOM_HEADER_LIMIT_BYTES
        raise InvalidInput(say("auth and all headers together have at most {limit} bytes", limit=limit), field="auth")


def given_of(endpoint: Endpoint, name: str) -> object:
    """Return what an endpoint has for a field, readable, so that it can be compared with what is given."""
    return endpoint.credentials.get(name) if name in CREDENTIALS else getattr(endpoint, name)
