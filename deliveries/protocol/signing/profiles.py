"""Signing profiles: the schemes that other senders made common, and those that a customer describes.

What lives here: which headers a scheme adds, and what is in them. It must not know where secrets are stored.
Source: the vendors' own pages.

A profile other than `standard` adds its header to the three standard ones. Its HMAC key is the text of the
secret as the customer knows it, `whsec_` included: the vendors' libraries and hand-written receivers use the
configured string itself, so the secret that a receiver has already works unchanged. Only `svix` is Standard
Webhooks under other names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from types import MappingProxyType

from deliveries.errors import InvalidInput
from deliveries.protocol.signing.own_scheme import Scheme, Told, check_scheme, read_scheme, wrong_signing
from deliveries.protocol.signing.secrets import ED25519_PREFIX, HMAC_PREFIX, OF_STANDARD_WEBHOOKS, SigningKey
from deliveries.protocol.signing.vendor_signatures import (
    Sign,
    sign_hook0,
    sign_nothing_more,
    sign_outpost,
    sign_slack,
    timed,
)
from deliveries.protocol.writing.sentences import say

_CONVOYS_ID = "X-Convoy-Idempotency-Key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A signing scheme, described for people, with the headers that it adds.

    `copied` says which of them repeat a standard header, by name; `told` are further ones, that tell of the event.
    """

    name: str
    title: str
    description: str
    example: str
    headers: tuple[str, ...]
    sign: Sign = field(repr=False)
    copied: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, Told] = field(default_factory=dict)


def check_signing(given: object) -> str:
    """Return a scheme in its stored form, from its name or its description; raises InvalidInput."""
    if isinstance(given, str):
        if given not in PROFILES:
            raise InvalidInput("signing is one of " + ", ".join(PROFILES) + ", or an object", field="signing")
        return given
    if not isinstance(given, Mapping):
        raise wrong_signing("signing is a name or an object")
    return check_scheme(given)


def shown_signing(signing: str) -> str | dict[str, object]:
    """Return a stored scheme as it is given: its name, or its description with what it leaves out."""
    return signing if signing in PROFILES else asdict(read_scheme(signing))


@lru_cache(maxsize=1024)
def profile_of(signing: str) -> Profile:
    """Return the profile of a stored scheme."""
    if (known := PROFILES.get(signing)) is not None:
        return known
    scheme = read_scheme(signing)
    has_time = bool(scheme.timestamp_header)
    signed = say("the time, a dot and the raw body") if has_time else say("the raw body")
    values = asdict(scheme) | {"hash": scheme.hash.upper(), "signed": signed}
    content = 'time + "." + rawBody' if has_time else "rawBody"
    return _profile(
        scheme,
        name="own",
        title=scheme.header,
        description=say("Adds {header}: the HMAC-{hash} of {signed} in {encoding}.", **values),
        example=f'crypto.createHmac("{scheme.hash}", secret).update({content}).digest("{scheme.encoding}")',
    )


def check_key(signing: str, key: SigningKey) -> None:
    """Raise InvalidInput when a scheme cannot sign with this key."""
    if signing in OF_STANDARD_WEBHOOKS and key.kind == "text":
        raise wrong_signing(
            "the signing profile {signing} needs a secret that starts with {hmac_prefix} or {ed_prefix}",
            signing=signing,
            hmac_prefix=HMAC_PREFIX,
            ed_prefix=ED25519_PREFIX,
        )
    if signing not in OF_STANDARD_WEBHOOKS and key.kind == "ed25519":
        raise wrong_signing("the signing profile {title} needs a shared secret", title=profile_of(signing).title)


def _profile(scheme: Scheme, *, name: str, title: str, description: str, example: str) -> Profile:
    return Profile(
        name=name,
        title=title,
        description=description,
        example=example,
        headers=scheme.headers,
        sign=scheme.sign,
        told=scheme.told,
    )


