"""An OpenID Connect provider that we did not write, Authlib's, behind the receiver of the tests.

What lives here: one client, which has to use PKCE, and one person who is always logged in there. What it says may be
changed at any time, and its tokens forged. It must not know Hookpost.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.oauth2_server import Headers
from tests.receiver import Answer, Request

CLIENT_ID, CLIENT_SECRET = "hookpost", "client-secret-at-the-provider-3c9e"
KEY = RSAKey.generate_key(2048, {"kid": "p1", "use": "sig"})
OTHER_KEY = ECKey.generate_key("P-256", {"kid": "p2", "use": "sig"})


@dataclass
class Code:
    """What Authlib wants to know of a code that it gave."""

    code: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    server: ProviderServer

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> str:
        return ""

    def get_amr(self) -> list[str]:
        return self.server.amr


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """Codes in memory, each good once."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]
    server: ProviderServer

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        asked = request.payload.data
        self.server.codes[code] = Code(
            code=code,
            redirect_uri=asked["redirect_uri"],
            scope=request.scope,
            nonce=asked.get("nonce"),
            code_challenge=asked.get("code_challenge"),
            code_challenge_method=asked.get("code_challenge_method"),
            server=self.server,
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return self.server.codes.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        del self.server.codes[authorization_code.code]

    def authenticate_user(self, authorization_code: Code) -> dict[str, Any]:
        return self.server.person


class IdTokens(OpenIDCode):  # type: ignore[misc]
    """ID tokens of the one person, signed by the one key."""

    def __init__(self, server: ProviderServer) -> None:
        super().__init__(require_nonce=True)
        self.provider = server

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        return False

    def resolve_client_private_key(self, client: Client) -> RSAKey:
        return KEY

    def get_client_algorithm(self, client: Client) -> str:
        return "RS256"

    def get_encode_header(self, client: Client) -> dict[str, str]:
        return {"alg": "RS256", "kid": "p1"}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        return {"iss": self.provider.issuer, "aud": [client.get_client_id()]}

    def generate_user_info(self, user: dict[str, Any], scope: str) -> dict[str, Any]:
        return user


class Client(ClientMixin):  # type: ignore[misc]
    """The only client, which comes back to one address."""

    def __init__(self, back_to: str) -> None:
        self.back_to = back_to

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.back_to

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return True

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class _Asked(OAuth2Request):  # type: ignore[misc]
    @property
    def args(self) -> dict[str, str]:
        return dict(self.payload.data)

    @property
    def form(self) -> dict[str, str]:
        return dict(self.payload.data)


class ProviderServer(AuthorizationServer):  # type: ignore[misc]
    """Answers as a provider does. `person` is who is logged in there, empty for somebody who says no."""

    def __init__(self, issuer: str, *, back_to: str) -> None:
        super().__init__()
        self.issuer, self.client = issuer, Client(back_to)
        self.person: dict[str, Any] = {}
        self.amr: list[str] = []
        self.user_info: dict[str, Any] = {}
        self.forge: Callable[[dict[str, Any]], str] | None = None
        self.codes: dict[str, Code] = {}
        self.given: set[str] = set()
        self.ended: list[dict[str, str]] = []
        self.instead: dict[str, Answer] = {}
        self.register_grant(CodeGrant, [IdTokens(self), CodeChallenge(required=True)])
        self.register_token_generator(
            "default", BearerTokenGenerator(self._next_token, expires_generator=lambda *_: 600)
        )

    @property
    def configuration(self) -> dict[str, Any]:
        """What it says of itself."""
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        names |= {"userinfo_endpoint": "me", "end_session_endpoint": "end"}
        return {"issuer": self.issuer, **{name: f"{self.issuer}/{path}" for name, path in names.items()}}

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        path = urlsplit(request.path).path
        if path in self.instead:
            return self.instead[path]
        if path == "/.well-known/openid-configuration":
            return _json(self.configuration)
        if path == "/keys":
            return _json({"keys": [KEY.as_dict(private=False), OTHER_KEY.as_dict(private=False)]})
        if path == "/me":
            is_known = (request.header("authorization") or "").removeprefix("Bearer ") in self.given
            return _json(self.user_info) if is_known else (401, {}, b"")
        if path == "/end":
            self.ended.append(dict(parse_qsl(urlsplit(request.path).query)))
            return 302, {"location": self.ended[-1]["post_logout_redirect_uri"]}, b""
        return self._token(request) if path == "/token" else self._authorize(request)

    def _authorize(self, request: Request) -> Answer:
        try:
            grant = self.get_consent_grant(request, end_user=self.person or None)
        except OAuth2Error as error:
            return 400, {}, str(error).encode()
        answer: Answer = self.create_authorization_response(grant.request, grant_user=self.person or None, grant=grant)
        return answer

    def _token(self, request: Request) -> Answer:
        status, headers, body = self.create_token_response(request)
        if self.forge is not None and status == 200:
            said = json.loads(body)
            genuine = jwt.decode(said["id_token"], KEY, algorithms=["RS256"]).claims
            body = json.dumps(said | {"id_token": self.forge(genuine)}).encode()
        return status, headers, body

    def _next_token(self, *_: object, **__: object) -> str:
        return f"access-token-of-the-provider-{len(self.given) + 1}"

    def query_client(self, client_id: str) -> Client | None:
        return self.client if client_id == CLIENT_ID else None

    def save_token(self, token: dict[str, Any], request: object) -> None:
        self.given.add(token["access_token"])

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Request) -> OAuth2Request:
        asked = _Asked(request.method, "https://127.0.0.1/", headers=Headers(request.headers))
        given = request.body.decode() if request.method == "POST" else urlsplit(request.path).query
        asked.payload = BasicOAuth2Payload(dict(parse_qsl(given)))
        return asked

    def handle_response(self, status: int, body: object, headers: list[tuple[str, str]]) -> Answer:
        return status, dict(headers), json.dumps(body).encode()


def _json(value: object) -> Answer:
    return 200, {"content-type": "application/json"}, json.dumps(value).encode()
