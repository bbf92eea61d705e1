"""Certificates of an endpoint: what is taken, in which form it is stored, what is refused, what is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, rsa

from deliveries.errors import InvalidInput
from deliveries.protocol.sending.client_tls import check_tls, complete_tls, shown_tls

NOW = datetime.now(UTC)
PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
CA = trustme.CA()
CA_PEM = CA.cert_pem.bytes().decode()


def issued(**dates: datetime) -> dict[str, str]:
    """A certificate and its key."""
    made = CA.issue_cert("hooks.example", common_name="hooks", **dates)
    return {"certificate": made.cert_chain_pems[0].bytes().decode(), "key": made.private_key_pem.bytes().decode()}


OURS, OTHER = issued(), issued()
ENCRYPTED = (
    serialization.load_pem_private_key(OURS["key"].encode(), None)
    .private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"secret"))
    .decode()
)
SMALL, DSA = (
    key.private_bytes(PEM, PKCS8, serialization.NoEncryption()).decode()
    for key in (rsa.generate_private_key(65537, 1024), dsa.generate_private_key(1024))
)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("PEM", "tls is null, or an object"),
        ({"cert": "x"}, "tls is null, or an object"),
        ({"certificate": "x"}, "certificate is no certificate in PEM"),
        ({"certificate": 7}, "certificate has at most 32768 characters"),
        ({"certificate": "\ud83d"}, "certificate is no certificate in PEM"),
        ({"ca": "x" * 40_000}, "ca has at most 32768 characters"),
        ({"ca": CA_PEM * 11}, "ca has at most 10 certificates"),
        ({"ca": OURS["key"]}, "ca is no certificate in PEM"),
        (issued(not_after=NOW - timedelta(days=1), not_before=NOW - timedelta(days=9)), "certificate expired at"),
        (issued(not_before=NOW + timedelta(days=1)), "certificate is not valid before"),
        ({**OURS, "key": "x" * 5_000}, "key has at most 4096 characters"),
        ({**OURS, "key": OURS["certificate"]}, "key is no private key in PEM"),
        ({**OURS, "key": ENCRYPTED}, "key is encrypted"),
        ({**OURS, "key": SMALL}, "an RSA key has at least 2048 bits"),
        ({**OURS, "key": DSA}, "key is of another kind"),
        ({**OURS, "key": OTHER["key"]}, "the key is not that of the certificate"),
        ({"certificate": OURS["certificate"]}, "the key is missing"),
        ({"key": OURS["key"]}, "the certificate is missing"),
    ],
)
def test_what_no_connection_could_use_is_refused_in_a_sentence(given: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        complete_tls(check_tls(given, now=NOW) or {}, stored=None)
    assert refused.value.field == "tls"


def test_what_is_stored_is_plain_pem_whatever_stands_around_it() -> None:
    given = {"certificate": f"subject=hooks\n{OURS['certificate']}", "key": OURS["key"], "ca": None}
    stored = complete_tls(check_tls(given, now=NOW) or {}, stored=None)
    assert stored["certificate"] == OURS["certificate"]
    assert stored["key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert stored.keys() == {"certificate", "key"}


def test_members_that_are_left_out_stay_and_empty_ones_end() -> None:
    stored = complete_tls(check_tls({**OURS, "ca": CA_PEM}, now=NOW) or {}, stored=None)

    def changed(**given: str | None) -> dict[str, str]:
        return dict(complete_tls(check_tls(given, now=NOW) or {}, stored=stored))

    assert changed(ca=None) == {name: stored[name] for name in ("certificate", "key")}
    assert changed(certificate=None) == {"ca": CA_PEM}
    assert changed(**OTHER)["ca"] == CA_PEM
    with pytest.raises(InvalidInput, match="not that of the certificate"):
        changed(certificate=OTHER["certificate"])
    assert changed(certificate=None, ca=None) == {}


def test_whose_certificates_they_are_is_shown_and_no_key() -> None:
    shown = shown_tls(complete_tls(check_tls({**OURS, "ca": CA_PEM}, now=NOW) or {}, stored=None))
    assert "CN=hooks" in str(shown["subject"])
    assert len(str(shown["fingerprint"])) == 64
    assert "PRIVATE" not in str(shown)
    assert shown["authorities"]
    assert shown_tls({"ca": CA_PEM})["subject"] is None
