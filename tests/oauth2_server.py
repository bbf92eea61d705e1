"""An OAuth2 server that we did not write, Authlib's, behind the receiver of the tests.

What lives here: one client, the tokens given to it, and which of them still count. It must not know Hookpost.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator

from tests.receiver import Answer, Request

CLIENT_ID, CLIENT_SECRET = "hookpost", "client-secret-of-the-customer-7d1f"


class Grant(ClientCredentialsGrant):  # type: ignore[misc]
    """Both ways in which a client may tell its secret."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


class Client(ClientMixin):  # type: ignore[misc]
    """The only client."""

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return True

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class _Asked(OAuth2Request):  # type: ignore[misc]
    @property
    def form(self) -> dict[str, str]:
        return dict(self.payload.data)


class TokenServer(AuthorizationServer):  # type: ignore[misc]
    """Answers requests for tokens; `given` are all of them, `alive` those that count."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[dict[str, Any]] = []
        self.alive: set[str] = set()
        self.register_grant(Grant)
        self.register_token_generator(
            "default", BearerTokenGenerator(self._next_token, expires_generator=lambda *_: 3600)
        )

    def _next_token(self, *_: object, **__: object) -> str:
        return f"access-token-of-authlib-{len(self.given) + 1}"

    def query_client(self, client_id: str) -> Client | None:
        return Client() if client_id == CLIENT_ID else None

    def save_token(self, token: dict[str, Any], request: object) -> None:
        self.given.append(token)
        self.alive.add(token["access_token"])

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Request) -> OAuth2Request:
        asked = _Asked(request.method, "https://127.0.0.1/token", headers=Headers(request.headers))
        asked.payload = BasicOAuth2Payload(dict(parse_qsl(request.body.decode())))
        return asked

    def handle_response(self, status: int, body: object, headers: list[tuple[str, str]]) -> Answer:
        return status, dict(headers), json.dumps(body).encode()

    def answer(self, request: Request) -> Answer:
        """Give a token at /token; elsewhere let in who shows one that counts."""
        if request.path == "/token":
            answer: Answer = self.create_token_response(request)
            return answer
        token = (request.header("authorization") or "").removeprefix("Bearer ")
        return (204, {}, b"") if token in self.alive else (401, {"www-authenticate": "Bearer"}, b"")


class Headers(dict[str, str]):
    """Headers that are found in any spelling."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__({name.lower(): value for name, value in pairs})

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return super().get(name.lower(), default)
