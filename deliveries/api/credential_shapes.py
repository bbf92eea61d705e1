"""How credentials of endpoints look in requests and answers.

What lives here: shapes, made from the declaration in protocol/sending/credentials.py. It must not know rules or views.
"""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.fields import Field

from deliveries.api.fields import Choice, Shape, Text
from deliveries.protocol.sending.client_tls import CERTIFICATES_LIMIT_CHARACTERS, KEY_LIMIT_CHARACTERS
from deliveries.protocol.sending.credentials import AUTH_TYPES, KINDS, AuthKind, AuthMember


class AuthShape(Shape):
    """How requests to the endpoint authenticate; which members there are depends on `type`."""

    may_be_absent = frozenset(member.name for kind in KINDS.values() for member in kind.members)

    def get_fields(self) -> dict[str, Field]:  # type: ignore[type-arg]
        """Return the members of all kinds; a secret is taken and never shown."""
        fields: dict[str, Field] = {"type": Choice(AUTH_TYPES)}  # type: ignore[type-arg]
        for kind in KINDS.values():
            fields |= {member.name: _field_of(member, kind) for member in kind.members}
        return fields | {"hint": Text(read_only=True, help_text="The end of the secret, where that is long enough.")}


def _pem(what: str, *, limit: int) -> Text:
    return Text(
        required=False,
        write_only=True,
        allow_null=True,
        allow_blank=True,
        max_length=limit,
        help_text=f"{what} PEM; kept encrypted.",
    )


def _field_of(member: AuthMember, kind: AuthKind) -> Text:
    left_out = " Left out: what is stored stays." if member.secret else ""
    return Text(
        required=False,
        write_only=member.secret,
        allow_blank=not member.required,
        max_length=member.limit,
        help_text=f"{member.title}, for the type {kind.name}.{left_out}",
    )


class TlsShape(Shape):
    """The certificates of an endpoint's connections; members that are left out stay, null or empty ones end."""

    certificate = _pem("Our certificate for this endpoint, with its chain.", limit=CERTIFICATES_LIMIT_CHARACTERS)
    key = _pem("Its private key, without a passphrase.", limit=KEY_LIMIT_CHARACTERS)
    ca = _pem(
        "The authorities that its server's certificate is of, in place of the public ones.",
        limit=CERTIFICATES_LIMIT_CHARACTERS,
    )
    subject = Text(read_only=True, allow_null=True, help_text="Whom our certificate names.")
    issuer = Text(read_only=True, allow_null=True)
    fingerprint = Text(read_only=True, allow_null=True, help_text="SHA-256 of our certificate, in hex.")
    expires_at = Text(read_only=True, allow_null=True, help_text="When the first certificate of our chain ends.")
    authorities = serializers.ListField(child=Text(), read_only=True, help_text="Whom the certificates in ca name.")
    authorities_expire_at = Text(read_only=True, allow_null=True, help_text="When the last of them ends.")
