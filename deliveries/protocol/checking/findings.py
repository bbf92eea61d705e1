"""What a check of a signature finds, as data.

What lives here: one finding. It must not know what is checked.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found: a code for programs, a sentence for people, and whether it is at fault."""

    code: str
    says: str
    is_fault: bool


def fault(code: str, says: str) -> Finding:
    """Return what explains why a receiver refuses a request."""
    return Finding(code=code, says=says, is_fault=True)


def fine(code: str, says: str) -> Finding:
    """Return what is as it should be."""
    return Finding(code=code, says=says, is_fault=False)
