"""URLs: the refusals of registration, the stored form, and agreement with other parsers."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from deliveries.errors import InvalidUrl
from deliveries.protocol.writing.addresses import is_public, parsed_address
from deliveries.protocol.writing.urls import check_url, split_url

PORTS = ((80, 80), (443, 443), (1024, 65535))


def stored(text: str, *, allow_http: bool = True) -> str:
    """Check a URL under the usual port policy."""
    return check_url(text, allow_http=allow_http, ports=PORTS)


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://EXAMPLE.COM/Path?Q=1", "https://example.com/Path?Q=1"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:8443/a", "https://example.com:8443/a"),
        ("https://example.com:65535/a", "https://example.com:65535/a"),
        ("http://example.com:80/a", "http://example.com/a"),
        ("https://example.com?a=b", "https://example.com/?a=b"),
        ("https://example.com/a%20b/@c:d?x=https://y/&z=%2F", "https://example.com/a%20b/@c:d?x=https://y/&z=%2F"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("https://BÜCHER.example/a", "https://xn--bcher-kva.example/a"),
        ("https://xn--strae-oqa.example/", "https://xn--strae-oqa.example/"),
        ("https://例え.jp/", "https://xn--r8jz45g.jp/"),
        ("https://三井.jp/", "https://xn--ehq2m.jp/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700:0:0::1111]:8443/", "https://[2606:4700::1111]:8443/"),
        ("https://local.example.com/", "https://local.example.com/"),
        ("https://3com.com/", "https://3com.com/"),
        ("https://my_shop.example.com/", "https://my_shop.example.com/"),
        ("https://_dmarc.example_1.com/", "https://_dmarc.example_1.com/"),
        ("https://example.com./a", "https://example.com./a"),
        ("https://EXAMPLE.com.:8443/a", "https://example.com.:8443/a"),
        ("https://bücher.example./", "https://xn--bcher-kva.example./"),
        ("https://my_host.bücher.example/", "https://my_host.xn--bcher-kva.example/"),
        ("https://8.8.8.8./", "https://8.8.8.8/"),
        ("https://example.com:/", "https://example.com/"),
        ("https://example.com:", "https://example.com/"),
        ("http://example.com:?a", "http://example.com/?a"),
        ("https://example.com/?a[]=1&b[x]=2", "https://example.com/?a[]=1&b[x]=2"),
        ("https://example.com/a|b/{id}/[c]?d=|&e={f}^`", "https://example.com/a|b/{id}/[c]?d=|&e={f}^`"),
        ("https://example.com/a%2fb%2Fc", "https://example.com/a%2fb%2Fc"),
        ('https://example.com/?a="b"&c=<id>&d=100%&e=%zz', 'https://example.com/?a="b"&c=<id>&d=100%&e=%zz'),
        ("https://[64:ff9b::808:808]/", "https://[64:ff9b::808:808]/"),
        # As browsers, curl and Go read them (UTS 46, not transitional); IDNA 2003 made "ss" of "ß".
        ("https://straße.example/", "https://xn--strae-oqa.example/"),
        ("https://ΒΌΛΟΣ.com/", "https://xn--nxasmq6b.com/"),
        ("https://例え。jp/", "https://xn--r8jz45g.jp/"),
        ("https://مثال.com/", "https://xn--mgbh0fb.com/"),
    ],
)
def test_a_url_is_kept_in_its_one_stored_form(given_url: str, kept: str) -> None:
    assert stored(given_url) == kept
    assert stored(kept) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "//example.com/",
        "https:/example.com/",
        "https:example.com",
        "https:///a",
        "https://",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        " https://example.com/",
        "https://example.com/ ",
        "https://example.com/a b",
        "https://exam ple.com/",
        "https://example.com/\n",
        "https://example.com/\r\nHost: x",
        "https://example.com/\t",
        "https://example.com/\0",
        "https://exa\u00admple.com/",
        "https://example.com/\u202egnp.exe",
        "https://example.com/\u2028",
        "https://example.com/\ud800",
        "http://127.0.0.1:80\\@example.com/",
        "https://example.com\\.evil.example/",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://@example.com/",
        "https://example.com@evil.example/",
        "https://example.com/#a",
        "https://example.com#@evil.example/",
        "https://example.com:0/",
        "https://example.com:0443/",
        "https://example.com:65536/",
        "https://example.com:99999/",
        "https://example.com:+443/",
        "https://example.com:4 43/",
        "https://example.com:٤٤٣/",
        "https://example.com:443:443/",
        "https://example.com:22/",
        "https://example.com:25/",
        "https://example.com../",
        "https://./",
        "https://.example.com/",
        "https://example..com/",
        "https://-example.com/",
        "https://example-.com/",
        "https://exa_mplé.com/",
        "https://exa%6dple.com/",
        "https://example.com,evil.example/",
        "https://[::1]evil.example/",
        "https://[example.com]/",
        "https://" + "a" * 64 + ".com/",
        "https://" + "a." * 127 + "com/",
        "https://example.com/" + "a" * 2048,
        "https://example.com/ä",
        "https://example.com/%",
        "https://example.com/%zz",
        "https://example.com/<script>",
        'https://example.com/"',
        "https://example.com/a\\b",
        "https://example.com/../a",
        "https://example.com/a/./b",
        "https://example.com/a/..",
        "https://example.com/%2e%2E/a",
    ],
)
def test_a_url_that_two_programs_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(InvalidUrl) as caught:
        stored(text)
    assert caught.value.field == "url"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "intranet.",
        "db.internal.",
        "127.0.0.1.",
        "127.1.",
        "0x7f.1.",
        "intranet",
        "a.localhost",
        "localhost.localdomain",
        "printer.local",
        "db.internal",
        "metadata.google.internal",
        "nas.lan",
        "router.home",
        "x.home.arpa",
        "x.corp",
        "hidden.onion",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "example.0x7f",
        "0177.0.0.1",
        "127.0.0.01",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fc00::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::808:808]",
        "[2002:7f00:1::]",
        "[2001:db8::1]",
        "[::1",
        "\uff11\uff12\uff17.0.0.1",
        "①②⑦.0.0.1",
        "١٢٧.0.0.1",
        "\uff45xample.com",
        "127。0。0。1",
        "\u2113ocalhost.com",
        "a\u200db.com",
        "☃.example",
        "xn--.com",
        "xn--a-0.com",
        "xn--99999999999.com",
    ],
)
def test_a_host_that_is_private_or_oddly_written_is_refused(host: str) -> None:
    with pytest.raises(InvalidUrl):
        stored(f"https://{host}/")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://user@example.com/", "user name or a password"),
        ("https://example.com:65536/", "at most 65535"),
        ("https://[1.2.3.4]/", "IPv6 address"),
        ("https://example.com/a\\b", "backslashes"),
        ("https://example٣.com/", "ASCII digits"),
        ("https://example.com/" + "a" * 2029, "at most 2048 characters"),
    ],
)
def test_what_is_refused_is_told_why(url: str, reason: str) -> None:
    with pytest.raises(InvalidUrl, match=reason):
        check_url(url, allow_http=True, ports=PORTS, allowed=lambda host, port: True)


def test_https_needs_no_setting_and_a_name_needs_a_dot() -> None:
    assert stored("https://example.com/", allow_http=False) == "https://example.com/"
    with pytest.raises(InvalidUrl, match="needs a dot"):
        stored("https://shop/")


def test_the_longest_url_and_the_longest_name_are_taken() -> None:
    assert len(stored("https://example.com/" + "a" * 2028)) == 2048
    longest = ".".join(["a" * 63] * 3 + ["a" * 61])
    assert stored(f"https://{longest}/") == f"https://{longest}/"
    with pytest.raises(InvalidUrl):
        stored(f"https://{longest}a/")


def test_plain_http_is_refused_unless_a_setting_says_otherwise() -> None:
    with pytest.raises(InvalidUrl, match="https"):
        stored("http://example.com/", allow_http=False)
    assert stored("http://example.com/") == "http://example.com/"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:9400/hook", ("127.0.0.1", 9400)),
        ("http://[::1]:9400/", ("::1", 9400)),
        ("http://localhost:9400/", ("localhost", 9400)),
        ("http://10.1.2.3:22/", ("10.1.2.3", 22)),
        ("https://db.internal/", ("db.internal", 443)),
    ],
)
def test_a_target_on_the_operators_list_may_be_http_private_and_on_any_port(url: str, target: tuple[str, int]) -> None:
    kept = check_url(url, allow_http=False, ports=(), allowed=lambda host, port: (host, port) == target)
    assert kept == url
    with pytest.raises(InvalidUrl):
        check_url(url, allow_http=False, ports=(), allowed=lambda host, port: port != target[1])


def test_the_operators_list_lets_no_odd_form_pass() -> None:
    for url in ("http://127.1:9400/", "http://a@127.0.0.1:9400/", "http://127.0.0.1:9400/#x", "ftp://127.0.0.1:9400/"):
        with pytest.raises(InvalidUrl):
            check_url(url, allow_http=True, ports=PORTS, allowed=lambda host, port: True)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com/", ("https", "example.com", 443)),
        ("http://example.com/?a", ("http", "example.com", 80)),
        ("https://example.com:8443/a:b", ("https", "example.com", 8443)),
        ("https://[2606:4700::1111]:8443/", ("https", "2606:4700::1111", 8443)),
        ("https://[2606:4700::1111]/", ("https", "2606:4700::1111", 443)),
    ],
)
def test_a_stored_url_splits_into_its_target(url: str, target: tuple[str, str, int]) -> None:
    assert split_url(url) == target


def test_what_is_no_stored_url_does_not_split() -> None:
    with pytest.raises(InvalidUrl):
        split_url("ftp://example.com/")


PIECES = [
    *("https", "http", ":", "//", "/", "@", "\\", "#", "?", ".", "[", "]", "::1", "127.0.0.1", "0x7f", "%2e"),
    *("example.com", "localhost", ":80", ":8443", " ", "\t", "ü", "。", "xn--", "\u200d", "-", "&", ";", "\uff11"),
]
URLISH = st.lists(st.sampled_from(PIECES), max_size=8).map(lambda parts: "https://" + "".join(parts))


@given(st.text() | URLISH | st.text(max_size=30).map("https://example.com/{}".format))
def test_no_text_raises_anything_but_invalid_url_and_what_passes_is_read_alike_by_all(text: str) -> None:
    try:
        kept = stored(text)
    except InvalidUrl:
        return
    scheme, host, port = split_url(kept)
    standard, other = urlsplit(kept), parse_url(kept)
    assert (standard.scheme, standard.hostname, standard.port or {"http": 80, "https": 443}[scheme]) == (
        scheme,
        host,
        port,
    )
    assert (other.scheme, (other.host or "").strip("[]"), other.port) == (scheme, host, standard.port)
    assert stored(kept) == kept


def test_a_mapped_address_is_the_one_that_it_maps_and_one_with_a_scope_is_none() -> None:
    assert parsed_address("::ffff:10.0.0.1") == ipaddress.IPv4Address("10.0.0.1")
    assert parsed_address("2606:4700::1111") == ipaddress.IPv6Address("2606:4700::1111")
    assert parsed_address("2606:4700::1111%eth0") is None
    assert parsed_address("localhost") is None


@given(st.ip_addresses())
def test_no_address_passes_that_is_not_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    host = str(address) if address.version == 4 else f"[{address}]"
    try:
        stored(f"https://{host}/")
    except InvalidUrl:
        return
    unwrapped = parsed_address(str(address))
    assert unwrapped is not None
    assert is_public(unwrapped)
    assert not unwrapped.is_private
