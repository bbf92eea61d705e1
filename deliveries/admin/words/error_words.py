"""How an attempt ended, in the two or three words of a badge.

What lives here: words for the codes of protocol/answers/outcome.py; the code itself stays in the API, in addresses and
on hover. It must not know rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.translation import pgettext_lazy

from deliveries.protocol.answers.advice import advice_for
from deliveries.services.common.languages import in_words

ERROR_WORDS: Mapping[str, object] = MappingProxyType(
    {
        "dns_error": pgettext_lazy("error", "host not found"),
        "blocked_address": pgettext_lazy("error", "address not allowed"),
        "connect_refused": pgettext_lazy("error", "connection refused"),
        "connect_timeout": pgettext_lazy("error", "no connection"),
        "token_error": pgettext_lazy("error", "no access token"),
        "tls_error": pgettext_lazy("error", "TLS failed"),
        "deadline_exceeded": pgettext_lazy("error", "no answer in time"),
        "poll_lapsed": pgettext_lazy("error", "poller did not answer"),
        "protocol_error": pgettext_lazy("error", "no HTTP answer"),
        "proxy_error": pgettext_lazy("error", "stopped by the proxy"),
        "http_3xx": pgettext_lazy("error", "redirect (3xx)"),
        "http_4xx": pgettext_lazy("error", "refused (4xx)"),
        "http_5xx": pgettext_lazy("error", "failed there (5xx)"),
        "batch_member_failed": pgettext_lazy("error", "failed in its batch"),
        "batch_unreadable": pgettext_lazy("error", "unclear answer"),
        "gone": pgettext_lazy("error", "gone"),
        "rate_limited": pgettext_lazy("error", "too many requests"),
        "worker_lost": pgettext_lazy("error", "worker ended"),
        "filter_failed": pgettext_lazy("error", "filter failed"),
        "event_erased": pgettext_lazy("error", "content erased"),
        "payload_failed": pgettext_lazy("error", "payload failed"),
        "payload_too_large": pgettext_lazy("error", "payload too large"),
        "transformation_failed": pgettext_lazy("error", "transformation failed"),
        "transformation_timeout": pgettext_lazy("error", "transformation too slow"),
        "transformation_too_large": pgettext_lazy("error", "transformation too large"),
        "unverified": pgettext_lazy("error", "URL not verified"),
        "version_not_mapped": pgettext_lazy("error", "no mapping"),
        "version_mapping_failed": pgettext_lazy("error", "mapping failed"),
        "not_sent": pgettext_lazy("error", "could not be sent"),
    }
)


def error_word(error: str) -> str:
    """Return an error in the reader's language, short; an unknown one as it is."""
    return str(ERROR_WORDS.get(error, error))


def error_told(error: str, status_code: int | None) -> str:
    """Return what is shown on hover: the code, which API and lists take, and what it means."""
    return f"{error}: {in_words(advice_for(error, status_code).says)}"


def errors_called(words: str) -> list[str]:
    """Return the errors with these words in their code, or in what the reader's language says of them."""
    wanted = words.casefold()
    return [
        error
        for error, short in ERROR_WORDS.items()
        if any(wanted in each.casefold() for each in (error, str(short), in_words(advice_for(error).says)))
    ]
