"""A request as a command of curl's: what a shell makes of it is the request, byte for byte."""

from __future__ import annotations

import subprocess

from hypothesis import example, given, settings
from hypothesis import strategies as st

from deliveries.protocol.sending.curl import as_curl

URL = "https://a.example/in?b[]=1&c={x}'y"


def words_of(command: str) -> list[bytes]:
    """What bash hands to curl."""
    script = f'curl() {{ printf "%s\\0" "$@"; }}; {command}'
    return subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout.split(b"\0")[:-1]


@given(st.binary(max_size=40).filter(lambda raw: b"\0" not in raw))
@example(b"""{"a": "it's \\\\ $HOME `id` !x %s", "z": "Zo\xc3\xab"}""")
@example(b"@/etc/passwd")
@example("a\u202eb\r\n".encode())
@settings(max_examples=25)
def test_a_shell_hands_on_body_url_and_headers_byte_for_byte(body: bytes) -> None:
    words = words_of(as_curl("POST", URL, {"x-one": "1 'two'", "content-length": "7"}, body))
    expected = ["--globoff", "-X", "POST", URL, "-H", "x-one: 1 'two'", "--data-raw"]
    assert words == [*(word.encode() for word in expected), body]


def test_what_turns_the_line_around_is_pasted_as_an_escape() -> None:
    assert as_curl("POST", URL, {}, "\u202e".encode()).endswith("--data-raw $'\\xe2\\x80\\xae'")
