"""Which alerts are mailed to whom: what each member chose at a customer, and the link that ends their letters.

What lives here: choosing, and reading what was chosen. A new member is written to at once, about everything. It must
not know what a letter says or how it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import QuerySet

from deliveries.errors import InvalidId, InvalidInput
from deliveries.models import Alert, Endpoint, Member
from deliveries.protocol.who.actor_names import name_person
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock, limits
from deliveries.services.common.audit import record_act
from deliveries.services.common.held_rows import hold

Kind = Alert.Kind
Rhythm = Member.MailRhythm

KINDS = (Kind.DISABLED, Kind.WARNING, Kind.FAILING, Kind.CERTIFICATE, Kind.EXHAUSTED)  # what members hear of
MUTED_LIMIT = 1000
READERS_LIMIT = 20
SALT = "hookpost.unsubscribe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A member who is written to, and about what not; the token ends their letters."""

    to: str
    name: str
    customer: str
    token: str
    zone: str = ""
    language: str = ""
    muted_kinds: frozenset[str] = frozenset()
    muted_endpoints: frozenset[UUID] = frozenset()

    def wants(self, alert: Alert) -> bool:
        """Say whether an alert is to be mailed to them."""
        return alert.kind not in self.muted_kinds and alert.endpoint_id not in self.muted_endpoints


class Choices(NamedTuple):
    """What a member may choose."""

    rhythm: str
    muted_kinds: Sequence[str]
    muted_endpoints: Sequence[UUID]


def choose_mail(member: Member, choices: Choices, *, actor: str) -> None:
    """Keep what a member wants to be mailed; endpoints that are not the customer's, or gone, are left out."""
    _check(choices)
    own = Endpoint.objects.filter(customer_id=member.customer_id, deleted_at=None, id__in=choices.muted_endpoints)
    muted = sorted(own.values_list("id", flat=True))
    with transaction.atomic():
        limits.lock(member.customer)
        hold(member)
        if choices.rhythm == Rhythm.DAILY and member.mail_rhythm != Rhythm.DAILY:
            member.digest_from = member.digest_from if member.digest_due_at else clock.likely_now()
        if choices.rhythm == Rhythm.NEVER:
            member.digest_due_at = None
        member.mail_rhythm, member.muted_kinds = choices.rhythm, sorted(choices.muted_kinds)
        member.muted_endpoints = muted
        member.save(update_fields=["mail_rhythm", "muted_kinds", "muted_endpoints", "digest_from", "digest_due_at"])
        detail = {"rhythm": member.mail_rhythm, "without": member.muted_kinds, "endpoints_without": len(muted)}
        record_act(actor, "member.mail", customer=member.customer, object_id=member.public_id, detail=detail)


def readers_of(customer_ids: Iterable[UUID]) -> Mapping[UUID, Sequence[Reader]]:
    """Return whom to write to at once, by customer: members with an address, a bounded number of each."""
    found: dict[UUID, list[Reader]] = {}
    for member in with_address().filter(customer_id__in=set(customer_ids), mail_rhythm=Rhythm.AT_ONCE).order_by("id"):
        readers = found.setdefault(member.customer_id, [])
        if len(readers) < READERS_LIMIT:
            readers.append(reader_of(member))
    return found


def with_address() -> QuerySet[Member]:
    """Return the members who can be written to, with all that a reader is made of."""
    address = f"user__{get_user_model().get_email_field_name()}"
    rows = Member.objects.select_related("user__hookpost_log_in", "customer").filter(user__is_active=True)
    return rows.exclude(**{address: ""})


def reader_of(member: Member) -> Reader:
    """Return a member as one who is written to."""
    log_in = getattr(member.user, "hookpost_log_in", None)
    return Reader(
        to=getattr(member.user, member.user.get_email_field_name()),
        name=member.user.get_username(),
        customer=member.customer.name,
        token=Signer(salt=SALT).sign(member.public_id),
        zone=log_in.time_zone if log_in else "",
        language=log_in.language if log_in else "",
        muted_kinds=frozenset(member.muted_kinds),
        muted_endpoints=frozenset(member.muted_endpoints),
    )


def shared_choices(customer_id: UUID) -> tuple[str, str]:
    """Return the language and the time zone that a customer's members chose; empty where they differ, or chose none."""
    members = with_address().filter(customer_id=customer_id).order_by("id")[:READERS_LIMIT]
    readers = [reader_of(member) for member in members]
    languages, zones = {each.language for each in readers} - {""}, {each.zone for each in readers} - {""}
    return _only_one(languages), _only_one(zones)


def _only_one(chosen: set[str]) -> str:
    return chosen.pop() if len(chosen) == 1 else ""


def find_reader(token: str) -> Member | None:
    """Return the member whose letters a link ends; the link has no end of its own, for letters are kept for years."""
    try:
        key = ids.decode_id(Member.PREFIX, Signer(salt=SALT).unsign(token))
    except (BadSignature, InvalidId):
        return None
    return Member.objects.select_related("user", "customer").filter(pk=key).first()


def unsubscribe(member: Member) -> None:
    """Write no more about this customer to the member's address, whoever shares it."""
    address = member.user.get_email_field_name()
    sharing = Member.objects.select_related("user", "customer").filter(customer=member.customer)
    sharing = sharing.filter(**{f"user__{address}__iexact": getattr(member.user, address)})
    for each in sharing.exclude(mail_rhythm=Rhythm.NEVER):
        actor = name_person(each.user.get_username(), is_member=True)
        choose_mail(each, Choices(Rhythm.NEVER, each.muted_kinds, each.muted_endpoints), actor=actor)


def _check(choices: Choices) -> None:
    if choices.rhythm not in Rhythm.values:
        raise InvalidInput(say("one of {names}", names=", ".join(Rhythm.values)), field="rhythm")
    if not set(choices.muted_kinds) <= set(KINDS):
        raise InvalidInput(say("some of {names}", names=", ".join(KINDS)), field="kinds")
    if len(choices.muted_endpoints) > MUTED_LIMIT:
        raise InvalidInput(
            say("at most {muted_limit} endpoints can be left out", muted_limit=MUTED_LIMIT), field="endpoints"
        )
