"""Which addresses a request may go to."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import InvalidUrl
from deliveries.network_settings import AllowedTarget, networks, targets
from deliveries.outbound.guard import LOOKUPS_AT_ONCE, Guard, ProxyOnly


def words(text: str) -> list[str]:
    """Return the words of a table."""
    return text.split()


REFUSED_V4 = words("""
    0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255
    168.63.129.16 169.254.0.0 169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.1 192.0.0.255
    192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.0 192.168.255.255 192.175.48.1 198.18.0.0
    198.19.255.255 198.51.100.1 203.0.113.255 224.0.0.1 239.255.255.255 240.0.0.0 255.255.255.255
""")
PUBLIC_V4 = words("""
    1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
    168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0
    192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
""")
REFUSED_V6 = words("""
    :: ::1 ::1.2.3.4 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254
    64:ff9b::a00:1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::808:808
    100::1 2001::1 2001:1ff:ffff::1 2001:db8::1 2002::1 2002:7f00:1::1 2620:4f:8000::1 3fff::1 3fff:fff::1
    4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 2606:4700::1111%eth0 fec0::1 ff02::1 ff0e::1
""")
PUBLIC_V6 = words("""
    2000::1 2001:200::1 2001:4860:4860::8888 2606:4700::1111 2620:4f:7fff::1 2a00::1 ::ffff:8.8.8.8 64:ff9b::808:808
