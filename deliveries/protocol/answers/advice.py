"""What an error means for people, and what to do about it: the one table that pages, API and docs/operations.md share.

What lives here: sentences. It must not know rows or pages. `says` is what happened, in the middle of a sentence; `do`
is the next step of whoever can take one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from deliveries.protocol.writing.sentences import Sentence, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What happened, and what to do."""

    says: Sentence
    do: Sentence

    @property
    def is_of_signature(self) -> bool:
        """Whether the signature may be what the receiver refuses, so that its check is the next step."""
        return self.do is _SIGNATURE or self.do.values.get("signature") is _SIGNATURE or self.says is _FORBIDDEN


MOVED = frozenset({301, 308})

_NEW_PLACE = say("Change the URL to where the answer's Location points.")
_ITS_METHOD = say("Register the path that takes webhooks, or change the endpoint's method; it is POST if not said.")
_THEIR_LOG = say("See the receiver's log of that time; redeliver when it is mended.")
_SIGNATURE = say("Check the signature: the secret that the receiver has, and that it verifies the raw body.")
_FORBIDDEN = say("the receiver answers 403, it does not let us in")
_LATER = say("Answer at once and work later; redeliver what was given up when it is well again.")

ERRORS: Mapping[str, Advice] = MappingProxyType(
    {
        "dns_error": Advice(
            says=say("the host name of the URL is not found"),
            do=say("Look for a typing mistake in the URL, and for the name's record in the DNS."),
        ),
        "blocked_address": Advice(
            says=say("the host name leads to an address that nothing may be sent to"),
            do=say("Register a public address. The operator may allow a private one with HOOKPOST_ALLOW_TARGETS."),
        ),
        "connect_refused": Advice(
            says=say("nobody listens on that port"),
            do=say("Start the receiver, or correct the port of the URL."),
        ),
        "connect_timeout": Advice(
            says=say("no connection comes about, as when a firewall drops our packets"),
            do=say("Let the published egress addresses through the firewall, and see whether the host is up."),
        ),
        "tls_error": Advice(
            says=say("the TLS connection fails, most often because of the certificate"),
            do=say(
                "Renew an expired certificate, send the whole chain, and name the URL's host in it. "
                "A private CA, and a "
                "certificate of ours that the receiver wants, belong into the endpoint's tls."
            ),
        ),
        "token_error": Advice(
            says=say("the endpoint's token URL gives no access token"),
            do=say(
                "The attempt's detail says what it answered. invalid_client: correct client_id and "
                "client_secret in the "
                "endpoint's auth; else see whether the token URL is right and its server up."
            ),
        ),
        "deadline_exceeded": Advice(
            says=say("the receiver is connected and does not answer in time"),
            do=say("Answer before the work is done, or raise the endpoint's timeout_seconds, up to 30."),
        ),
        "poll_lapsed": Advice(
            says=say("a poller took it and did not answer for it in time"),
            do=say(
                "Acknowledge what was handled, or ask for longer leases. It may have been handled: "
                "the poller must know "
                "a webhook-id again."
            ),
        ),
        "protocol_error": Advice(
            says=say("what comes back is no HTTP answer, or the connection closes without one"),
            do=say(
                "See the receiver's log of that time: it may have read the event, so it must know a webhook-id again."
            ),
        ),
        "proxy_error": Advice(
            says=say("the egress proxy does not let the request through"),
            do=say("The operator sees in the proxy's log whether it refused the address or is away."),
        ),
        "http_3xx": Advice(
            says=say("the receiver redirects, and redirects are not followed"),
            do=_NEW_PLACE,
        ),
        "http_4xx": Advice(
            says=say("the receiver refuses the request"),
            do=say("The answer's body often says why. {signature}", signature=_SIGNATURE),
        ),
        "http_5xx": Advice(
            says=say("the receiver fails while it handles the request"),
            do=_THEIR_LOG,
        ),
        "batch_member_failed": Advice(
            says=say("the receiver answers 207 and names this event among those that failed"),
            do=say("The attempt's detail is the reason that it gave. {their_log}", their_log=_THEIR_LOG),
        ),
        "batch_unreadable": Advice(
            says=say("the receiver answers 207 and does not say which events failed"),
            do=say('Answer with JSON, {"failed": [{"id": "evt_…", "reason": "…"}]}, of 16 KB at most.'),
        ),
        "gone": Advice(
            says=say("the receiver answers 410 Gone, so the endpoint was disabled"),
            do=say("Resume the endpoint if that was a mistake; else delete it, or change its URL."),
        ),
        "rate_limited": Advice(
            says=say("the receiver answers 429, it wants fewer requests"),
            do=say("Set the endpoint's rate_limit below what the receiver allows."),
        ),
        "worker_lost": Advice(
            says=say("the worker ended while it sent this"),
            do=say("The operator sees why in the workers' log of that time: stopped, or died. Then redeliver."),
        ),
        "filter_failed": Advice(
            says=say("the endpoint's filter could not judge this event"),
            do=say("Simplify the filter, and redeliver what it kept back."),
        ),
        "event_erased": Advice(
            says=say("the content of this event was erased"),
            do=say("Nothing can be sent of it again. The audit trail says who erased it, and why."),
        ),
        "payload_failed": Advice(
            says=say("the endpoint's payload settings make no body of this event"),
            do=say("The attempt says what is wrong. Change the endpoint's payload or form of body, and redeliver."),
        ),
        "payload_too_large": Advice(
            says=say("what the endpoint's payload settings make of this event is too large"),
            do=say("Choose another form of body, or the thin payload, and redeliver."),
        ),
        "transformation_failed": Advice(
            says=say("the endpoint's transformation makes nothing of this event"),
            do=say("The attempt says why. Try it on this event on the endpoint's page, change it, and redeliver."),
        ),
        "transformation_timeout": Advice(
            says=say("the endpoint's transformation takes too long"),
            do=say("Make it simpler: it has 0.2 seconds of processor time for an event. Then redeliver."),
        ),
        "transformation_too_large": Advice(
            says=say("the endpoint's transformation makes too much of this event"),
            do=say("Let it leave out more: what it makes has at most 256 KB. Then redeliver."),
        ),
        "unverified": Advice(
            says=say("the endpoint's URL has yet to answer its challenge"),
            do=say("The endpoint's page says what it answered. Let the receiver answer, and ask again there."),
        ),
        "version_not_mapped": Advice(
            says=say("no mapping leads to the version that the endpoint is pinned to"),
            do=say("The attempt says between which versions. The operator declares it, or choose another version."),
        ),
        "version_mapping_failed": Advice(
            says=say("the mapping to the endpoint's version makes nothing of this event"),
            do=say("The attempt says why. The operator mends the mapping; then redeliver."),
        ),
        "not_sent": Advice(
            says=say("no request could be made of it, a fault of the sender's"),
            do=say("The operator sees why in the workers' log of that time. Then redeliver."),
        ),
    }
)

