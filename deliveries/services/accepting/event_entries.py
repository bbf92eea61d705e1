"""From a draft to an entry: the id, the body and the version of an event that is to be stored.

What lives here: what is judged before a statement. It must not know who stores entries, or together with which.
"""

from __future__ import annotations

from deliveries.conf import conf
from deliveries.errors import HookpostError, InvalidEventType, InvalidInput
from deliveries.models.base import new_id
from deliveries.protocol.events.event_types import is_ours
from deliveries.protocol.sending.request import full_body
from deliveries.protocol.writing import timestamps
from deliveries.protocol.writing.ids import time_of
from deliveries.protocol.writing.sentences import say
from deliveries.services.accepting.event_store import Entry, EventDraft, known_answer
from deliveries.services.accepting.scheduling import deliver_later
from deliveries.services.catalogue.validation import Rules, check_data, version_emitted
from deliveries.services.catalogue.version_table import version_table


def entry_or_error(draft: EventDraft | HookpostError, rules: Rules) -> Entry | HookpostError:
    """Return a draft's entry, or why there is none; a draft that is an error already stays that one."""
    try:
        return draft if isinstance(draft, HookpostError) else judged_entry(draft, rules)
    except InvalidInput as error:
        return error


def judged_entry(draft: EventDraft, rules: Rules) -> Entry:
    """Return the entry of a draft whose data fits the schema of its type; raises InvalidInput for another one.

    One that came before keeps its answer, which its entry has already, although the schema changed or its time passed.
    """
    if is_ours(draft.type):
        raise InvalidEventType(say("names that begin with hookpost. are reserved"), field="type")
    try:
        return _checked_entry(draft, rules)
    except InvalidInput:
        if (answer := known_answer(draft)) is None:
            raise
        return Entry(draft, new_id(), b"", result=answer)


def _checked_entry(draft: EventDraft, rules: Rules) -> Entry:
    entry = entry_of(draft)
    entry.api_version = version = version_emitted(draft.api_version)
    if version is not None:
        entry.other_shapes = version_table(version).other_shapes(draft.type, version)
    entry.warnings = check_data(rules, draft.type, draft.data, customer_id=draft.emitter_id, api_version=version)
    return entry


def entry_of(draft: EventDraft) -> Entry:
    """Give a draft its id, moment and body; raises InvalidInput where it is too large or its times are wrong."""
    event_id = new_id()
    moment = timestamps.in_utc(draft.timestamp or time_of(event_id), field="timestamp")
    body = full_body(draft.type, timestamps.write(moment), draft.data)
    refuse_large(body)
    return Entry(draft, event_id, body, deliver_at=deliver_later(draft.deliver_at), api_version=draft.api_version)


def refuse_large(content: bytes) -> bytes:
    """Return a body, or the data of one, if it may be stored; raises InvalidInput for one that is too large."""
    if len(content) > conf.body_limit_bytes:
        raise InvalidInput(
            say("the event is larger than {body_limit_bytes} bytes", body_limit_bytes=conf.body_limit_bytes),
            field="data",
        )
    return content
