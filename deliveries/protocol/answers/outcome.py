"""What an answer means for its delivery, its lane and its endpoint.

What lives here: the decision, as data. It must not know rows, clocks or dice: `now` and `rng` come in,
and nothing is done about it here.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.when.backoff import delay_seconds, parse_retry_after
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.protocol.writing.sentences import say

REST_SECONDS = 5.0
SLOW_MS = 3000

EXPLANATIONS: Mapping[str, str] = MappingProxyType(
    {
        "dns_error": say("The host name of the endpoint could not be resolved."),
        "blocked_address": say("The host name leads to an address that nothing may be sent to."),
        "connect_refused": say("The endpoint's server refused the connection."),
        "connect_timeout": say("No connection to the endpoint's server came about in time."),
        "token_error": say("No access token could be fetched from the endpoint's token URL, so nothing was sent."),
        "tls_error": say("The TLS connection failed, most often because of the server's certificate."),
        "deadline_exceeded": say("The endpoint did not answer before the deadline."),
        "poll_lapsed": say("A poller took the delivery and did not acknowledge it before its lease was over."),
        "protocol_error": say("What the endpoint sent is not a valid HTTP answer."),
        "proxy_error": say("The egress proxy did not let the request through."),
        "http_3xx": say("The endpoint answered with a redirect, and redirects are not followed."),
        "http_4xx": say("The endpoint refused the request."),
        "http_5xx": say("The endpoint failed while handling the request."),
        "batch_member_failed": say("The endpoint took the request with several events, and said that this one failed."),
        "batch_unreadable": say("The endpoint answered 207 and did not say which events failed: all count as failed."),
        "gone": say("The endpoint answered 410 Gone, so it was disabled."),
        "rate_limited": say("The endpoint asked to be sent fewer requests."),
        "worker_lost": say("The worker ended while it sent this; what ends its worker each time is given up."),
        "filter_failed": say("The endpoint's filter could not judge this event, so it was not sent there."),
        "event_erased": say("The content of this event was erased, so it is not sent any more."),
        "payload_failed": say("The endpoint's payload settings make no body of this event, so it was not sent."),
        "payload_too_large": say("What the endpoint's payload settings make of this event is too large to be sent."),
        "transformation_failed": say("The endpoint's transformation made nothing of this event, so it was not sent."),
        "transformation_timeout": say("The endpoint's transformation took too long on this event, so it was not sent."),
        "transformation_too_large": say(
            "The endpoint's transformation made too much of this event, so it was not sent."
        ),
        "unverified": say("The endpoint's URL has yet to answer its challenge, so nothing else is sent there."),
        "version_not_mapped": say("No mapping leads from this event's version to the endpoint's, so it was not sent."),
        "version_mapping_failed": say(
            "The mapping to the endpoint's version failed on this event, so it was not sent."
        ),
        "not_sent": say("No request could be made of this delivery; the operator finds out why."),
    }
)

# Ends of an attempt that tell nothing of the endpoint: whether deliveries arrive there is not judged by them.
NOT_THEIRS = frozenset(
    {"worker_lost", "not_sent", "filter_failed", "event_erased", "payload_failed", "payload_too_large"}
    | {"transformation_failed", "transformation_timeout", "transformation_too_large", "unverified"}
    | {"version_not_mapped", "version_mapping_failed"}
)
# Ends of a request that no receiver can bring about. Nothing was sent: there is no attempt to log or to count.
_OWN_FAULTS = frozenset({"no_socket"})

GONE = say("the endpoint answered 410 Gone")
ASKED = say("the endpoint asked for it with the header webhook-delivery: disable")

# Errors of the endpoint as a whole: the next request of the batch would end in the same way.
_DOWN = frozenset(
    {
        "dns_error",
        "blocked_address",
        "connect_refused",
        "connect_timeout",
        "tls_error",
        "token_error",
        "deadline_exceeded",
        "proxy_error",
    }
)
_TIMEOUTS = frozenset({"connect_timeout", "deadline_exceeded", "transformation_timeout", "transformation_too_large"})
# A name server that is silent, unlike one that says no, keeps a thread of ours that long for every look-up.
_SILENT_MS = 1000
_PAUSING_STATUSES = frozenset({429, 502, 503, 504})
_TOLD_BY_RETRY_AFTER = frozenset({429, 503})  # of other statuses it concerns only the one delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The decision: what to record, when to go on, and what to do about lane and endpoint.

    `error` is "" on success, else a key of EXPLANATIONS. `retry_in_seconds` is set only while `pending`.
    `rest_seconds` is how long the receiver asked the whole lane to rest, 0 if it did not. `disable_reason` is "" or
    why the endpoint is to be disabled. `down`: nobody was there, which ends the batch and counts for the breaker.
    `pause`: the endpoint is there and has too much to do. `healthy` closes the breaker: any answer below 500
    except 429 proves that the endpoint is well, also a 404. `slow` moves a lane to the slow queue: it answered
    late or not at all. `told_to_slow_down` is a 429.
    """

    state: DeliveryState
    error: str = ""
    retry_in_seconds: float | None = None
    rest_seconds: float = 0.0
    disable_reason: str = ""
    down: bool = False
    pause: bool = False
    healthy: bool = False
    slow: bool = False
    told_to_slow_down: bool = False


