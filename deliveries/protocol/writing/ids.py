"""Ids as people and programs see them: TypeIDs over UUIDv7, and what can be read from them.

What lives here: prefixes, encoding, the time inside an id, the id of a delivery. It must not know
the clock: new ids are made where rows are made. Source: TypeID 0.3, RFC 9562 5.7.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import md5
from uuid import UUID

from deliveries.errors import InvalidId

CUSTOMER = "cus"
ENDPOINT = "ep"
EVENT = "evt"
DELIVERY = "dlv"
ATTEMPT = "att"
JOB = "job"
KEY = "key"
EVENT_TYPE = "ety"
SECRET = "sec"  # noqa: S105
MEMBER = "mem"
AUDIT = "aud"
PORTAL_LINK = "plk"
INVITATION = "inv"
ALERT = "alr"
FAILURE_GROUP = "flg"
POLL_LEASE = "lse"
API_VERSION = "ver"
VERSION_CHANGE = "vch"
PASSWORD_MAIL = "pwm"  # noqa: S105
BATCH = "bat"

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_SUFFIX = re.compile(f"[0-7][{_ALPHABET}]{{25}}")
_TO_PYTHON_BASE_32 = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOW_60_BITS = (1 << 60) - 1


def encode_id(prefix: str, value: UUID) -> str:
    """Return the TypeID of a UUID: prefix, underscore, 26 characters of base32."""
    number = value.int
    # Thirds that fit a machine word: shifting the whole 128 bits 13 times costs twice as much.
    high, middle, low = number >> 120, (number >> 60) & _LOW_60_BITS, number & _LOW_60_BITS
    pairs = _PAIRS
    return (
        f"{prefix}_{pairs[high]}"
        f"{pairs[middle >> 50]}{pairs[middle >> 40 & 1023]}{pairs[middle >> 30 & 1023]}"
        f"{pairs[middle >> 20 & 1023]}{pairs[middle >> 10 & 1023]}{pairs[middle & 1023]}"
        f"{pairs[low >> 50]}{pairs[low >> 40 & 1023]}{pairs[low >> 30 & 1023]}"
        f"{pairs[low >> 20 & 1023]}{pairs[low >> 10 & 1023]}{pairs[low & 1023]}"
    )


def decode_id(prefix: str, text: str) -> UUID:
    """Return the UUID of a TypeID with that prefix; anything else raises InvalidId."""
    head, _, suffix = text.rpartition("_")
    if head != prefix or _SUFFIX.fullmatch(suffix) is None:
        raise InvalidId(f"not an id that starts with {prefix}_")
    return UUID(int=int(suffix.translate(_TO_PYTHON_BASE_32), 32))


def time_ordered(milliseconds: int, chance: int) -> UUID:
    """Return the UUIDv7 of that millisecond; of two the one with more `chance` (74 bits) is the later."""
    return UUID(int=milliseconds << 80 | 0x7 << 76 | chance >> 62 << 64 | 0x2 << 62 | chance & (1 << 62) - 1)


def time_of(value: UUID) -> datetime:
    """Return the moment inside a UUIDv7, to the millisecond, in UTC."""
    try:
        return _EPOCH + timedelta(milliseconds=int(value) >> 80)
    except OverflowError as error:
        raise InvalidId("the id holds no time") from error


def floor_of(moment: datetime) -> UUID:
    """Return the smallest UUIDv7 of that millisecond, for the bounds of a range of ids."""
    milliseconds = max(0, (moment - _EPOCH) // timedelta(milliseconds=1))
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62)


def delivery_id(event_id: UUID, endpoint_id: UUID) -> UUID:
    """Return the one id of an event's delivery to an endpoint: the event's time, then a hash of both.

    The accepting SQL computes the same value, so that a fan-out that runs twice cannot deliver twice.
    """
    event = str(event_id)
    digest = md5(f"{event}{endpoint_id}".encode(), usedforsecurity=False).hexdigest()
    return UUID(f"{event[:13]}-7{digest[:3]}-a{digest[3:6]}-{digest[6:18]}")
