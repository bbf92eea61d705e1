"""Whether a request was signed rightly, step by step, and why a receiver refused it all the same.

What lives here: comparing what was sent with what a receiver's developer had. Secrets come in and do not go out: what
is returned names them by their last characters. It must not know rows. Source: Standard Webhooks 1.0.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from deliveries.protocol.checking.body_differences import compare_bodies
from deliveries.protocol.checking.computed_signatures import explain_computed
from deliveries.protocol.checking.findings import Finding, fault, fine
from deliveries.protocol.checking.pasted_headers import STANDARD
from deliveries.protocol.signing.profiles import profile_of
from deliveries.protocol.signing.secrets import SigningKey, hint
from deliveries.protocol.signing.signatures import signature_headers
from deliveries.protocol.writing.sentences import say

TOLERANCE = timedelta(minutes=5)  # of Standard Webhooks' libraries
CONTENT_LIMIT = 4096
SHORTEST_END = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """A request as it was sent; header names in lower case, keys newest first, those that signed it and are known.

    `others` are secrets of its endpoint that did not sign it: former ones, and those that came after it.
    """

    signing: str
    message_id: str
    timestamp: int
    body: bytes
    headers: Mapping[str, str]
    keys: Sequence[SigningKey] = field(repr=False)
    others: Sequence[SigningKey] = field(default=(), repr=False)
    hints: Sequence[str] = ()

    @property
    def signature_names(self) -> tuple[str, ...]:
        """The headers that hold time and signature, in lower case."""
        own = () if self.signing == "standard" else profile_of(self.signing).headers
        return (*STANDARD, *(name.lower() for name in own))

    @property
    def is_known(self) -> bool:
        """Whether all secrets that signed it are still there."""
        return set(self.hints) <= {hint(key) for key in self.keys} and bool(self.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """What a receiver's developer had; what is empty or None was not said. `computed` is what the code computed.

    `has_form_breaks` says that the body came through a form, which makes all line breaks the same.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    computed: str = ""
    secret_end: str = ""
    clock: datetime | None = None
    has_form_breaks: bool = False


def expected_headers(sent: SentRequest) -> dict[str, str]:
    """Return the headers of time and signature as they are computed anew; raises InvalidSecret without a key."""
    made = signature_headers(
        sent.signing, sent.keys, message_id=sent.message_id, timestamp=sent.timestamp, body=sent.body
    )
    return {name.lower(): value for name, value in made}


def is_signed_rightly(sent: SentRequest) -> bool:
    """Say whether the headers that were sent are the ones that these keys make of this body."""
    return bool(sent.keys) and all(sent.headers.get(name) == value for name, value in expected_headers(sent).items())


def signed_content(sent: SentRequest) -> str:
    """Return what Standard Webhooks signs, as far as a page shows it."""
    content = b"%b.%d.%b" % (sent.message_id.encode(), sent.timestamp, sent.body)
    return content[:CONTENT_LIMIT].decode("utf-8", "replace")


def check_received(sent: SentRequest, received: ReceivedRequest) -> list[Finding]:
    """Return what tells a receiver's request from the one that was sent, and at the end what follows from it."""
    found = [*_of_headers(sent, received.headers)] if received.headers else []
    if received.body is not None:
        is_same = received.has_form_breaks and _with_form_breaks(sent.body) == received.body
        found.append(compare_bodies(sent.body, sent.body if is_same else received.body))
    if received.clock is not None:
        found.append(compare_clocks(sent.timestamp, received.clock))
    if received.secret_end:
        found.append(_of_secret(sent, received.secret_end))
    if received.computed:
        found.append(_of_computed(sent, received.computed))
    if found and not any(each.is_fault for each in found):
        found.append(_what_is_left(sent))
    return found


def compare_clocks(timestamp: int, clock: datetime) -> Finding:
    """Return how far a receiver's clock was from the time that was signed."""
    away = clock - datetime.fromtimestamp(timestamp, UTC)
    amount, is_ahead = _amount(round(abs(away).total_seconds())), away > timedelta(0)
    if abs(away) > TOLERANCE:
        ahead = say(
            "The receiver's clock is {amount} ahead; libraries refuse more than 5 minutes. Set it by NTP.",
            amount=amount,
        )
        behind = say(
            "The receiver's clock is {amount} behind; libraries refuse more than 5 minutes. Set it by NTP.",
            amount=amount,
        )
        return fault("clock_off", ahead if is_ahead else behind)
    ahead = say("The receiver's clock is within 5 minutes of the signed time, {amount} ahead.", amount=amount)
    behind = say("The receiver's clock is within 5 minutes of the signed time, {amount} behind.", amount=amount)
    return fine("clock_right", ahead if is_ahead else behind)


