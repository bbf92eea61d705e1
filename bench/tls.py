"""A drain over https to 200 hosts: with connections that are kept, and with a new one each; the floor does the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.drain import drain
from bench.floor import sending_rate
from bench.receivers import host_of, secure_nginx
from bench.report import Figure
from bench.stage import Stage

HOSTS = 200
KEPT, NEW = 100, 20  # deliveries to each host


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield both drains in units of the floor."""
    with tempfile.TemporaryDirectory(prefix="bench-tls-") as folder:
        port = stage.odd_ports[0]
        with secure_nginx(Path(folder), hosts=HOSTS, port=port) as authority:
            for name, path, each in (("kept", "hook", KEPT), ("new", "once", NEW)):
                urls = [f"https://{host_of(number)}:{port}/{path}" for number in range(HOSTS)]
                floor = sending_rate(urls, requests=HOSTS * each, in_flight=HOSTS, ca_file=str(authority))
                drained = drain(stage, endpoints=HOSTS, each=each, urls=urls, ca_file=str(authority))
                yield Figure(
                    name=f"drain_tls_{name}_connections",
                    value=drained.rate,
                    unit="deliveries/s",
                    ratio={"floor": drained.rate / floor},
                    note=f"{HOSTS} hosts, {drained.cpu_microseconds:.0f} us of Python each; the floor {floor:.0f}/s",
                )
