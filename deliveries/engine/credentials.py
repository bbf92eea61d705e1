"""What a lane sends along of its endpoint's own, custom headers and credentials, opened with a lease.

What lives here: from sealed bytes to headers, and which words of them the log must not keep. It must not know requests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from deliveries.models.keyring import unseal
from deliveries.outbound.options import ClientTls
from deliveries.protocol.answers.answer import words_to_hide
from deliveries.protocol.sending.credentials import OAUTH2, Auth, authorization, secrets_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAlong:
    """Headers, and the words of them and of the credentials that an answer must not bring into the log."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    hidden: Sequence[str] = field(default=(), repr=False)
    tls: ClientTls | None = None
    oauth: Auth | None = field(default=None, repr=False)


NOTHING = SentAlong()


def sent_along(endpoint_id: UUID, headers_sealed: bytes | None, credentials_sealed: bytes | None) -> SentAlong:
    """Return what an endpoint wants sent along; raises CannotDecrypt, or ValueError for what nobody can read."""
    if not headers_sealed and not credentials_sealed:
        return NOTHING
    headers: dict[str, str] = json.loads(unseal(headers_sealed, row_id=endpoint_id)) if headers_sealed else {}
    if not credentials_sealed:
        return SentAlong(headers=dict(headers), hidden=words_to_hide(headers.values()))
    stored: Mapping[str, Auth] = json.loads(unseal(credentials_sealed, row_id=endpoint_id))
    try:
        auth, tls = stored.get("auth"), stored.get("tls")
        oauth = auth if auth and auth["type"] == OAUTH2 else None
        return SentAlong(
            headers={**headers, "authorization": authorization(auth)} if auth and not oauth else headers,
            oauth=oauth,
            hidden=words_to_hide([*headers.values(), *(secrets_of(auth) if auth else ())]),
            tls=ClientTls(**{name: pem.encode() for name, pem in tls.items()}) if tls else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("the credentials are of no known kind") from error