def _amount(seconds: int) -> str:
    if seconds >= 2 * 86_400:
        return say("{number} days", number=round(seconds / 86_400))
    if seconds >= 2 * 3600:
        return say("{number} hours", number=round(seconds / 3600))
    if seconds >= 120:
        return say("{number} minutes", number=round(seconds / 60))
    return say("{number} seconds", number=seconds) if seconds >= 2 else f"{seconds} s"


def _of_headers(sent: SentRequest, headers: Mapping[str, str]) -> list[Finding]:
    missing = [name for name in sent.signature_names if name in sent.headers and name not in headers]
    if len(missing) == len([name for name in sent.signature_names if name in sent.headers]):
        return [
            fault(
                "no_headers",
                say("None of the signature's headers is among these: a proxy or the framework drops them."),
            )
        ]
    if headers.get("webhook-id", sent.message_id) != sent.message_id:
        return [fault("other_event", say("These headers are another event's: their webhook-id is not this one."))]
    changed = [
        name for name in sent.signature_names if headers.get(name, "").strip() not in ("", sent.headers.get(name))
    ]
    if changed:
        says = say(
            "Changed on the way, or of another attempt: {names}. Each attempt is signed anew.", names=", ".join(changed)
        )
        return [fault("changed_headers", says)]
    if missing:
        return [
            fine(
                "some_headers",
                say("The headers are as they were sent; not among them: {names}.", names=", ".join(missing)),
            )
        ]
    return [fine("same_headers", say("The headers are as they were sent."))]


def _with_form_breaks(body: bytes) -> bytes:
    return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _of_secret(sent: SentRequest, end: str) -> Finding:
    ends = list(sent.hints) or [hint(key) for key in sent.keys]
    if len(_bare(end)) < SHORTEST_END:
        return fault("short_end", say("That is too little to tell secrets apart: give the last four characters."))
    if any(_ends_alike(end, each) for each in ends):
        return fine("right_secret", say("The secret ends as the one that signed."))
    shown = " or ".join(f"…{each}" for each in ends)
    if any(_ends_alike(end, hint(key)) for key in sent.others):
        says = say(
            "This secret is the endpoint's, but it did not sign this: the one that did ends in {shown}. It was "
            "rotated; take the one of now, and redeliver.",
            shown=shown,
        )
        return fault("rotated_secret", says)
    return fault(
        "wrong_secret",
        say(
            "This is the wrong secret: the one that signed ends in {shown}, yours in …{end}.", shown=shown, end=end[-4:]
        ),
    )


def _ends_alike(end: str, known: str) -> bool:
    """Say whether both are ends of one secret, however base64 was written."""
    one, other = _bare(end), _bare(known)
    return one.endswith(other) or other.endswith(one)


def _bare(end: str) -> str:
    return "".join(end.split()).strip("\"'`…").rstrip("=").replace("-", "+").replace("_", "/")


def _of_computed(sent: SentRequest, computed: str) -> Finding:
    if all(key.kind == "ed25519" for key in sent.keys):
        return fault(
            "asymmetric", say("This endpoint signs with a private key: verify v1a with the public key whpk_….")
        )
    return explain_computed(
        computed,
        keys=sent.keys,
        others=sent.others,
        signing=sent.signing,
        sent={name: sent.headers[name] for name in sent.signature_names[2:] if name in sent.headers},
        message_id=sent.message_id,
        timestamp=sent.timestamp,
        body=sent.body,
    )


def _what_is_left(sent: SentRequest) -> Finding:
    if not is_signed_rightly(sent):
        return fine(
            "not_known", say("The secret that signed this is gone here, so nothing more can be told. Redeliver it.")
        )
    ends = " or ".join(f"…{hint(key)}" for key in sent.keys)
    return fault(
        "secret_or_code",
        say(
            "All this is as it was sent, and rightly signed. So a wrong secret is used, for the "
            "right one ends in {ends}, or it is used in a wrong way: give the signature that the code computed, "
            "and this page finds out which.",
            ends=ends,
        ),
    )
