"""What is asked before something is done to an endpoint: what will happen, in sentences.

What lives here: the questions of both sites. It must not know how anything is done.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext, gettext_noop

from deliveries.admin.base.acts import Question
from deliveries.admin.front.dashboard import backlog_of
from deliveries.errors import InvalidInput
from deliveries.models import Endpoint
from deliveries.services.common.languages import tell

PAUSED = gettext_noop(
    "Nothing is sent to {url} until somebody resumes it. What comes in meanwhile is held and sent after that."
)
DISABLED = gettext_noop(
    "Nothing is sent to {url} until somebody resumes it, and members see it as disabled. What comes in is held."
)
CANCELLED = gettext_noop(
    "The backlog ({waiting} waiting, {held} held) is cancelled and never sent. What comes from now on is sent."
)
LEAKED = gettext_noop(
    "The old secret ends now. Receivers that check signatures with it refuse everything that is sent from this moment"
    " on, until they have the new one. Do this when somebody else knows the old secret; otherwise let it sign on."
)
ROTATED = gettext_noop(
    "A new secret signs from now on, and the old one beside it for {hours} more hours. Receivers have that long to take"
    " the new one; after it they refuse what they check with the old one."
)


def is_open(act: str, row: Endpoint) -> bool:
    """Say whether the state of an endpoint leaves an act open."""
    closed = {
        "pause": row.state != Endpoint.State.ENABLED,
        "resume": row.state == Endpoint.State.ENABLED,
        "disable": row.state == Endpoint.State.DISABLED,
        "verify": row.unverified is None,
    }
    return not closed.get(act, False)


def question_of(request: HttpRequest, act: str, row: Endpoint) -> Question | None:
    """Return what is asked before an act; None for one that is done at once."""
    if act == "pause":
        return Question(title=gettext("Pause this endpoint?"), what=tell(PAUSED, url=row.url), button=gettext("Pause"))
    if act == "disable":
        return Question(
            title=gettext("Disable this endpoint?"),
            what=tell(DISABLED, url=row.url),
            button=gettext("Disable"),
            takes_away=True,
        )
    if act == "resume" and request.POST.get("backlog") == "cancel":
        what = tell(CANCELLED, **backlog_of(row))
        return Question(
            title=gettext("Resume, and cancel the backlog?"),
            what=what,
            button=gettext("Resume and cancel"),
            takes_away=True,
        )
    if act == "rotate":
        return _about_rotation(keep_hours_of(request))
    return None


def keep_hours_of(request: HttpRequest) -> int:
    """Return for how many hours the old secret is to sign on; raises InvalidInput."""
    hours = request.POST.get("keep_hours", "")
    if not (hours.isascii() and hours.isdigit() and len(hours) < 4):
        raise InvalidInput(gettext("say for how many hours the old secret goes on signing"), field="keep_hours")
    return int(hours)


def _about_rotation(hours: int) -> Question:
    if hours == 0:
        return Question(
            title=gettext("End the old secret now?"),
            what=gettext(LEAKED),
            button=gettext("End the old secret"),
            takes_away=True,
        )
    return Question(
        title=gettext("Rotate the secret?"), what=tell(ROTATED, hours=hours), button=gettext("Rotate the secret")
    )
