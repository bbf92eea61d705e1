"""The trace that an event belongs to, as its caller named it and as a receiver is told.

What lives here: reading `traceparent` and `tracestate`, and writing them again. What does not keep to the rules is
ignored, as they want it. It must not know who asks or where they are kept. Source: W3C Trace Context, level 2 draft.
"""

from __future__ import annotations

import re

TRACESTATE_LIMIT = 512
MEMBERS_LIMIT = 32
LONG_MEMBER = 128  # members longer than this go first where something has to

_KEPT_FLAGS = 0b11  # sampled, and random; of the others nobody knows what they mean
_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_NOBODY = {"0" * 32, "0" * 16}
_NAME = r"[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}"
_MEMBER = re.compile(rf"({_NAME})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{{0,255}}[\x21-\x2b\x2d-\x3c\x3e-\x7e]", re.ASCII)


def read_trace_context(traceparent: str, tracestate: str = "") -> str | None:
    """Return a trace context in one text, a header a line; None for one that is none.

    A bad `tracestate` goes, and `traceparent` stays; of a later version is kept what this one knows.
    """
    found = _PARENT.fullmatch(traceparent.strip(" \t"))
    if found is None:
        return None
    version, trace, parent, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or {trace, parent} & _NOBODY:
        return None
    parent_line = f"00-{trace}-{parent}-{int(flags, 16) & _KEPT_FLAGS:02x}"
    state = _read_state(tracestate)
    return f"{parent_line}\n{state}" if state else parent_line


def trace_headers(context: str, *, with_state: bool = True) -> dict[str, str]:
    """Return the headers of a trace context, as read_trace_context returned it.

    Without its state for whoever is outside: an emitter's vendors write there what they like (W3C Trace Context,
    Security Considerations, Information Exposure).
    """
    parent, _, state = context.partition("\n")
    return {"traceparent": parent, "tracestate": state} if state and with_state else {"traceparent": parent}


def trace_id_of(context: str | None) -> str | None:
    """Return the 32 hex digits by which a trace is found; None without a trace."""
    return context[3:35] if context else None


def _read_state(text: str) -> str:
    members = [member for each in text.split(",") if (member := each.strip(" \t"))]
    names = [found[1] for member in members if (found := _MEMBER.fullmatch(member))]
    if len(names) < len(members) or len(set(names)) < len(names) or len(names) > MEMBERS_LIMIT:
        return ""
    return ",".join(_shortened(members))


def _shortened(members: list[str]) -> list[str]:
    """Leave out long members, then the last ones, until the rest is short enough."""
    kept = list(members)
    for member in [each for each in reversed(members) if len(each) > LONG_MEMBER]:
        if _length(kept) > TRACESTATE_LIMIT:
            kept.remove(member)
    while _length(kept) > TRACESTATE_LIMIT:
        kept.pop()
    return kept


def _length(members: list[str]) -> int:
    return sum(map(len, members)) + max(0, len(members) - 1)
