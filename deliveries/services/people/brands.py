"""Whose portal it is: name, accent colour, logo, icon and where to ask for help, the operator's and each customer's.

What lives here: what a brand is made of, its checks, and where the customer's takes the operator's place. Words and
colour stand in the customer's row, which each page has; pictures have a table of their own. It must not know pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from django.db import transaction

from deliveries.address_variables import support
from deliveries.conf import conf
from deliveries.errors import InvalidInput
from deliveries.models import BrandPicture, Customer
from deliveries.pictures import PNG, SVG, check_picture
from deliveries.protocol.writing.brand_colours import check_accent
from deliveries.protocol.writing.sentences import say
from deliveries.services.common.audit import record_act
from deliveries.services.common.held_rows import hold

NAME_LIMIT = 60
WORDS = ("name", "accent", "support")
PICTURES = ("logo", "logo_dark", "favicon")
ENDINGS = {PNG: ".png", SVG: ".svg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """What a page shows; pictures by their names, empty for none of one's own."""

    name: str
    accent: str = ""
    support: str = ""
    logo: str = ""
    logo_dark: str = ""
    favicon: str = ""

    @property
    def support_url(self) -> str:
        """Where to ask for help: a page, or a mail to be written."""
        return self.support if not self.support or "://" in self.support else f"mailto:{self.support}"


def brand_of(customer: Customer | None) -> Brand:
    """Return the customer's brand, where it has none the operator's; costs no query."""
    own: dict[str, str] = customer.brand if customer is not None else {}
    ours = operator_brand()
    has_logo = "logo" in own or "logo_dark" in own
    return Brand(
        name=own.get("name") or ours.name,
        accent=own.get("accent") or ours.accent,
        support=own.get("support") or ours.support,
        logo=own.get("logo", "") if has_logo else ours.logo,
        logo_dark=own.get("logo_dark", "") if has_logo else ours.logo_dark,
        favicon=own.get("favicon") or ours.favicon,
    )


def operator_brand() -> Brand:
    """Return the operator's brand, which the settings name."""
    given = {"logo": conf.brand_logo, "logo_dark": conf.brand_logo_dark, "favicon": conf.brand_favicon}
    pictures = {kind: _picture_at(path)[0] for kind, path in given.items() if path}
    return Brand(name=conf.brand_name, accent=conf.brand_accent, support=conf.support_address, **pictures)


def picture_named(name: str) -> tuple[bytes, str] | None:
    """Return the bytes and the content type of a picture; its name is known to whoever has seen it."""
    content = next(
        (_picture_at(path)[1] for path in _operator_paths() if _picture_at(path)[0] == name),
        None,
    )
    if content is None:
        row = BrandPicture.objects.filter(name=name).only("content").first()
        content = bytes(row.content) if row else None
    return None if content is None else (content, PNG if name.endswith(".png") else SVG)


def set_brand(
    customer: Customer, words: Mapping[str, str], pictures: Mapping[str, bytes | None], *, actor: str
) -> Customer:
    """Set what is given of name, accent and support, empty for the operator's, and of pictures, None to take one away.

    Raises InvalidInput; nothing is stored then.
    """
    checked = _checked(words)
    names = {kind: _name_of(content, field=kind) if content else "" for kind, content in pictures.items()}
    with transaction.atomic():
        hold(customer)
        _store_pictures(customer, pictures, names)
        customer.brand = {name: value for name, value in {**customer.brand, **checked, **names}.items() if value}
        customer.save(update_fields=["brand", "updated_at"])
        detail = {"brand": sorted(customer.brand)}
        record_act(actor, "customer.brand", customer=customer, object_id=customer.public_id, detail=detail)
    return customer


def clear_brand(customer: Customer, *, actor: str) -> Customer:
    """Make all of a customer's brand the operator's again."""
    return set_brand(customer, dict.fromkeys(WORDS, ""), dict.fromkeys(PICTURES), actor=actor)


def _store_pictures(customer: Customer, pictures: Mapping[str, bytes | None], names: Mapping[str, str]) -> None:
    for kind, content in pictures.items():
        BrandPicture.objects.filter(customer=customer, kind=kind).delete()
        if content:
            BrandPicture.objects.create(customer=customer, kind=kind, name=names[kind], content=content)


def _checked(words: Mapping[str, str]) -> dict[str, str]:
    given = {name: words[name].strip() for name in WORDS if name in words}
    name, accent, support_address = (given.get(each, "") for each in WORDS)
    if len(name) > NAME_LIMIT or not name.isprintable():
        raise InvalidInput(say("at most {name_limit} printable characters", name_limit=NAME_LIMIT), field="name")
    try:
        support_address = support(support_address)
    except ValueError as error:
        raise InvalidInput(str(error), field="support") from error
    checked = {"name": name, "accent": accent and check_accent(accent), "support": support_address}
    return {each: checked[each] for each in given}


def _name_of(content: bytes, *, field: str) -> str:
    try:
        kind = check_picture(content)
    except ValueError as error:
        raise InvalidInput(str(error), field=field) from error
    return sha256(content).hexdigest()[:32] + ENDINGS[kind]


def _operator_paths() -> list[str]:
    return [path for path in (conf.brand_logo, conf.brand_logo_dark, conf.brand_favicon) if path]


@lru_cache(maxsize=8)
def _picture_at(path: str) -> tuple[str, bytes]:
    content = Path(path).read_bytes()  # checked when the settings were read
    return _name_of(content, field="brand"), content
