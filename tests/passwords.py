"""The hash of passwords in tests: the same algorithm as outside, with few rounds.

A third of a second for each user who is made would be most of the time of the pages' tests.
"""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class FewRounds(PBKDF2PasswordHasher):
    """Django's first choice, quickly."""

    iterations = 2
