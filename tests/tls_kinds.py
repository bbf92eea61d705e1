"""TLS servers of every wrong kind, and the one right kind, made with trustme.

Lives here: certificates and contexts. It must not know what is sent over them.
"""

from __future__ import annotations

import datetime
import ssl
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import trustme

_LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
_FAR_AHEAD = datetime.datetime(2098, 1, 1, tzinfo=datetime.UTC)


class TlsKinds:
    """Contexts by name; `ca_file` is what a client must trust to like the good ones."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.clients = trustme.CA(organization_name="clients")
        self._folder = tempfile.TemporaryDirectory()
        self.ca_file = str(Path(self._folder.name) / "ca.pem")
        self.authority.cert_pem.write_to_path(self.ca_file)
        self._kinds: dict[str, Callable[[], ssl.SSLContext]] = {
            "good": lambda: _context(self.authority.issue_cert("127.0.0.1", "localhost")),
            "unknown authority": lambda: _context(trustme.CA().issue_cert("127.0.0.1")),
            "expired": lambda: _context(self._expired()),
            "not yet valid": lambda: _context(self._not_yet_valid()),
            "wrong host": lambda: _context(self.authority.issue_cert("alice.example")),
            "wildcard of another": lambda: _context(self.authority.issue_cert("*.example")),
            "tls 1.0": lambda: self._old(ssl.TLSVersion.TLSv1),
            "tls 1.1": lambda: self._old(ssl.TLSVersion.TLSv1_1),
            "tls 1.2": lambda: self._old(ssl.TLSVersion.TLSv1_2),
            "anonymous cipher": self._anonymous,
            "client certificate": self._wants_client,
            "client certificate 1.2": self._wants_client_early,
            "only h2": self._only_h2,
        }

    def context(self, kind: str) -> ssl.SSLContext:
        """Return a server's context of this kind."""
        return self._kinds[kind]()

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def _expired(self) -> trustme.LeafCert:
        after = _LONG_AGO + datetime.timedelta(days=30)
        return self.authority.issue_cert("127.0.0.1", not_before=_LONG_AGO, not_after=after)

    def _not_yet_valid(self) -> trustme.LeafCert:
        after = _FAR_AHEAD + datetime.timedelta(days=30)
        return self.authority.issue_cert("127.0.0.1", not_before=_FAR_AHEAD, not_after=after)

    def _old(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        context = _context(self.authority.issue_cert("127.0.0.1"))
        context.set_ciphers("ALL:@SECLEVEL=0")
        # Setting an old version warns by design; that is what this kind is for.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        return context

    def _anonymous(self) -> ssl.SSLContext:
        context = self._old(ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("aNULL:@SECLEVEL=0")
        return context

    def _wants_client(self) -> ssl.SSLContext:
        context = _context(self.authority.issue_cert("127.0.0.1"))
        self.clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _wants_client_early(self) -> ssl.SSLContext:
        context = self._wants_client()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _only_h2(self) -> ssl.SSLContext:
        context = _context(self.authority.issue_cert("127.0.0.1"))
        context.set_alpn_protocols(["h2"])
        return context


def _context(leaf: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context
