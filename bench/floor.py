"""The floor: libcurl's multi sending the same signed requests, without database, broker, guard or log.

`python -m bench.floor REQUESTS IN_FLIGHT RATE CA_FILE URL …` is one sender; the figure runs as many as there are
workers.
With a rate other than 0 each request waits for its moment, and goes alone.
"""

from __future__ import annotations

import base64
import hmac
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence

import pycurl

from bench.filling import DATA, SECRET
from bench.stage import CHECKOUT, WORKER_PROCESSES, Stage

IN_FLIGHT = 100
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
BODY = b'{"type":"invoice.paid","timestamp":"2026-01-01T00:00:00.000Z","data":%b}' % DATA


def floor_rate(stage: Stage, *, requests: int) -> float:
    """Return requests per second of plain libcurl, over as many processes as there are workers."""
    before = stage.nginx.count()
    rate = sending_rate([stage.nginx.url()], requests=requests)
    assert stage.nginx.count() - before >= requests // WORKER_PROCESSES * WORKER_PROCESSES
    return rate


def sending_rate(urls: Sequence[str], *, requests: int, in_flight: int = IN_FLIGHT, ca_file: str = "") -> float:
    """Return requests per second of plain libcurl to these addresses in turn; each is answered with 204."""
    share = requests // WORKER_PROCESSES
    command = [sys.executable, "-m", "bench.floor", str(share), str(in_flight), "0", ca_file, *urls]
    children = [subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE) for _ in range(WORKER_PROCESSES)]
    spans = [[float(word) for word in child.communicate()[0].split()] for child in children]
    return share * WORKER_PROCESSES / (max(span[1] for span in spans) - min(span[0] for span in spans))


def floor_cpu(stage: Stage, *, requests: int = 20_000, rate: int = 0) -> float:
    """Return the microseconds of processor time that plain libcurl takes for one request.

    As fast as it can; with a rate, for so many a second, each of which goes alone.
    """
    words = (str(requests), str(IN_FLIGHT), str(rate), "", stage.nginx.url())
    command = [sys.executable, "-m", "bench.floor", *words]
    spent = subprocess.run(command, cwd=CHECKOUT, stdout=subprocess.PIPE, check=True).stdout.split()[2]
    return float(spent) / requests * 1e6


def signed_headers(number: int, body: bytes) -> list[str]:
    """Return the headers of one delivery."""
    message_id = f"evt_{number:026d}"
    timestamp = int(time.time())
    digest = hmac.digest(KEY, b"%b.%d.%b" % (message_id.encode(), timestamp, body), "sha256")
    return [
        "content-type: application/json",
        "user-agent: Hookpost/bench",
        f"webhook-id: {message_id}",
        f"webhook-timestamp: {timestamp}",
        "webhook-signature: v1," + base64.b64encode(digest).decode(),
        "Expect:",
    ]


def send_all(urls: Sequence[str], *, requests: int, in_flight: int, ca_file: str) -> None:
    """Send and count, as fast as one thread can."""
    body = BODY
    multi, idle = pycurl.CurlMulti(), deque(new_handle(urls[n % len(urls)], ca_file) for n in range(in_flight))
    started = ended = 0
    while ended < requests:
        while idle and started < requests:
            curl = idle.popleft()
            curl.setopt(pycurl.HTTPHEADER, signed_headers(started, body))
            curl.setopt(pycurl.POSTFIELDS, body)
            multi.add_handle(curl)
            started += 1
        multi.perform()
        queued = 1
        while queued:
            queued, finished, failed = multi.info_read()
            assert not failed, failed
            for curl in finished:
                multi.remove_handle(curl)
                assert curl.getinfo(pycurl.RESPONSE_CODE) == 204
                idle.append(curl)
                ended += 1
        multi.select(0.1)


def send_paced(url: str, *, requests: int, rate: int, ca_file: str) -> None:
    """Send one after the other, each at its moment."""
    multi, curl, first_at = pycurl.CurlMulti(), new_handle(url, ca_file), time.monotonic()
    for number in range(requests):
        time.sleep(max(0.0, first_at + number / rate - time.monotonic()))
        curl.setopt(pycurl.HTTPHEADER, signed_headers(number, BODY))
        curl.setopt(pycurl.POSTFIELDS, BODY)
        multi.add_handle(curl)
        while multi.perform()[1]:
            multi.select(0.1)
        _, ended, failed = multi.info_read()
        assert ended, failed
        assert curl.getinfo(pycurl.RESPONSE_CODE) == 204
        multi.remove_handle(curl)


def new_handle(url: str, ca_file: str) -> pycurl.Curl:
    """Return a handle that forgets the answer's body."""
    curl = pycurl.Curl()
    if ca_file:
        curl.setopt(pycurl.CAINFO, ca_file)
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.POST, 1)
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.WRITEFUNCTION, lambda _chunk: None)
    return curl


if __name__ == "__main__":
    _, count, width, pace, authority, *addresses = sys.argv
    begin, spent_before = time.monotonic(), time.process_time()
    if int(pace):
        send_paced(addresses[0], requests=int(count), rate=int(pace), ca_file=authority)
    else:
        send_all(addresses, requests=int(count), in_flight=int(width), ca_file=authority)
    print(begin, time.monotonic(), time.process_time() - spent_before)
