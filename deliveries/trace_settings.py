"""Traces among the settings: what of them leaves the house.

What lives here: its variable; conf.py has it with all others. It must not know Django.
"""

from __future__ import annotations

from dataclasses import dataclass

from deliveries.identity_settings import IdentitySettings
from deliveries.variables import setting, truth


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSettings(IdentitySettings):
    """What receivers are told of the trace of an event."""

    send_tracestate: bool = setting(
        "HOOKPOST_SEND_TRACESTATE",
        "false",
        truth,
        "Send `tracestate` of emitters too, to endpoints that want traces. Only where all endpoints are your own.",
    )
