"""How a transfer ended, as an Answer.

Lives here: libcurl's codes in our words, and the shape of what is stored of an answer.
It must not know sockets, handles in flight or what a status means for a delivery.
"""

from __future__ import annotations

import errno
import os
from functools import lru_cache

import pycurl

from deliveries.outbound.handle import Handle, endpoint_text
from deliveries.outbound.request_phases import phases_of
from deliveries.protocol.answers.answer import Answer, Phases

UNSENT = Answer()  # told apart by being this one: nothing of the request was sent
HEADER_COUNT = 50
HEADER_CHARACTERS = 1024
DETAIL_CHARACTERS = 300
NOT_FOUND = "the host name cannot be resolved"
NO_ANSWER = "the name servers gave no answer for the host name"
NOT_IN_TIME = "the host name was not resolved in time"
_UNRESOLVED = {
    "not_found": ("dns_error", NOT_FOUND),
    "no_answer": ("dns_error", NO_ANSWER),
    "not_in_time": ("connect_timeout", NOT_IN_TIME),
}
_LINE_BYTES = 2 * HEADER_CHARACTERS

_TLS = frozenset(
    {
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CIPHER,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_ISSUER_ERROR,
        pycurl.E_SSL_CRL_BADFILE,
        pycurl.E_SSL_INVALIDCERTSTATUS,
        pycurl.E_SSL_PINNEDPUBKEYNOTMATCH,
        pycurl.E_SSL_SHUTDOWN_FAILED,
        pycurl.E_SSL_ENGINE_INITFAILED,
        pycurl.E_USE_SSL_FAILED,
    }
)
# CURLE_PROXY and CURLE_TOO_LARGE, which pycurl does not name.
_E_PROXY = 97
_E_TOO_LARGE = 100
# In TLS 1.3 a server refuses a client's certificate after the handshake, as an error of the first read.
_TLS_ALERT = " alert "

_BROKEN = frozenset({pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR, pycurl.E_GOT_NOTHING, _E_PROXY})

# What this machine has none left of; a receiver cannot bring it about, and is not to be blamed.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# Resolving, and reading the authorities' certificates, take descriptors too, and say only that they failed.
_NEEDING_DESCRIPTORS = frozenset(
    {
        pycurl.E_COULDNT_RESOLVE_HOST,
        pycurl.E_COULDNT_RESOLVE_PROXY,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_FAILED_INIT,
    }
)

_SAID = {
    pycurl.E_ABORTED_BY_CALLBACK: "the connection was closed without an answer",
    pycurl.E_GOT_NOTHING: "the connection was closed without an answer",
    pycurl.E_RECV_ERROR: "the connection broke before an answer came",
    pycurl.E_SEND_ERROR: "the connection broke while the request was sent",
    pycurl.E_UNSUPPORTED_PROTOCOL: "the answer is not HTTP/1.0 or HTTP/1.1, or the URL not http or https",
    pycurl.E_URL_MALFORMAT: "the URL cannot be used",
    _E_TOO_LARGE: "the answer's headers are too large",
}
_STOPPED = {
    "headers": "the answer's headers are too large",
    "upgrade": "the answer switches to another protocol",
    "informational": "the answer is an endless row of 1xx answers",
}


def answer_of(handle: Handle, *, code: int, message: str) -> Answer:
    """Return what came back: a final status within the deadline decides, whatever ended the body."""
    if handle.was_withheld:
        return UNSENT
    duration_ms = handle.curl.getinfo(pycurl.TOTAL_TIME_T) // 1000 + (handle.looked_up_ms or 0)
    phases = phases_of(handle)
    if handle.final and handle.status >= 200:
        headers, body = stored_headers(handle.lines), b"".join(handle.chunks)
        return Answer(handle.status, headers, body, code != 0, _address_of(handle), duration_ms, phases)
    if lacking := _lacking(handle, code=code):
        error, detail = "no_socket", f"no socket could be opened here: {os.strerror(lacking)}"
    else:
        error, detail = _reason(handle, code=code, message=message)
    return Answer(
        error=error,
        detail=plain_line(detail),
        address=_address_of(handle),
        duration_ms=duration_ms,
        phases=phases,
    )


def answer_unresolved(reason: str, *, seconds: float, proxied: bool) -> Answer:
    """Return the end of a request whose name, or whose proxy's name, was not found, or not in time."""
    error, detail = _UNRESOLVED[reason]
    if error == "dns_error" and (lacking := _error_of_descriptors()):
        error, detail = "no_socket", f"no socket could be opened here: {os.strerror(lacking)}"
    elif proxied:
        error, detail = "proxy_error", detail.replace("the host name", "the egress proxy's name")
    took_ms = round(seconds * 1000)
    return Answer(error=error, detail=detail, duration_ms=took_ms, phases=Phases(dns_ms=took_ms))


def stored_headers(lines: list[bytes]) -> tuple[tuple[str, str], ...]:
    """Return at most 50 headers of 1 KB, names lower case, free of NUL, decodable text only."""
    return tuple([_header_of(line[:_LINE_BYTES]) for line in lines[:HEADER_COUNT]])


