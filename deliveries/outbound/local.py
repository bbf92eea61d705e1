"""For a program on a developer's machine: requests to any address, and answers of any size.

Lives here: what `manage.py listen` needs besides the engine, and nothing that a server may use: no guard
stands before these. It must not know events or keys.
"""

from __future__ import annotations

from collections.abc import Mapping

import requests
from requests.structures import CaseInsensitiveDict

from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.answer import Answer


class Anywhere:
    """Every address: the developer's own server is a private one."""

    def permits(self, address: str, port: int) -> bool:
        """Permit every address: who asked for it is the person at the terminal."""
        return True


def new_local_transfers() -> Transfers:
    """Return the engine that production sends with, for addresses of the developer's own."""
    return Transfers(rule=Anywhere(), idle_connections=4)


def new_local_session() -> requests.Session:
    """Return a Session for the REST API: nothing from the environment (a .netrc would replace the key)."""
    session = requests.Session()
    session.trust_env = False
    session.headers = CaseInsensitiveDict()
    return session


def fetch(
    session: requests.Session, url: str, *, headers: Mapping[str, str], query: Mapping[str, str], timeout_seconds: float
) -> Answer:
    """GET an address and read all of the answer; redirects are not followed, because the key would go along."""
    try:
        answer = session.get(url, params=query, headers=headers, timeout=timeout_seconds, allow_redirects=False)
    except requests.exceptions.SSLError as error:
        return Answer(error="tls_error", detail=_reason(error))
    except requests.exceptions.Timeout as error:
        return Answer(error="deadline_exceeded", detail=_reason(error))
    except requests.RequestException as error:
        return Answer(error="connect_refused", detail=_reason(error))
    found = tuple((name.lower(), value) for name, value in answer.headers.items())
    return Answer(status=answer.status_code, headers=found, body=answer.content)


def _reason(error: requests.RequestException) -> str:
    """Return the end of what urllib3 says, which says it three times over."""
    inner = getattr(error.args[0], "reason", error) if error.args else error
    return str(inner).rpartition(": ")[2]