_CDN = Advice(
    says=say("the receiver answers {status}: the content network in front of it does not get through to it"),
    do=say("See whether the server behind the content network is up, and its certificate valid."),
)

STATUSES: Mapping[int, Advice] = MappingProxyType(
    {
        301: Advice(
            says=say("the receiver answers 301, it has moved for good, and redirects are not followed"),
            do=_NEW_PLACE,
        ),
        302: Advice(
            says=say("the receiver answers 302, most often to its log-in page"),
            do=say("Register an address that takes webhooks without a log-in."),
        ),
        308: Advice(
            says=say("the receiver answers 308, it has moved for good, and redirects are not followed"),
            do=_NEW_PLACE,
        ),
        400: Advice(
            says=say("the receiver answers 400, it does not accept what we sent"),
            do=say("The answer's body often says what it missed. {signature}", signature=_SIGNATURE),
        ),
        401: Advice(says=say("the receiver answers 401, it refuses our signature"), do=_SIGNATURE),
        403: Advice(
            says=_FORBIDDEN,
            do=say("Let the egress addresses through its firewall and bot protection. Then as for 401: the signature."),
        ),
        404: Advice(
            says=say("the receiver answers 404, there is nothing at this path"),
            do=say("Compare the URL with the path that the receiver serves, letter by letter."),
        ),
        405: Advice(
            says=say("the receiver answers 405, this path takes no such method"),
            do=_ITS_METHOD,
        ),
        408: Advice(says=say("the receiver answers 408, it gave up waiting for the request"), do=_LATER),
        409: Advice(
            says=say("the receiver answers 409, it sees a conflict, often because it has the event already"),
            do=say("Answer 2xx to a webhook-id that was handled before."),
        ),
        413: Advice(
            says=say("the receiver answers 413, the event is too large for it"),
            do=say("Raise its limit (nginx: client_max_body_size), or choose the thin payload for the endpoint."),
        ),
        415: Advice(
            says=say("the receiver answers 415, it does not take application/json"),
            do=say("Let it read JSON; another type of JSON can be set as the endpoint's header content-type."),
        ),
        422: Advice(
            says=say("the receiver answers 422, it read the event and refuses what is in it"),
            do=say("The answer's body often says which member. Compare it with the event type's schema and example."),
        ),
        500: Advice(
            says=say("the receiver answers 500, it fails while it handles the event"),
            do=_THEIR_LOG,
        ),
        501: Advice(
            says=say("the receiver answers 501, it does not know this method"),
            do=_ITS_METHOD,
        ),
        502: Advice(
            says=say("the receiver answers 502, the proxy in front of it does not get through to it"),
            do=say("Start the server behind the proxy; redeliver what was given up."),
        ),
        503: Advice(says=say("the receiver answers 503, it is overloaded or being deployed"), do=_LATER),
        504: Advice(says=say("the receiver answers 504, the proxy in front of it waited for it in vain"), do=_LATER),
        **dict.fromkeys(range(520, 527), _CDN),
    }
)

_UNKNOWN = Advice(says=say("the attempt failed"), do=say("See what was sent and answered."))
# Of statuses that have no line above.
_OTHERS: Mapping[str, Sentence] = MappingProxyType(
    {
        "http_3xx": say("the receiver answers {status}, it redirects, and redirects are not followed"),
        "http_4xx": say("the receiver answers {status}, it refuses the request"),
        "http_5xx": say("the receiver answers {status}, it fails while it handles the request"),
    }
)


def advice_for(error: str, status_code: int | None = None) -> Advice:
    """Return what an attempt's error and status mean, and what to do; every attempt that failed has an answer here."""
    general = ERRORS.get(error, _UNKNOWN)
    if error not in _OTHERS or not status_code:
        return general
    known = STATUSES.get(status_code)
    if known is None:
        return Advice(says=_OTHERS[error].again(status=status_code), do=general.do)
    return known if known is not _CDN else Advice(says=_CDN.says.again(status=status_code), do=_CDN.do)
