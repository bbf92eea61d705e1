"""The certificates of one endpoint: one that shows its server who is calling, and authorities of its own.

What lives here: what may be given, in the form in which it is stored, and what may be seen of it. It must not know
connections, clocks or where keys are kept. Source: RFC 7468 (PEM), RFC 8446 4.4.2 (client certificates).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from deliveries.errors import InvalidInput
from deliveries.protocol.writing import timestamps
from deliveries.protocol.writing.sentences import say

MEMBERS = ("certificate", "key", "ca")
CERTIFICATES_LIMIT_CHARACTERS = 32 * 1024
CERTIFICATES_LIMIT = 10
KEY_LIMIT_CHARACTERS = 4 * 1024  # a larger RSA key takes seconds to look at
LEAST_RSA_BITS = 2048

Tls = Mapping[str, str]  # some of MEMBERS, as PEM
_PEM = serialization.Encoding.PEM


def check_tls(given: object, *, now: datetime) -> dict[str, str] | None:
    """Return certificate and key, or authorities, or both, in their stored form; an empty member is to be removed."""
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) - set(MEMBERS):
        raise _wrong(say("tls is null, or an object of certificate, key and ca"))
    checked = {name: _certificates(name, given[name], now=now) for name in ("certificate", "ca") if name in given}
    if "key" in given:
        checked["key"] = _key(given["key"])
    return checked


def complete_tls(tls: Tls, *, stored: Tls | None) -> Tls:
    """Return it with the members that were left out taken from what is stored; the key must be the certificate's."""
    found = {name: pem for name, pem in {**(stored or {}), **tls}.items() if pem}
    if "certificate" not in found:
        if tls.get("key"):
            raise _wrong(say("the certificate is missing"))
        return {name: pem for name, pem in found.items() if name == "ca"}
    if "key" not in found:
        raise _wrong(say("the key is missing"))
    leaf = x509.load_pem_x509_certificates(found["certificate"].encode())[0]
    if _public(_loaded_key(found["key"]).public_key()) != _public(leaf.public_key()):
        raise _wrong(say("the key is not that of the certificate, which is the first one of the chain"))
    return found


def shown_tls(tls: Tls) -> dict[str, object]:
    """Return what may be seen: whose certificates they are and when the first of them ends."""
    chain, authorities = (_loaded(tls.get(name, "")) for name in ("certificate", "ca"))
    return {
        "subject": chain[0].subject.rfc4514_string() if chain else None,
        "issuer": chain[0].issuer.rfc4514_string() if chain else None,
        "fingerprint": chain[0].fingerprint(hashes.SHA256()).hex() if chain else None,
        "expires_at": timestamps.write(min(each.not_valid_after_utc for each in chain)) if chain else None,
        "authorities": [each.subject.rfc4514_string() for each in authorities],
        "authorities_expire_at": timestamps.write(max(each.not_valid_after_utc for each in authorities))
        if authorities
        else None,
    }


def _certificates(name: str, given: object, *, now: datetime) -> str:
    if given in (None, ""):
        return ""
    if not isinstance(given, str) or len(given) > CERTIFICATES_LIMIT_CHARACTERS:
        raise _wrong(
            say(
                "{name} has at most {certificates_limit_characters} characters of PEM",
                name=name,
                certificates_limit_characters=CERTIFICATES_LIMIT_CHARACTERS,
            )
        )
    try:
        found = x509.load_pem_x509_certificates(given.encode())
        for each in found:
            _check_dates(name, each, now=now)
            each.public_key(), each.subject.rfc4514_string(), each.issuer.rfc4514_string()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _wrong(say("{name} is no certificate in PEM", name=name)) from error
    if len(found) > CERTIFICATES_LIMIT:
        raise _wrong(
            say(
                "{name} has at most {certificates_limit} certificates", name=name, certificates_limit=CERTIFICATES_LIMIT
            )
        )
    return "".join(each.public_bytes(_PEM).decode() for each in found)


def _check_dates(name: str, certificate: x509.Certificate, *, now: datetime) -> None:
    if certificate.not_valid_after_utc <= now:
        raise _wrong(
            say("{name} expired at {write}", name=name, write=timestamps.write(certificate.not_valid_after_utc))
        )
    if certificate.not_valid_before_utc > now:
        raise _wrong(
            say(
                "{name} is not valid before {write}",
                name=name,
                write=timestamps.write(certificate.not_valid_before_utc),
            )
        )


def _key(given: object) -> str:
    if given in (None, ""):
        return ""
    if not isinstance(given, str) or len(given) > KEY_LIMIT_CHARACTERS:
        raise _wrong(
            say("key has at most {key_limit_characters} characters of PEM", key_limit_characters=KEY_LIMIT_CHARACTERS)
        )
    key = _loaded_key(given)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < LEAST_RSA_BITS:
        raise _wrong(say("an RSA key has at least {least_rsa_bits} bits", least_rsa_bits=LEAST_RSA_BITS))
    plain = serialization.NoEncryption()
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def _loaded_key(pem: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    try:
        key: PrivateKeyTypes = serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError as error:
        raise _wrong(say("key is encrypted; give it without its passphrase")) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _wrong(say("key is no private key in PEM")) from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise _wrong(say("key is of another kind than RSA, EC and Ed25519"))
    return key


def _loaded(pem: str) -> Sequence[x509.Certificate]:
    return x509.load_pem_x509_certificates(pem.encode()) if pem else ()


def _public(key: object) -> bytes:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.DER, kind)  # type: ignore[attr-defined,no-any-return]


def _wrong(detail: str) -> InvalidInput:
    return InvalidInput(detail, field="tls")