@lru_cache(maxsize=1024)
def _header_of(line: bytes) -> tuple[str, str]:
    # Remembered, because receivers send the same lines again and again; at most 1024 short ones.
    name, _, value = line.decode("utf-8", "replace").partition(":")
    return _visible(name).strip().lower()[:HEADER_CHARACTERS], _visible(value).strip()[:HEADER_CHARACTERS]


def _visible(text: str) -> str:
    # NUL cannot be stored; escapes and bidi overrides would act on whoever reads the log.
    text = text.strip()
    return text if text.isprintable() else "".join(each for each in text if each.isprintable() or each == "\t")


def plain_line(text: str) -> str:
    """Return one printable line of at most 300 characters."""
    printable = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(printable.split())[:DETAIL_CHARACTERS]


def _address_of(handle: Handle) -> str:
    if handle.reached:
        return handle.reached
    address = handle.curl.getinfo(pycurl.PRIMARY_IP)
    if not address:
        return handle.dialled or handle.blocked
    return endpoint_text(address, handle.curl.getinfo(pycurl.PRIMARY_PORT))


def _reason(handle: Handle, *, code: int, message: str) -> tuple[str, str]:
    if refused := _refused_answer(handle):
        return "protocol_error", refused
    if handle.proxied and (failure := _proxy_failure(handle, code=code)):
        return "proxy_error", failure
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return _timed_out(handle)
    if code == pycurl.E_COULDNT_RESOLVE_HOST:
        return "dns_error", NOT_FOUND
    if code == pycurl.E_COULDNT_CONNECT:
        return _not_connected(handle)
    if code in _TLS or (handle.encrypted and _TLS_ALERT in message):
        return "tls_error", message
    if code == 0:
        return "protocol_error", f"the answer ended with status {handle.status}, which is no final status"
    return "protocol_error", _SAID.get(code, message)


def _refused_answer(handle: Handle) -> str:
    if handle.stopped:
        return _STOPPED.get(handle.stopped, "the answer is too large")
    line = handle.odd_line.decode("latin-1")
    return f"the answer's status line cannot be read: {line}" if line else ""


def _lacking(handle: Handle, *, code: int) -> int:
    """Return the errno of what this machine had none left of, 0 when the request ended for another reason."""
    if code == pycurl.E_OUT_OF_MEMORY:
        return errno.ENOMEM
    if code in _NEEDING_DESCRIPTORS:
        return _error_of_descriptors()
    if code != pycurl.E_COULDNT_CONNECT or _is_blocked(handle):
        return 0
    number = handle.no_socket or handle.curl.getinfo(pycurl.OS_ERRNO)
    if number == errno.EADDRNOTAVAIL and not handle.dialled.startswith("["):
        return number  # no local port; for IPv6 it may also mean that this machine has no such address at all
    return number if number in _EXHAUSTED else 0 if number else _error_of_descriptors()


def _error_of_descriptors() -> int:
    """Return the errno when there is no room for the two descriptors that pycurl needs for a socket."""
    opened: list[int] = []
    try:
        opened += [os.eventfd(0)]
        opened += [os.eventfd(0)]
    except OSError as error:
        return error.errno or errno.EMFILE
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return 0


def _proxy_failure(handle: Handle, *, code: int) -> str:
    curl = handle.curl
    status = curl.getinfo(pycurl.HTTP_CONNECTCODE)
    if status and not 200 <= status < 300:
        return f"the egress proxy answered {status}"
    if code == pycurl.E_COULDNT_RESOLVE_PROXY:
        return "the egress proxy's name cannot be resolved"
    if code == pycurl.E_COULDNT_CONNECT and not _is_blocked(handle):
        return f"no connection to the egress proxy: {_not_connected(handle)[1]}"
    if code == pycurl.E_OPERATION_TIMEDOUT and not curl.getinfo(pycurl.PRETRANSFER_TIME):
        return "the egress proxy did not connect in time"
    if code in _TLS and not status:
        return "no TLS connection to the egress proxy, most often because of its certificate"
    if code in _BROKEN and handle.encrypted and not curl.getinfo(pycurl.APPCONNECT_TIME):
        return "the egress proxy broke the connection"
    return ""


def _timed_out(handle: Handle) -> tuple[str, str]:
    curl = handle.curl
    if not handle.dialled and not curl.getinfo(pycurl.PRIMARY_IP):
        return "connect_timeout", NOT_IN_TIME
    if handle.dialled and not curl.getinfo(pycurl.CONNECT_TIME):
        return "connect_timeout", f"no connection to {handle.dialled} in time"
    if handle.dialled and handle.encrypted and not curl.getinfo(pycurl.APPCONNECT_TIME):
        return "connect_timeout", "connected, but the TLS handshake did not end in time"
    return "deadline_exceeded", "no complete answer within the deadline"


def _is_blocked(handle: Handle) -> bool:
    """Tell whether no address was left to dial; of several, those that were dialled say how it ended."""
    return bool(handle.blocked) and not handle.dialled


def _not_connected(handle: Handle) -> tuple[str, str]:
    if _is_blocked(handle):
        return "blocked_address", f"{handle.blocked} is not an address that requests may go to"
    number = handle.no_socket or handle.curl.getinfo(pycurl.OS_ERRNO)
    said = os.strerror(number) if number else "no connection"
    if number == errno.ETIMEDOUT:
        return "connect_timeout", f"{handle.dialled}: {said}"
    return "connect_refused", f"{handle.dialled}: {said}"
