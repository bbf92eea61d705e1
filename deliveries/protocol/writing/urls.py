"""URLs of endpoints: which are accepted, and the one form in which they are stored.

What lives here: a reading of URLs so narrow that libcurl, urllib3 and urlsplit cannot differ over where what
passes leads; path and query are kept and sent byte for byte. It must not resolve names: the address that is
dialled is judged at the moment of dialling.
Source: RFC 3986, RFC 5891, UTS 46, docs/security.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NoReturn

import idna

from deliveries.errors import InvalidUrl
from deliveries.protocol.writing.addresses import is_public, parsed_address
from deliveries.protocol.writing.sentences import say

URL_LIMIT = 2048
HOST_LIMIT = 253

_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:@%]+)(?::(?P<port>[1-9][0-9]{0,4})?)?")
_PARTS = re.compile(r"(https?)://(?:\[([0-9a-f:.]+)\]|([^:/?]+))(?::([0-9]+))?[/?]")
# Beyond RFC 3986 what curl, Node and Go take: a[]=1, {id}, a|b, and in a query a="b", <id>, 100%.
_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/\[\]{}|^`-]|%[0-9A-Fa-f]{2})*")
_QUERY = re.compile(r"""[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]{}|^`"<>%-]*""")
_DOT_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_INNER_NAMES = re.compile(
    r"(?:.*\.)?(?:localhost|localdomain|local|internal|intranet|private|lan|home|corp|onion|invalid|home\.arpa)"
)


def _nothing_allowed(host: str, port: int) -> bool:
    return False


def check_url(
    text: str,
    *,
    allow_http: bool,
    ports: Sequence[tuple[int, int]],
    allowed: Callable[[str, int], bool] = _nothing_allowed,
) -> str:
    """Return the URL in its stored form (lower-case host, punycode, a path), or raise InvalidUrl.

    `allowed(host, port)` says that the operator's allow-list names this target: it may then be plain
    http, private, without a dot, and on any port.
    """
    _check_characters(text)
    match = _URL.fullmatch(text)
    if match is None:
        _refuse(say("a URL looks like https://example.com/path, without a fragment"))
    scheme = match["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        _refuse(say("only https and http URLs can be called"))
    path, query = match["path"] or "/", match["query"] or ""
    _check_path(path, query)
    host, port = _read_authority(match["authority"], scheme=scheme)
    if not allowed(host, port):
        _check_policy(scheme, host, port, allow_http=allow_http, ports=ports)
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    return f"{scheme}://{shown_host}{shown_port}{path}{query}"


def split_url(url: str) -> tuple[str, str, int]:
    """Return scheme, host (no brackets) and port of a URL that check_url returned."""
    match = _PARTS.match(url)
    if match is None:
        _refuse(say("not a URL in its stored form"))
    scheme, address, name, port = match.groups()
    return scheme, address or name, int(port) if port else _DEFAULT_PORTS[scheme]


def _refuse(detail: str) -> NoReturn:
    raise InvalidUrl(detail, field="url")


def _check_characters(text: str) -> None:
    if len(text) > URL_LIMIT:
        _refuse(say("a URL has at most {limit} characters", limit=URL_LIMIT))
    for character in text:
        # Categories Z and C: every space, control, format (bidi too), surrogate and unassigned character.
        if character == "\\" or unicodedata.category(character)[0] in "ZC":
            _refuse(say("a URL has no spaces, backslashes, control characters or invisible characters"))


def _check_path(path: str, query: str) -> None:
    if _PATH.fullmatch(path) is None or _QUERY.fullmatch(query) is None:
        _refuse(say("path and query hold only the ASCII characters of a URL; write others as %XX"))
    if _DOT_SEGMENT.search(path):
        _refuse(say("the path must not contain . or .. as a part"))


def _read_authority(authority: str, *, scheme: str) -> tuple[str, int]:
    if "@" in authority:
        _refuse(say("a URL must not carry a user name or a password; use a custom header"))
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        _refuse(say("the host or port of the URL cannot be read"))
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    if port > 65535:
        _refuse(say("a port is at most 65535"))
    host = match["host"]
    return (_read_ipv6(host[1:-1]) if host.startswith("[") else _read_name(host)), port


def _read_ipv6(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        _refuse(say("the IPv6 address in the URL cannot be read"))


def _read_name(text: str) -> str:
    name = (text if text.isascii() else _to_punycode(text)).lower()
    bare = name.removesuffix(".")
    labels = bare.split(".")
    if len(bare) > HOST_LIMIT or not all(_LABEL.fullmatch(label) for label in labels):
        _refuse(say("the host name is made of letters, digits, - and _, in parts joined by single dots"))
    if not all(_is_readable(label) for label in labels):
        _refuse(say("the punycode in the host name cannot be read"))
    if _NUMBER_LABEL.fullmatch(labels[-1]):
        return _read_ipv4(bare)
    return name


def _read_ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        _refuse(say("an IPv4 address is written as four decimal numbers without leading zeros"))


def _to_punycode(name: str) -> str:
    if any(not character.isascii() and unicodedata.category(character)[0] == "N" for character in name):
        _refuse(say("digits in a host name are ASCII digits"))
    if unicodedata.normalize("NFKC", name) != name:
        _refuse(say("the host name holds characters that only look like others; write it plainly or in punycode"))
    try:
        labels = idna.uts46_remap(name, std3_rules=False).split(".")
        # Label by label: what is ASCII already may have an underscore, which IDNA knows nothing of.
        return ".".join(each if each.isascii() else idna.encode(each).decode("ascii") for each in labels)
    except idna.IDNAError:
        _refuse(say("the host name is not a valid international name"))


def _is_readable(label: str) -> bool:
    if not label.startswith("xn--"):
        return True
    try:
        return not label[4:].encode("ascii").decode("punycode").isascii()
    except (UnicodeError, OverflowError):
        return False


def _check_policy(scheme: str, host: str, port: int, *, allow_http: bool, ports: Sequence[tuple[int, int]]) -> None:
    if scheme == "http" and not allow_http:
        _refuse(say("the URL must start with https://"))
    if not any(low <= port <= high for low, high in ports):
        _refuse(say("port {port} is not open to endpoints", port=port))
    address = parsed_address(host)
    if address is not None:
        if not is_public(address):
            _refuse(say("{host} is not an address of the public internet", host=host))
        return
    bare = host.removesuffix(".")
    if _INNER_NAMES.fullmatch(bare):
        _refuse(say("{host} is a name of an inner network", host=host))
    if "." not in bare:
        _refuse(say("the host name needs a dot, as in example.com"))
