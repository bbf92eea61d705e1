"""What a variable may say that names a place: a host, a URL, a mail address, and the files that TLS to it needs.

Lives here: the parsers, each as variables.py has them: ValueError with the reason, a docstring for
docs/configuration.md. It must not know which variables there are.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from urllib.parse import parse_qsl, urlsplit

import idna

from deliveries.variables import words

_HOST = re.compile(r"\.?[\w-]+(\.[\w-]+)*\.?|\[[0-9A-Fa-f:.]+\]")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[1-9][0-9]{0,4})?")
_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")


def hosts(raw: str) -> tuple[str, ...]:
    """words, comma separated"""
    for word in words(raw):
        if word != "*" and _HOST.fullmatch(word) is None:
            raise ValueError(f"{word!r} is no host's name: no scheme, no port, no path; .example.com is all below it")
    return tuple(_as_asked(word) for word in words(raw))


def addresses(raw: str) -> tuple[str, ...]:
    """mail addresses, comma separated"""
    for word in words(raw):
        if _ADDRESS.fullmatch(word) is None:
            raise ValueError(f"{word!r} is not a mail address")
    return words(raw)


def sender(raw: str) -> str:
    """mail address, alone or as Name <address>"""
    if _ADDRESS.fullmatch(parseaddr(raw)[1]) is None or not raw.isprintable():
        raise ValueError("is not a mail address")
    return raw.strip()


def support(raw: str) -> str:
    """mail address or https:// URL"""
    word = raw.strip()
    is_page = word.startswith("https://") and len(word) <= 500 and _names_host(word)
    if word and not is_page and (len(word) > 254 or _ADDRESS.fullmatch(word) is None or not word.isprintable()):
        raise ValueError("a mail address, or a URL that starts with https://")
    return word


def origins(raw: str) -> tuple[str, ...]:
    """origins, such as https://app.example.com, comma separated"""
    for word in words(raw):
        if _ORIGIN.fullmatch(word) is None:
            raise ValueError(f"{word!r} is not an origin such as https://app.example.com")
    return words(raw)


def url(*schemes: str) -> Callable[[str], str]:
    """Return a parser of URLs with one of these schemes."""

    def parse(raw: str) -> str:
        if raw.strip() and not raw.strip().startswith(tuple(f"{s}://" for s in schemes)):
            raise ValueError("must start with " + " or ".join(f"{s}://" for s in schemes))
        return raw.strip()

    parse.__doc__ = ", ".join(f"{s}://" for s in schemes)
    return parse


def web_url(*schemes: str) -> Callable[[str], str]:
    """Return a parser of URLs with one of these schemes and a host."""
    plain = url(*schemes)

    def parse(raw: str) -> str:
        text = plain(raw)
        if text and not _names_host(text):
            raise ValueError(f"names no host that can be asked, as {schemes[0]}://example.com does")
        return text

    parse.__doc__ = plain.__doc__
    return parse


def proxy(raw: str) -> str:
    """http://, https://"""
    text = web_url("http", "https")(raw)
    if not text.isascii():
        raise ValueError("is not ASCII: a host is written as xn--…, a letter of the login as %C3%A4")
    return text


def site(raw: str) -> str:
    """http://, https://"""
    text = web_url("https", "http")(raw).rstrip("/")
    if not text or {"@", "?", "#"} & set(text):
        raise ValueError("must be a host, with port and path where it has them, such as https://hooks.example.com")
    parts = urlsplit(text)
    colon, port = (":", str(parts.port)) if parts.port else ("", "")
    return parts._replace(netloc=f"{_as_asked(parts.hostname or '')}{colon}{port}").geturl()


def _as_asked(host: str) -> str:
    """Return a host as requests name it: small, in punycode, an IPv6 address in brackets and as short as can be."""
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host.strip('[]'))}]"
    if host.isascii():
        return host.lower()
    dot = "." if host.startswith(".") else ""
    return dot + idna.encode(host.removeprefix("."), uts46=True).decode()


def _names_host(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0 and text.isprintable() and " " not in text
    except ValueError:  # a port that is none, a bracket that is not closed
        return False


def place(raw: str) -> tuple[str, int] | None:
    """host:port"""
    if not raw.strip():
        return None
    host, _, port = raw.strip().rpartition(":")
    if not _is_host(host) or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{raw.strip()[:80]!r} is not host:port, such as 127.0.0.1:9101 or [::]:9101")
    return host.strip("[]"), int(port)


def _is_host(text: str) -> bool:
    try:
        return _HOST.fullmatch(text) is not None or bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def broker_url(*schemes: str) -> Callable[[str], str]:
    """Return a parser of URLs with one of these schemes, whose files for TLS can be read."""
    plain = url(*schemes)

    def parse(raw: str) -> str:
        text = plain(raw)
        check_tls_files(dict(parse_qsl(urlsplit(text).query)))
        return text

    parse.__doc__ = plain.__doc__
    return parse


def check_tls_files(named: Mapping[str, str]) -> None:
    """Raise ValueError unless the files can be used that the options of a URL name."""
    authorities(named.get("ssl_ca_certs", ""))
    if certificate := named.get("ssl_certfile", ""):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(
                certificate, named.get("ssl_keyfile"), password=lambda: named.get("ssl_password", "")
            )
        except ssl.SSLError as error:
            raise ValueError(f"{certificate} and its key cannot be used") from error
        except OSError as error:
            raise ValueError(f"{certificate} or its key: {error.strerror}") from error


def authorities(raw: str) -> str:
    """file, PEM"""
    path = raw.strip()
    if path:
        store = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            store.load_verify_locations(cafile=path)
        except ssl.SSLError as error:
            raise ValueError(f"{path} holds no certificate in PEM") from error
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from error
    return path
