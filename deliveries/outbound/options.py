"""What every libcurl handle is told once: nothing from the environment, nothing followed, nothing decoded.

Lives here: the static options of an easy handle. It must not know requests.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import certifi
import pycurl

# libcurl's own numbers (curl.h), for options that pycurl passes on but does not name.
_SUPPRESS_CONNECT_HEADERS = 265
_DISALLOW_USERNAME_IN_URL = 278
_QUICK_EXIT = 322

# A connection idle for longer is not tried again: most receivers close theirs after 60 s or more.
_IDLE_SECONDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """What one endpoint's connections use, as PEM: a certificate with its key, authorities in place of the usual."""

    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    ca: bytes = field(default=b"", repr=False)


def set_client_tls(curl: pycurl.Curl, tls: ClientTls) -> None:
    """Tell a handle whose certificates it uses; connections are shared only with handles that use the same."""
    if tls.certificate:
        curl.setopt(pycurl.SSLCERT_BLOB, tls.certificate)
        curl.setopt(pycurl.SSLKEY_BLOB, tls.key)
    if tls.ca:
        curl.setopt(pycurl.CAINFO_BLOB, tls.ca)


def set_static_options(curl: pycurl.Curl, *, ca_file: str | None, proxy: str) -> None:
    """Tell a new handle everything that is the same for all requests."""
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(_QUICK_EXIT, 1)
    _set_protocol(curl)
    _set_tls(curl, ca_file=ca_file or certifi.where())
    _set_proxy(curl, proxy=proxy)


def _set_protocol(curl: pycurl.Curl) -> None:
    curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    curl.setopt(pycurl.HTTP09_ALLOWED, 0)
    curl.setopt(pycurl.FOLLOWLOCATION, 0)
    curl.setopt(pycurl.PATH_AS_IS, 1)
    curl.setopt(pycurl.NETRC, pycurl.NETRC_IGNORED)
    curl.setopt(_DISALLOW_USERNAME_IN_URL, 1)
    curl.setopt(pycurl.TCP_NODELAY, 1)
    curl.setopt(pycurl.MAXAGE_CONN, _IDLE_SECONDS)
    curl.setopt(pycurl.POST, 1)


def _set_tls(curl: pycurl.Curl, *, ca_file: str) -> None:
    path = os.fsencode(ca_file)  # pycurl takes a text of ASCII only
    curl.setopt(pycurl.CAINFO, path)
    curl.setopt(pycurl.PROXY_CAINFO, path)
    curl.setopt(pycurl.SSL_VERIFYPEER, 1)
    curl.setopt(pycurl.SSL_VERIFYHOST, 2)
    curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)


def _set_proxy(curl: pycurl.Curl, *, proxy: str) -> None:
    # Both are always set: left alone, libcurl takes them from http_proxy and no_proxy of the environment.
    curl.setopt(pycurl.PROXY, proxy)
    curl.setopt(pycurl.NOPROXY, "" if proxy else "*")
    curl.setopt(_SUPPRESS_CONNECT_HEADERS, 1)
