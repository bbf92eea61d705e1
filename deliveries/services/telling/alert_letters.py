"""What the mails say: from alerts to letters.

What lives here: words. What others chose or answered (names, descriptions, hosts, errors) becomes one line of plain
text, so that it can neither end a header nor look like a line of ours. URLs may be secrets: only their host is named.
It must not know how mail is sent.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from django.utils.translation import gettext

from deliveries.conf import conf
from deliveries.models import Alert, Endpoint
from deliveries.protocol.answers.outcome import EXPLANATIONS
from deliveries.protocol.sending.inbox import is_inbox
from deliveries.protocol.writing.sentences import say
from deliveries.protocol.writing.time_zones import stamp
from deliveries.services.common.languages import in_words, speaking, tell
from deliveries.services.common.site_links import PORTAL, STAFF, url_of
from deliveries.services.people.brands import brand_of
from deliveries.services.reading.early_warnings import certificate_meant, percent_meant
from deliveries.services.telling.alerts import disabled_after
from deliveries.services.telling.letters import Line, Part, as_html, as_text
from deliveries.services.telling.mail_choices import Reader

SHOWN_LIMIT = 50
NAME_LIMIT = 80

Kind = Alert.Kind

HEADLINES: Mapping[str, str] = {  # the gravest first, which is the order in a letter
    Kind.CANNOT_SEND: say("Nothing can be sent"),
    Kind.DISABLED: say("The endpoint {host} was disabled"),
    Kind.WARNING: say("The endpoint {host} is disabled soon"),
    Kind.FAILING: say("The endpoint {host} fails"),
    Kind.CERTIFICATE: say("A certificate of the endpoint {host} ends soon"),
    Kind.EXHAUSTED: say("Deliveries to {host} were given up"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail to one address; `about` are the ids of its alerts."""

    to: str
    subject: str
    body: str
    html: str
    about: frozenset[UUID]
    headers: Mapping[str, str] = field(default_factory=dict)


def letters_for(
    alerts: Sequence[Alert], *, readers: Mapping[UUID, Sequence[Reader]], errors: Mapping[UUID, str]
) -> list[Letter]:
    """Return the operator's letters, then the customers': one for each address, whatever number of alerts it tells.

    `readers` are members by customer, `errors` what was wrong lately by endpoint.
    """
    for_operator = [alert for alert in _by_weight(alerts) if _is_operators(alert)]
    with speaking(conf.language):
        letters = [_letter(to, for_operator, errors, site=STAFF) for to in conf.alert_mail if for_operator]
    for customer_id, members in readers.items():
        own = [alert for alert in alerts if _concerns(alert, customer_id)]
        written: dict[str, Letter] = {}
        for reader in members:
            if reader.to not in written and (told := [alert for alert in own if reader.wants(alert)]):
                written[reader.to] = letter_to(reader, told, errors)
        letters += written.values()
    return letters


def letter_to(
    reader: Reader, alerts: Sequence[Alert], errors: Mapping[UUID, str], *, is_digest: bool = False
) -> Letter:
    """Return a member's letter in their language, with a way to have no more of them (RFC 8058)."""
    with speaking(reader.language):
        return _letter_to(reader, alerts, errors, begin=f"{gettext('Digest')}: " if is_digest else "")


def _letter_to(reader: Reader, alerts: Sequence[Alert], errors: Mapping[UUID, str], *, begin: str) -> Letter:
    end, told = url_of(PORTAL, "unsubscribe", reader.token), _by_weight(alerts)
    foot = _foot(reader, end) if end else ()
    letter = _letter(reader.to, told, errors, site=PORTAL, zone=reader.zone, begin=begin, foot=foot)
    headers = {"List-Unsubscribe": f"<{end}>"} if end else {}
    if end.startswith("https://"):
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return replace(letter, headers=headers)


def _foot(reader: Reader, end: str) -> Part:
    profile = url_of(PORTAL, "profile")
    return (
        tell("To {name}, a member of {customer}.", name=plain(reader.name), customer=plain(reader.customer)),
        Line(
            text=tell("Choose what is mailed: {url}", url=profile), url=profile, words=gettext("Choose what is mailed")
        ),
        Line(text=tell("No more such letters: {url}", url=end), url=end, words=gettext("No more such letters")),
    )


def _by_weight(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: list(HEADLINES).index(alert.kind))


def plain(text: str, *, limit: int = NAME_LIMIT) -> str:
    """Return one line of visible text, cut to a length."""
    shown = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text[: 4 * limit])
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _is_operators(alert: Alert) -> bool:
    """Say whether an alert is for the operator too; what an inbox is told to answer is nobody's fault."""
    is_played = alert.endpoint is not None and is_inbox(alert.endpoint.url)
    return alert.kind != Kind.EXHAUSTED and alert.mailed_at is None and not is_played


def _concerns(alert: Alert, customer_id: UUID) -> bool:
    return alert.kind != Kind.CANNOT_SEND and alert.endpoint is not None and alert.endpoint.customer_id == customer_id


