"""The code that the portal shows, run as it is shown where the machine has the language."""

from __future__ import annotations

import base64
import hmac
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from deliveries.protocol.checking import receiver_code
from deliveries.protocol.checking.receiver_code import RECEIVER_CODE
from tests.receivers.programs import FOLDER

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY = '{"type":"invoice.paid","data":{"of":"Ü"}}'
ID = "evt_01m7xrk53te4qvqemyq2g1mx3k"
JAVA_IMPORTS = " ".join(re.findall(r"import [\w.]+;", receiver_code.JAVA))


def signed(body: str, at: int) -> str:
    """A signature, among one by another secret."""
    digest = hmac.digest(KEY, f"{ID}.{at}.{body}".encode(), "sha256")
    return f"v1,{base64.b64encode(bytes(32)).decode()} v1,{base64.b64encode(digest).decode()}"


def in_ruby(folder: Path) -> list[str]:
    """A program that says whether its arguments are a signed request."""
    call = "puts verify(ARGV[0], id: ARGV[1], timestamp: ARGV[2], signature: ARGV[3], secret: ARGV[4])"
    (folder / "check.rb").write_text(f"{receiver_code.RUBY}\n{call}\n")
    return ["ruby", str(folder / "check.rb")]


def in_php(folder: Path) -> list[str]:
    """A program that says whether its arguments are a signed request."""
    call = 'echo verify(...array_slice($argv, 1)) ? "true" : "false";'
    (folder / "check.php").write_text(f"<?php\n{receiver_code.PHP}\n{call}\n")
    return ["php", str(folder / "check.php")]


def in_java(folder: Path) -> list[str]:
    """A program that says whether its arguments are a signed request."""
    call = "System.out.println(verify(a[0].getBytes(java.nio.charset.StandardCharsets.UTF_8), a[1], a[2], a[3], a[4]));"
    main = f"public static void main(String[] a) throws Exception {{ {call} }}"
    (folder / "Check.java").write_text(f"{JAVA_IMPORTS}\npublic class Check {{ {main}\n{receiver_code.JAVA}\n}}\n")
    return ["java", "-XX:TieredStopAtLevel=1", "-Dsun.jnu.encoding=UTF-8", str(folder / "Check.java")]


@pytest.mark.parametrize("program", [in_ruby, in_php, in_java], ids=["ruby", "php", "java"])
def test_shown_code_takes_a_signed_request_and_no_other(
    program: Callable[[Path], Sequence[str]], tmp_path: Path
) -> None:
    command = program(tmp_path)
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    now = int(time.time())
    right = (BODY, ID, str(now), signed(BODY, now), SECRET)
    old = (BODY, ID, str(now - 3600), signed(BODY, now - 3600), SECRET)
    altered = (BODY + " ", *right[1:])
    undated = (BODY, ID, "yesterday", *right[3:])
    cases = [(right, "true"), (undated, "false"), (altered, "false"), (old, "false")]
    for case, expected in cases if command[0] != "java" else cases[:3]:  # its start takes a second
        ended = subprocess.run(
            [*command, *case], capture_output=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, timeout=120
        )
        assert ended.stdout.decode().strip() == expected, ended.stderr.decode()


def test_the_shown_python_reads_a_signed_request(monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    headers = {"webhook-id": ID, "webhook-timestamp": str(now), "webhook-signature": signed(BODY, now)}
    known = {"request": SimpleNamespace(body=BODY.encode(), headers=headers)}
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    exec(receiver_code.PYTHON, known)
    assert known["payload"] == json.loads(BODY)


def test_what_the_shown_go_imports_is_what_the_program_of_the_tests_does() -> None:
    imported = re.search(r'// import (standardwebhooks ".+")', receiver_code.GO)
    assert imported is not None
    assert imported[1] in (FOLDER / "go/main.go").read_text()


def test_node_and_go_are_shown_as_the_programs_of_the_tests_have_them() -> None:
    calls = {"node/standard.mjs": "new Webhook(process.env.WEBHOOK_SECRET)", "go/main.go": "webhook.Verify(body, "}
    for (name, call), shown in zip(calls.items(), (receiver_code.NODE, receiver_code.GO), strict=True):
        assert call in shown
        assert call in (FOLDER / name).read_text()


def test_each_language_is_there_once() -> None:
    assert [each.title for each in RECEIVER_CODE] == ["Python", "Node", "Go", "Ruby", "PHP", "Java", "C#"]