_SUCCESS = Outcome(state=DeliveryState.SUCCEEDED, healthy=True)
_SLOW_SUCCESS = Outcome(state=DeliveryState.SUCCEEDED, healthy=True, slow=True)


def is_own_fault(answer: Answer) -> bool:
    """Say whether no request was made for want of something here: the delivery stays due, and its lane rests."""
    return answer.error in _OWN_FAULTS


def decide(
    answer: Answer, *, schedule: Sequence[int], attempts_done: int, now: datetime, rng: random.Random
) -> Outcome:
    """Judge one answer; `attempts_done` includes the attempt that it belongs to."""
    wishes = _wishes(answer)
    error = _error_of(answer)
    if not error:
        if "disable" in wishes:
            return Outcome(state=DeliveryState.SUCCEEDED, healthy=True, disable_reason=ASKED)
        return _SLOW_SUCCESS if answer.duration_ms >= SLOW_MS else _SUCCESS
    disable_reason = GONE if error == "gone" else ASKED if "disable" in wishes else ""
    asked_wait = _asked_wait(answer, now=now)
    retry_in = delay_seconds(schedule, attempts_done, rng=rng)
    state = DeliveryState.PENDING
    if "abort-message" in wishes or error == "event_erased":
        state, retry_in = DeliveryState.CANCELLED, None
    elif error == "gone" or retry_in is None:
        state, retry_in = DeliveryState.EXHAUSTED, None
    else:
        retry_in = max(retry_in, asked_wait)
    return Outcome(
        state=state,
        error=error,
        retry_in_seconds=retry_in,
        rest_seconds=asked_wait if answer.status in _TOLD_BY_RETRY_AFTER else 0.0,
        disable_reason=disable_reason,
        down=error in _DOWN,
        pause=answer.status in _PAUSING_STATUSES,
        healthy=200 <= answer.status < 500 and answer.status != 429 and not answer.error,
        slow=error in _TIMEOUTS or answer.duration_ms >= (_SILENT_MS if error == "dns_error" else SLOW_MS),
        told_to_slow_down=answer.status == 429,
    )


def at_once(outcome: Outcome) -> Outcome:
    """Return the outcome of an attempt that is made again at once, unless nothing more is to be sent at all."""
    if outcome.state == DeliveryState.CANCELLED or outcome.disable_reason:
        return outcome
    return replace(outcome, state=DeliveryState.PENDING, retry_in_seconds=0.0)


def _asked_wait(answer: Answer, *, now: datetime) -> float:
    """Return the longest wait that an answer asks for, 0 if it asks for none."""
    asked = [parse_retry_after(value, now=now) for name, value in answer.headers if name == "retry-after"]
    return max((seconds for seconds in asked if seconds is not None), default=0.0)


def _error_of(answer: Answer) -> str:
    if answer.error:
        return answer.error
    status = answer.status
    if 200 <= status < 300:
        return ""
    if status == 410:
        return "gone"
    if status == 429:
        return "rate_limited"
    return f"http_{status // 100}xx" if 300 <= status < 600 else "protocol_error"


def _wishes(answer: Answer) -> frozenset[str]:
    if not answer.headers or answer.error:
        return frozenset()
    value = answer.header("webhook-delivery")
    return frozenset(word.strip(" \t").lower() for word in value.split(",")) if value else frozenset()
