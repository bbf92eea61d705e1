"""A process of its own whose name server is silent about most names; prints what the engine made of it, as JSON.

Lives here: what test_resolver.py runs in namespaces of its own, so that it may bring up loopback,
take port 53 and replace /etc/resolv.conf and /etc/hosts without touching the machine.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from deliveries.errors import InvalidUrl
from deliveries.network_settings import AllowedTarget
from deliveries.outbound.client import prepared_post, send_one
from deliveries.outbound.guard import Guard
from deliveries.outbound.multi import Transfers
from tests.outbound.one_receiver import OK, OneReceiver

NAMES = 50  # libcurl has 20 resolver threads, and takes two for each request
HEALTHY = 5
PATIENCE_SECONDS = 60  # of the system's resolver, with each name: whoever waits for it hangs
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1


def main() -> None:
    """Ask for names that nobody answers for and for some that have an answer, then for one in /etc/hosts."""
    os.environ["RES_OPTIONS"] = f"timeout:{PATIENCE_SECONDS // 2} attempts:2"
    bring_up_loopback()
    name_server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    name_server.bind(("127.0.0.1", 53))
    threading.Thread(target=answer_some, args=(name_server,), daemon=True).start()
    replace_file("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    replace_file("/etc/hosts", "127.0.0.1 localhost hooks.alice.example\n")
    with OneReceiver(*[[OK]] * (HEALTHY + 2)) as receiver:
        json.dump({"healthy": beside_silent_ones(receiver), **measured(receiver)}, sys.stdout)


def answer_some(name_server: socket.socket) -> None:
    """Be 127.0.0.1 for all names with "healthy" in them, and silent about others."""
    while True:
        asked, sender = name_server.recvfrom(512)
        question = asked[12 : asked.index(0, 12) + 5]
        if b"healthy" in question:
            wants_ipv4 = question[-4:-2] == b"\0\1"
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if wants_ipv4 else b""
            head = asked[:2] + b"\x81\x80\0\1" + bytes([0, wants_ipv4]) + b"\0\0\0\0"
            name_server.sendto(head + question + answer, sender)


def beside_silent_ones(receiver: OneReceiver) -> list[int]:
    """Return how requests to healthy names ended that were started after many to silent ones, as long as these wait."""
    port, statuses = receiver.targets[0].port, []
    with Transfers(rule=Guard(receiver.targets), connect_seconds=PATIENCE_SECONDS) as transfers:
        for number in range(NAMES):
            silent = prepared_post(f"http://h{number}.silent.example:{port}/", [], b"{}")
            transfers.start(silent, tag="", timeout_seconds=PATIENCE_SECONDS)
        for number in range(HEALTHY):
            healthy = prepared_post(f"http://h{number}.healthy.example:{port}/", [], b"{}")
            transfers.start(healthy, tag="healthy", timeout_seconds=PATIENCE_SECONDS)
        while transfers.in_flight > NAMES:
            statuses += [answer.status for tag, answer in transfers.finish(wait_seconds=0.1) if tag]
    return statuses


def measured(receiver: OneReceiver) -> dict[str, object]:
    """Return how everything ended."""
    port = receiver.url.split(":")[2].split("/")[0]
    transfers = Transfers(rule=Guard([AllowedTarget(ipaddress.ip_network("127.0.0.1/32"), int(port))]))
    for number in range(NAMES):
        silent = prepared_post(f"http://h{number}.silent.example:{port}/", [], b"{}")
        transfers.start(silent, tag=number, timeout_seconds=0.5)
    errors, details = set(), set()
    while transfers.in_flight:
        for _, answer in transfers.finish(wait_seconds=0.1):
            errors.add(answer.error)
            details.add(answer.detail)
    known = prepared_post(f"http://hooks.alice.example:{port}/", [], b"{}")
    after = send_one(known, timeout_seconds=60, transfers=transfers)
    transfers.start(silent, tag="left", timeout_seconds=PATIENCE_SECONDS)
    transfers.finish(wait_seconds=0.05)
    transfers.close()
    return {
        "errors": sorted(errors),
        "details": sorted(details),
        "after": after.status,
        "registration": registration(),
    }


def registration() -> str:
    """Return what a registration of a silent name is told."""
    try:
        Guard().check_target("silent.example", 443, timeout_seconds=0.2)
    except InvalidUrl as refused:
        return refused.detail
    return ""


def bring_up_loopback() -> None:
    """Do what `ip link set lo up` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = fcntl.ioctl(any_socket, _GET_FLAGS, struct.pack("16sH14s", b"lo", 0, b""))
        flags = struct.unpack("16sH14s", asked)[1]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14s", b"lo", flags | _UP, b""))


def replace_file(path: str, text: str) -> None:
    """Let a file look different in this mount namespace only."""
    with tempfile.NamedTemporaryFile("w", delete=False) as other:
        other.write(text)
    subprocess.run(["mount", "--bind", other.name, path], check=True)
    Path(other.name).unlink()


if __name__ == "__main__":
    main()