_ALL_PROFILES = (
    Profile(
        name="standard",
        title="Standard Webhooks",
        description=say("The headers webhook-id, webhook-timestamp and webhook-signature: best for a new receiver."),
        example='Webhook(secret).verify(body, headers)  # PyPI or npm "standardwebhooks"',
        headers=(),
        sign=sign_nothing_more,
    ),
    _profile(
        Scheme(header="X-Signature"),
        name="hex_sha256",
        title="X-Signature",
        description=say(
            "Adds X-Signature: the HMAC-SHA256 of the raw body in hex, as hand-written receivers check it."
        ),
        example='crypto.createHmac("sha256", secret).update(rawBody).digest("hex")',
    ),
    _profile(
        Scheme(
            header="X-Hub-Signature-256", prefix="sha256=", type_header="X-GitHub-Event", id_header="X-GitHub-Delivery"
        ),
        name="github",
        title="GitHub",
        description=say("Adds X-Hub-Signature-256: sha256= and the HMAC-SHA256 of the raw body in hex."),
        example='verify(secret, rawBody, headers["x-hub-signature-256"])  // npm "@octokit/webhooks-methods"',
    ),
    Profile(
        name="stripe",
        title="Stripe",
        description=say("Adds Stripe-Signature: the time and one v1 signature for each valid secret."),
        example='stripe.Webhook.construct_event(payload, headers["Stripe-Signature"], secret)',
        headers=("Stripe-Signature",),
        sign=timed("Stripe-Signature", "v1"),
    ),
    Profile(
        name="slack",
        title="Slack",
        description=say("Adds X-Slack-Signature and X-Slack-Request-Timestamp; the time is part of what is signed."),
        example="SignatureVerifier(secret).is_valid_request(body, headers)  # PyPI slack-sdk",
        headers=("X-Slack-Request-Timestamp", "X-Slack-Signature"),
        sign=sign_slack,
    ),
    _profile(
        Scheme(header="X-Shopify-Hmac-Sha256", encoding="base64"),
        name="shopify",
        title="Shopify",
        description=say("Adds X-Shopify-Hmac-Sha256: the HMAC-SHA256 of the raw body in base64."),
        example="base64.b64encode(hmac.digest(secret.encode(), body, 'sha256')).decode()",
    ),
    Profile(
        name="svix",
        title="Svix",
        description=say("Adds svix-id, svix-timestamp and svix-signature: the standard headers under Svix's names."),
        example='Webhook(secret).verify(body, headers)  # PyPI or npm "svix"',
        headers=("svix-id", "svix-timestamp", "svix-signature"),
        sign=sign_nothing_more,
        copied={f"svix-{part}": f"webhook-{part}" for part in ("id", "timestamp", "signature")},
    ),
    _profile(
        Scheme(header="X-Convoy-Signature", id_header=_CONVOYS_ID),
        name="convoy",
        title="Convoy, simple",
        description=say("Adds X-Convoy-Signature: the HMAC-SHA256 of the raw body in hex."),
        example='crypto.createHmac("sha256", secret).update(rawBody).digest("hex")',
    ),
    Profile(
        name="convoy_advanced",
        title="Convoy, advanced",
        description=say(
            "Adds X-Convoy-Signature: the time and one v1 signature of time, comma and body for each secret."
        ),
        example='crypto.createHmac("sha256", secret).update(t + "," + rawBody).digest("hex")',
        headers=("X-Convoy-Signature",),
        sign=timed("X-Convoy-Signature", "v1", joint=b","),
        told={_CONVOYS_ID: "id"},
    ),
    Profile(
        name="hook0",
        title="Hook0",
        description=say("Adds X-Hook0-Signature: the time, a v0 signature of it and the body, and a v1 signature."),
        example='crypto.createHmac("sha256", secret).update(t + "." + rawBody).digest("hex")  // v0',
        headers=("X-Hook0-Timestamp", "X-Hook0-Signature"),
        sign=sign_hook0,
        told={"X-Event-Id": "id", "X-Event-Type": "type"},
    ),
    Profile(
        name="outpost",
        title="Outpost",
        description=say("Adds X-Outpost-Signature: one v0 signature of the raw body for each secret."),
        example='crypto.createHmac("sha256", secret).update(rawBody).digest("hex")  // one of those behind v0=',
        headers=("X-Outpost-Event-Id", "X-Outpost-Signature"),
        sign=sign_outpost,
        copied={"X-Outpost-Event-Id": "webhook-id"},
        told={"X-Outpost-Topic": "type", "X-Outpost-Timestamp": "time"},
    ),
)

PROFILES: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in _ALL_PROFILES})
