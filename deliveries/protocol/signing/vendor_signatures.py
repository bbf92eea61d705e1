"""What other senders sign, and in which headers, where a scheme in a customer's words cannot say it.

What lives here: a function for each. It must not know names of profiles. Source: the vendors' own pages and libraries.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence

from deliveries.errors import InvalidSecret
from deliveries.protocol.signing.secrets import SigningKey
from deliveries.protocol.writing.sentences import say

Headers = list[tuple[str, str]]
Sign = Callable[[Sequence[SigningKey], int, bytes], Headers]


def text_keys(keys: Sequence[SigningKey]) -> list[bytes]:
    """Return the texts of the secrets, which are the keys; raises InvalidSecret where there is none."""
    found = [key.text for key in keys if key.kind != "ed25519"]
    if not found:
        raise InvalidSecret(say("this signing profile needs a shared secret"), field="secret")
    return found


def _hex(key: bytes, content: bytes) -> str:
    return hmac.digest(key, content, "sha256").hex()


def sign_nothing_more(keys: Sequence[SigningKey], timestamp: int, body: bytes) -> Headers:
    """Return nothing: the three standard headers say it all."""
    return []


def timed(header: str, version: str, *, joint: bytes = b".") -> Sign:
    """Return a scheme of one header: the time, and one signature of time and body for each secret."""

    def sign(keys: Sequence[SigningKey], timestamp: int, body: bytes) -> Headers:
        content = b"%d%b%b" % (timestamp, joint, body)
        entries = [f"{version}={_hex(key, content)}" for key in text_keys(keys)]
        return [(header, ",".join([f"t={timestamp}", *entries]))]

    return sign


def sign_slack(keys: Sequence[SigningKey], timestamp: int, body: bytes) -> Headers:
    """Return Slack's headers: the signature is of its version, the time and the body."""
    signature = _hex(text_keys(keys)[0], b"v0:%d:%b" % (timestamp, body))
    return [("X-Slack-Request-Timestamp", str(timestamp)), ("X-Slack-Signature", f"v0={signature}")]


def sign_hook0(keys: Sequence[SigningKey], timestamp: int, body: bytes) -> Headers:
    """Return both of Hook0's signatures; v1 is also of headers that it names, and there must be one.

    With one secret, for Hook0's libraries read one signature of each kind. Source: Hook0's client for Rust.
    """
    key = text_keys(keys)[0]
    v0 = _hex(key, b"%d.%b" % (timestamp, body))
    v1 = _hex(key, b"%d.x-hook0-timestamp.%d.%b" % (timestamp, timestamp, body))
    signature = f"t={timestamp},v0={v0},h=x-hook0-timestamp,v1={v1}"
    return [("X-Hook0-Timestamp", str(timestamp)), ("X-Hook0-Signature", signature)]


def sign_outpost(keys: Sequence[SigningKey], timestamp: int, body: bytes) -> Headers:
    """Return Outpost's header: one signature of the body for each secret, with commas between them."""
    return [("X-Outpost-Signature", "v0=" + ",".join(_hex(key, body) for key in text_keys(keys)))]
