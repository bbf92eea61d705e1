"""Signatures: the headers by which a receiver knows that a request is from here.

What lives here: signing by Standard Webhooks, and beside it by the endpoint's profile.
It must not know where secrets are stored, or when they expire. Source: Standard Webhooks 1.0.0, Signature scheme.
"""

from __future__ import annotations

from collections.abc import Sequence

from deliveries.errors import InvalidSecret
from deliveries.protocol.signing.profiles import profile_of
from deliveries.protocol.signing.secrets import SigningKey, private_key, to_base64
from deliveries.protocol.signing.vendor_signatures import Headers


def signature_headers(
    signing: str, keys: Sequence[SigningKey], *, message_id: str, timestamp: int, body: bytes
) -> Headers:
    """Return the standard headers, then the profile's own; `keys` come newest first.

    Where a scheme carries one signature only, the newest shared key makes it. No usable key raises
    InvalidSecret: nothing goes out unsigned.
    """
    if not keys:
        raise InvalidSecret("an endpoint without a secret cannot be sent to", field="secret")
    content = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    headers = [
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", " ".join([_sign(key, content) for key in keys])),
    ]
    if signing != "standard":
        profile = profile_of(signing)
        headers += [(name, dict(headers)[standard]) for name, standard in profile.copied.items()]
        headers += profile.sign(keys, timestamp, body)
    return headers


def _sign(key: SigningKey, content: bytes) -> str:
    if key.kind == "ed25519":
        return "v1a," + to_base64(private_key(key.value).sign(content))
    return "v1," + to_base64(key.sha256_of(content))
