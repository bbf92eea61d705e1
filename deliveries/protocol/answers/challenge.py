"""Challenges: what a URL has to answer before it gets its first delivery, and what an answer to that means.

What lives here: both kinds and their answers. It must not know rows, nor how anything is sent. What an endpoint's
settings make of events has no part in it: a transformation could make any request an answer to itself.
Source: CloudEvents, HTTP 1.1 Web Hooks for Event Delivery 1.0.2, 4 Abuse Protection; our own is in docs/receivers.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import urlsplit

from deliveries.protocol.writing.sentences import say
from deliveries.protocol.writing.stored_sentences import OTHER_ORIGIN

CHALLENGE = "hookpost.challenge"
OPTIONS = "OPTIONS"
UNVERIFIED = say("its URL has yet to answer the challenge")  # why an endpoint is paused until then
ORIGIN_HEADER = "webhook-request-origin"
RATE_MAX = 600_000  # requests a minute; who allows more sets no limit

ECHO = say('it sent the request back; the challenge wants the value alone, or {"challenge": value}')
OTHER = say("it answered, but not with the value of the challenge")
SILENT = say("it answered without WebHook-Allowed-Origin")


class ChallengeKind(StrEnum):
    """How a URL is asked."""

    OWN = "own"
    CLOUDEVENTS = "cloudevents"


# By the word of the setting; one after the other where there are two.
KINDS: Mapping[str, Sequence[ChallengeKind]] = MappingProxyType(
    {
        "off": (),
        "own": (ChallengeKind.OWN,),
        "cloudevents": (ChallengeKind.CLOUDEVENTS,),
        "either": (ChallengeKind.OWN, ChallengeKind.CLOUDEVENTS),
    }
)
WAITS_SECONDS = (0, 15, 60, 600, 3600, 21_600)  # before each time that it is asked; then somebody has to ask again


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeVerdict:
    """Whether a URL answered; why not, in a sentence; how many requests a minute it allows, None for any number."""

    proven: bool
    detail: str = ""
    per_minute: int | None = None


def next_wait(tries: int, kinds: Sequence[ChallengeKind]) -> int | None:
    """Return the seconds before a URL is asked once more; None: it was asked often enough."""
    number, place = divmod(tries, len(kinds))
    if number >= len(WAITS_SECONDS):
        return None
    return 0 if place else WAITS_SECONDS[number]


def kind_for(tries: int, kinds: Sequence[ChallengeKind]) -> ChallengeKind:
    """Return how it is asked after so many times."""
    return kinds[tries % len(kinds)]


def origin_name(base_url: str) -> str:
    """Return the name under which we ask for permission: "the DNS name of the sending system"."""
    return urlsplit(base_url).hostname or ""


def judge_own(body: str, value: str) -> ChallengeVerdict:
    """Judge the answer to our own challenge: the value as text, or as `challenge` of an object."""
    text = body.strip()
    if text == value or _member(text) == value:
        return ChallengeVerdict(proven=True)
    return ChallengeVerdict(proven=False, detail=ECHO if value in text else OTHER)


def judge_permission(headers: Mapping[str, str], origin: str) -> ChallengeVerdict:
    """Judge the answer to a request for permission; names of headers are in lower case."""
    allowed = headers.get("webhook-allowed-origin", "").strip().lower()
    if not allowed:
        return ChallengeVerdict(proven=False, detail=SILENT)
    if allowed not in ("*", origin.lower()):
        return ChallengeVerdict(proven=False, detail=OTHER_ORIGIN.again(origin=origin))
    rate = headers.get("webhook-allowed-rate", "").strip() or "*"
    if rate == "*":
        return ChallengeVerdict(proven=True)
    if not (rate.isascii() and rate.isdigit() and len(rate) <= 18 and int(rate) > 0):
        return ChallengeVerdict(proven=False, detail=say("its WebHook-Allowed-Rate is no number of requests a minute"))
    return ChallengeVerdict(proven=True, per_minute=int(rate) if int(rate) < RATE_MAX else None)


def _member(text: str) -> object:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read.get("challenge") if isinstance(read, dict) else None
