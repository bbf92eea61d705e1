"""One-time links that log a member in to the portal.

What lives here: making and redeeming links. It must not know requests or sessions. A link is random,
kept as a hash, good for ten minutes and one use; redeeming is one statement, so that of two clicks one wins.
It is never for anybody of staff: who may make links would be staff by it.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from urllib.parse import unquote

import orjson
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.http import url_has_allowed_host_and_scheme, urlsafe_base64_decode, urlsafe_base64_encode

from deliveries.errors import Conflict, InvalidInput, NotFound
from deliveries.models import Customer, Member, PortalLink
from deliveries.protocol.who.actor_names import name_person
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock, limits
from deliveries.services.common.audit import record_act
from deliveries.services.common.site_links import PORTAL, site_root
from deliveries.services.people.mail_addresses import check_email
from deliveries.services.people.members import by_name, create_person, is_plain

LIFETIME = timedelta(minutes=10)
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """What the session of a link is like: where below the portal's root it begins, if it only looks, its looks."""

    begin_at: str = ""
    read_only: bool = False
    theme: str = ""
    language: str = ""


PLAIN = LinkOptions()


def create_link(
    customer: Customer, *, actor: str, email: str | None = None, options: LinkOptions = PLAIN
) -> tuple[PortalLink, str]:
    """Return a link and its token: for the member of this address, made if need be, or for the first member.

    The options are in the token; since its hash is what is looked for, nobody can change them.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    if options != PLAIN:
        token += "." + urlsafe_base64_encode(orjson.dumps(asdict(options)))
    with transaction.atomic():
        limits.lock(customer)
        member = _member_of(customer, email)
        limits.refuse_beyond("portal_links", _unused(customer), customer)
        PortalLink.objects.filter(expires_at__lt=clock.likely_now() - LIFETIME).delete()
        link = PortalLink.objects.create(member=member, hashed=_hash(token), expires_at=clock.likely_now() + LIFETIME)
        detail = {"member": member.public_id, **({"read_only": True} if options.read_only else {})}
        record_act(actor, "portal_link.create", customer=customer, object_id=link.public_id, detail=detail)
    return link, token


def redeem_link(token: str) -> Member | None:
    """Use a link up and return its member, or None when it is unknown, used or too old."""
    link = PortalLink.objects.select_related("member__user", "member__customer").filter(hashed=_hash(token)).first()
    if link is None:
        return None
    with suppress(NotFound), transaction.atomic():
        limits.lock(link.member.customer)
        alive = PortalLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=clock.likely_now())
        if not alive.update(used_at=clock.likely_now()) or not is_plain(link.member.user):
            return None
        actor = name_person(link.member.user.get_username(), is_member=True)
        record_act(actor, "portal_link.use", customer=link.member.customer, object_id=link.public_id)
        return link.member
    return None


def options_of(token: str) -> LinkOptions:
    """Return the options in a token that was redeemed: only then are they what whoever made it chose."""
    written = token.partition(".")[2]
    return LinkOptions(**orjson.loads(urlsafe_base64_decode(written))) if written else PLAIN


def begin_of(path: str) -> str:
    """Return a path of the portal as it stands below the portal's root; raises InvalidInput for any other."""
    root = site_root(PORTAL)
    is_local = url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    # To a browser %2e is a dot.
    if not is_local or not path.startswith(root) or ".." in unquote(path) or not path.isprintable() or "\\" in path:
        raise InvalidInput(say("a path that starts with {root}", root=root), field="next")
    return path.removeprefix(root)


def _unused(customer: Customer) -> int:
    links = PortalLink.objects.filter(member__customer=customer, used_at=None, expires_at__gt=clock.likely_now())
    return links.count()


def _member_of(customer: Customer, email: str | None) -> Member:
    members = Member.objects.filter(customer=customer, user__is_active=True).order_by("id")
    plain = members.filter(user__is_staff=False, user__is_superuser=False)
    if email is None:
        return plain.first() or _new_member(customer, f"portal-{customer.public_id}", "")
    address = check_email(email)
    by_address = {f"user__{get_user_model().get_email_field_name()}__iexact": address}
    if found := plain.filter(**by_address).first():
        return found
    if members.filter(**by_address).exists():
        raise Conflict(say("this member is staff; staff log in to the portal with their password"))
    return _new_member(customer, address, address)


def _new_member(customer: Customer, username: str, email: str) -> Member:
    if get_user_model()._default_manager.filter(**by_name(username)).exists():
        # Never hand out somebody else's log-in because an address was given for another customer.
        raise Conflict(say("there is a user of this name who is not a member of this customer"))
    limits.refuse_beyond("members", Member.objects.filter(customer=customer).count(), customer)
    user = create_person(username, email)
    return Member.objects.create(customer=customer, user=user)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