""")
NO_ADDRESSES = [
    "",
    "example.com",
    "localhost",
    "127.1",
    "0x7f000001",
    "2130706433",
    "1.2.3.4 ",
    "1.2.3.4/32",
    "[::1]",
    "٢.2.3.4",
]


@pytest.mark.parametrize("address", REFUSED_V4 + REFUSED_V6 + NO_ADDRESSES)
def test_a_private_or_unclear_address_is_refused(address: str) -> None:
    assert not Guard().permits(address, 443)


@pytest.mark.parametrize("address", PUBLIC_V4 + PUBLIC_V6)
def test_a_public_address_is_permitted(address: str) -> None:
    assert Guard().permits(address, 443)


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_permitted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    meant = mapped or address
    if address in ipaddress.ip_network("64:ff9b::/96"):
        meant = IPv4Address(int(address) & 0xFFFFFFFF)
    if Guard().permits(str(address), 443):
        assert not meant.is_private
        assert not meant.is_link_local
        assert not meant.is_multicast
        assert not meant.is_reserved


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_as_what_it_maps(address: ipaddress.IPv4Address) -> None:
    assert Guard().permits(f"::ffff:{address}", 443) == Guard().permits(str(address), 443)


def test_an_allowed_target_opens_its_port_and_no_other() -> None:
    guard = Guard([AllowedTarget(ipaddress.ip_network("127.0.0.1/32"), 9400)])

    assert guard.permits("127.0.0.1", 9400)
    assert guard.permits("::ffff:127.0.0.1", 9400)
    assert not guard.permits("127.0.0.1", 9401)
    assert not guard.permits("127.0.0.2", 9400)
    assert not guard.permits("::1", 9400)


def test_an_allowed_range_of_ports_opens_all_of_it_and_nothing_beside() -> None:
    (target,) = targets("127.0.0.1/32:9400-9402")
    assert str(target) == "127.0.0.1/32:9400-9402"
    assert [port for port in range(9390, 9410) if Guard([target]).permits("127.0.0.1", port)] == [9400, 9401, 9402]


@pytest.mark.parametrize(
    "raw", ["127.0.0.1/32", "127.0.0.1/32:", "127.0.0.1/32:9-8", "127.0.0.1/32:0-8", "[::1]/128:1-"]
)
def test_what_is_no_range_of_ports_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match="is not CIDR:port"):
        targets(raw)


@pytest.mark.parametrize("address", ["93.184.216.34", "::ffff:93.184.216.34", "64:ff9b::5db8:d822", "2606:2800::1"])
def test_a_denied_network_is_closed_in_each_dress_whatever_is_allowed(address: str) -> None:
    denied = networks("93.184.216.0/24,2606:2800::/32")
    assert Guard().permits(address, 443)
    assert not Guard(targets("93.184.216.34/32:443,[2606:2800::1]/128:443"), deny=denied).permits(address, 443)
    assert Guard(deny=denied).permits("93.184.217.1", 443)


def test_an_allowed_network_is_no_way_around_a_scope() -> None:
    guard = Guard([AllowedTarget(ipaddress.ip_network("fe80::/10"), 80)])

    assert guard.permits("fe80::1", 80)
    assert not guard.permits("fe80::1%eth0", 80)


def test_a_verdict_is_the_same_when_it_was_pushed_out_of_memory() -> None:
    guard = Guard()
    verdicts = [guard.permits(f"10.0.{n // 256}.{n % 256}", 80) for n in range(5000)]

    assert not any(verdicts)
    assert len(guard._judged) <= 4096
    assert guard.permits("8.8.8.8", 80)


def found(*addresses: str) -> Any:
    """Return a resolver that finds these addresses."""

    def resolve(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return resolve


def test_a_name_with_public_addresses_may_be_registered() -> None:
    asked: list[str] = []

    def resolve(host: str, port: int, **_: object) -> Any:
        asked.append(host)
        return found("8.8.8.8", "2606:4700::1111")(host, port)

    Guard().check_target("hooks.alice.example", 443, resolve=resolve)

    assert asked == ["hooks.alice.example"]


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(InvalidUrl, match=r"hooks\.alice\.example resolves to 10\.0\.0\.5") as refused:
        Guard().check_target("hooks.alice.example", 443, resolve=found("8.8.8.8", "10.0.0.5"))
    assert refused.value.field == "url"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "127.1", "0x7f.1", "2130706433", "localhost"])
def test_a_literal_or_local_host_is_refused(host: str) -> None:
    with pytest.raises(InvalidUrl, match="not an address that requests may go to"):
        Guard().check_target(host, 443)


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long"), OSError("broken")])
def test_a_name_that_cannot_be_resolved_is_refused(error: Exception) -> None:
    def resolve(*_: object, **__: object) -> Any:
        raise error

    with pytest.raises(InvalidUrl, match="cannot be resolved"):
        Guard().check_target("nowhere.example", 443, resolve=resolve)


def test_a_name_without_addresses_is_refused() -> None:
    with pytest.raises(InvalidUrl, match="cannot be resolved"):
        Guard().check_target("nowhere.example", 443, resolve=found())


def test_a_silent_resolver_is_not_waited_for() -> None:
    over = threading.Event()

    def resolve(*_: object, **__: object) -> Any:
        over.wait(600)
        return []

    with pytest.raises(InvalidUrl, match="not be resolved in time"):
        Guard().check_target("slow.example", 443, resolve=resolve, timeout_seconds=0.05)
    over.set()


def test_registrations_of_silent_names_hold_few_threads_and_others_not_for_long() -> None:
    over, asking = threading.Event(), threading.Semaphore(0)

    def resolve(*_: object, **__: object) -> Any:
        asking.release()
        over.wait(600)
        return []

    def register() -> None:
        with contextlib.suppress(InvalidUrl):
            Guard().check_target("slow.example", 443, resolve=resolve, timeout_seconds=600)

    threads = [threading.Thread(target=register) for _ in range(LOOKUPS_AT_ONCE)]
    for thread in threads:
        thread.start()
    assert all(asking.acquire(timeout=60) for _ in threads)
    with pytest.raises(InvalidUrl, match="not be resolved in time"):
        Guard().check_target("quick.example", 443, resolve=found("8.8.8.8"))
    over.set()
    for thread in threads:
        thread.join(60)
    Guard().check_target("quick.example", 443, resolve=found("8.8.8.8"))


def test_only_the_proxy_is_dialled_and_its_name_may_move() -> None:
    addresses = ["203.0.113.7"]
    rule = ProxyOnly("http://proxy.example:3128", resolve=lambda *_, **__: found(*addresses)("", 3128))

    assert rule.permits("203.0.113.7", 3128)
    assert not rule.permits("203.0.113.7", 443)
    assert not rule.permits("8.8.8.8", 3128)
    addresses[:] = ["203.0.113.8"]
    assert rule.permits("203.0.113.8", 3128)


def test_an_address_of_another_name_is_not_taken_for_the_proxys() -> None:
    """Given requests that look their receivers up by the same rule, then where those lead is dialled by nobody."""
    leads_to = {"proxy.example": "203.0.113.7", "hooks.example": "8.8.8.8"}
    rule = ProxyOnly("http://proxy.example:3128", resolve=lambda host, *_, **__: found(leads_to[host])("", 3128))
    rule.resolve("hooks.example", 3128)
    assert not rule.permits("8.8.8.8", 3128)
    assert rule.permits("203.0.113.7", 3128)


@pytest.mark.parametrize(("url", "port"), [("http://proxy.example", 1080), ("https://proxy.example", 443)])
def test_a_proxy_without_a_port_is_dialled_at_the_one_that_libcurl_takes(url: str, port: int) -> None:
    rule = ProxyOnly(url, resolve=found("203.0.113.7"))
    assert [each for each in (80, 443, 444, 1080, 1081, 3128) if rule.permits("203.0.113.7", each)] == [port]


def test_a_proxy_that_cannot_be_resolved_is_not_dialled() -> None:
    assert not ProxyOnly("http://proxy.example", resolve=found()).permits("8.8.8.8", 1080)


@pytest.mark.parametrize(
    ("url", "permitted"),
    [
        ("https://hooks.example/a", True),
        ("https://hooks.example:8443/a", True),
        ("https://8.8.8.8/", True),
        ("https://[2606:4700::1111]/", True),
        ("http://127.0.0.1/", False),
        ("http://127.1/", False),
        ("http://127.0.0.1./", False),
        ("http://0x7f.0.0.1/", False),
        ("http://2130706433/", False),
        ("http://017700000001/", False),
        ("http://[::1]/", False),
        ("http://[::ffff:10.0.0.1]/", False),
        ("http://[fe80::1%25eth0]/", False),
        ("http://169.254.169.254/latest", False),
        ("http://127.0.0.1\\@hooks.example/", False),
        ("http://hooks.example@127.0.0.1/", False),
        ("http://somebody@hooks.example/", False),
        ("http://①②⑦.0.0.1/", False),
        ("http:///", False),
        ("no url", False),
        ("http://[::1", False),
        ("http://hooks.example:99999/", False),
        ("http://hooks.example:x/", False),
    ],
)
def test_a_private_literal_is_not_handed_to_a_proxy(url: str, permitted: bool) -> None:
    assert Guard().permits_by_proxy(url) == permitted


@pytest.mark.parametrize(
    ("url", "port"), [("http://10.0.0.5/", 80), ("https://10.0.0.5/", 443), ("https://10.0.0.5:8443/", 8443)]
)
def test_a_literal_that_is_allowed_is_handed_to_a_proxy_for_its_port_alone(url: str, port: int) -> None:
    allowed = [each for each in (80, 81, 443, 444, 8443) if Guard(targets(f"10.0.0.5/32:{each}")).permits_by_proxy(url)]
    assert allowed == [port]


@given(st.text(max_size=40), st.sampled_from(["", "http://", "https://", "http://[", "http://127.0.0.1"]))
def test_no_text_of_a_url_breaks_the_rule_for_proxies(text: str, before: str) -> None:
    assert Guard().permits_by_proxy(before + text) in (True, False)


@given(st.ip_addresses(v=4), st.ip_addresses(v=6))
def test_an_ipv4_address_in_any_dress_of_ipv6_is_judged_no_better(four: IPv4Address, six: IPv6Address) -> None:
    guard, number = Guard(), int(four)
    mapped = IPv6Address(0xFFFF << 32 | number)
    translated = IPv6Address(0x64FF9B << 96 | number)
    assert guard.permits(str(mapped), 443) == guard.permits(str(four), 443) == guard.permits(str(translated), 443)
    dresses = [number, 0x64FF9B0001 << 80 | number, 0x2002 << 112 | number << 80]
    assert not any(guard.permits(str(IPv6Address(each)), 443) for each in dresses)
    assert not guard.permits(f"{six}%eth0", 443)