def _letter(
    to: str,
    alerts: Sequence[Alert],
    errors: Mapping[UUID, str],
    *,
    site: str,
    zone: str = "",
    begin: str = "",
    foot: Part = (),
) -> Letter:
    subject = begin + _headline(alerts[0])
    if len(alerts) > 1:
        subject = tell("{subject} (and {number} more)", subject=subject, number=len(alerts) - 1)
    parts = [_paragraph(alert, errors, site=site, zone=zone) for alert in alerts[:SHOWN_LIMIT]]
    if len(alerts) > SHOWN_LIMIT:
        parts.append([_more(len(alerts) - SHOWN_LIMIT, url_of(site, "index"))])
    about = frozenset(alert.id for alert in alerts)
    brand = brand_of(alerts[0].endpoint.customer if site == PORTAL and alerts[0].endpoint else None)
    if site == PORTAL and brand.support:
        parts.append([tell("Questions: {support}", support=brand.support)])
    subject = f"[{brand.name}] {subject}"
    html = as_html(parts, foot, subject=subject, brand=brand)
    return Letter(to=to, subject=subject, body=as_text(parts, foot), html=html, about=about)


def _more(number: int, url: str) -> Line:
    """Say how many are not told, and where they are."""
    text = tell("And {number} more: {url}", number=number, url=url).strip().removesuffix(":").strip()
    return Line(text=text, url=url, words=tell("{number} more", number=number))


def _headline(alert: Alert) -> str:
    return tell(HEADLINES[alert.kind], host=_host(alert.endpoint) if alert.endpoint else "")


def _paragraph(alert: Alert, errors: Mapping[UUID, str], *, site: str, zone: str) -> Part:
    lines: list[str | Line] = [Line(text=f"{_headline(alert)}.", is_heading=True), *_explained(alert, zone)]
    endpoint = alert.endpoint
    if endpoint is not None:
        lines += _named(endpoint, site=site)
        if error := errors.get(endpoint.id):
            lines.append(tell("Lately:      {error}", error=in_words(error)))
        if address := url_of(site, "deliveries_endpoint_change", endpoint.public_id):
            text = tell("See:         {url}", url=address)
            lines.append(Line(text=text, url=address, words=gettext("Open the endpoint")))
    return lines


def _explained(alert: Alert, zone: str) -> Iterable[str]:
    if alert.kind == Kind.FAILING:
        yield tell("No delivery has arrived since {at}.", at=stamp(alert.since, zone))
        if end := disabled_after(alert.since):
            yield _goes_on(end, zone)
    elif alert.kind == Kind.WARNING:
        yield from _soon_disabled(alert, zone)
    elif alert.kind == Kind.CERTIFICATE:
        yield from _ending(alert, zone)
    elif alert.kind == Kind.DISABLED:
        why = plain(in_words(alert.reason), limit=300)
        yield tell("At {at}, because {why}.", at=stamp(alert.since, zone), why=why)
        yield gettext("Its deliveries are held. When the cause is gone, resume the endpoint and they are sent.")
    elif alert.kind == Kind.EXHAUSTED:
        yield tell("Since {at}: every attempt of the retry schedule failed.", at=stamp(alert.created_at, zone))
        yield gettext(
            "They can be sent again when the cause is gone. The next such mail about this endpoint comes in a day."
        )
    else:
        why = plain(in_words(alert.reason), limit=300)
        yield tell("Since {at}: {why}.", at=stamp(alert.created_at, zone), why=why)
        yield gettext("What is due waits and is sent when this is put right. The next such mail comes in a day.")


def _soon_disabled(alert: Alert, zone: str) -> Iterable[str]:
    lane = getattr(alert.endpoint, "lane", None)
    percent = percent_meant(lane, alert.since)
    if lane is not None and percent is not None and (end := disabled_after(lane.failing_since)):
        at = stamp(lane.failing_since, zone)
        yield tell("No delivery has arrived since {at}: {percent} % of the time is over.", at=at, percent=percent)
        yield _goes_on(end, zone)


def _goes_on(end: datetime, zone: str) -> str:
    at = stamp(end, zone)
    return tell("If that goes on, it is disabled after {at}: nothing is lost then, deliveries are held.", at=at)


def _ending(alert: Alert, zone: str) -> Iterable[str]:
    end = None if alert.endpoint is None else certificate_meant(alert.endpoint, alert.since)
    if end is not None:
        ours = say("The certificate that we show its server ends at {at}, less than {number} days ahead.")
        theirs = say("The CA of its server ends at {at}, less than {number} days ahead.")
        words = ours if end.name == "certificate" else theirs
        yield tell(words, at=stamp(end.expires_at, zone), number=end.days + 1)
        yield gettext("After that nothing arrives there. Put a new one into the endpoint's settings.")


def _named(endpoint: Endpoint, *, site: str) -> Iterable[str]:
    yield tell("Endpoint:    {host}, {id}", host=_host(endpoint), id=endpoint.public_id)
    if description := plain(endpoint.description):
        yield tell("Description: {text}", text=description)
    if site == STAFF:
        name, public_id = plain(endpoint.customer.name), endpoint.customer.public_id
        yield tell("Customer:    {name}, {id}", name=name, id=public_id)


def explain_lately(error: str, status_code: int | None) -> str:
    """Return in a sentence how the latest attempt ended; empty when it did not fail."""
    if not error:
        return ""
    said = EXPLANATIONS.get(error) or plain(error)
    return say("{error} ({status})", error=said, status=status_code) if status_code else said


def _host(endpoint: Endpoint) -> str:
    try:
        return plain(urlsplit(endpoint.url).hostname or "") or endpoint.public_id
    except ValueError:
        return endpoint.public_id
