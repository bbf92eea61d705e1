"""Mail addresses that become usernames: of who is invited, of staff, and of whom a portal link is for.

What lives here: what such an address may be. It must not know who has it already.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from deliveries.errors import InvalidInput
from deliveries.protocol.writing.sentences import say

EMAIL_LIMIT = 150  # of a username


def check_email(text: str) -> str:
    """Return an address as a username is made of it; raises InvalidInput."""
    address = text.strip().lower()
    if len(address) > EMAIL_LIMIT:
        raise InvalidInput(
            say("an address has at most {email_limit} characters here", email_limit=EMAIL_LIMIT), field="email"
        )
    try:
        validate_email(address)
    except ValidationError as error:
        raise InvalidInput(say("not an e-mail address"), field="email") from error
    return address
