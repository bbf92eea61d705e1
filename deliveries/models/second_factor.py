"""The second factor of a person's log-in: time-based codes, and backup codes for the day the phone is lost.

The seed is sealed like an endpoint's secret; of backup codes only the SHA-256 is kept. Source: RFC 6238.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django_otp.models import Device, ThrottlingMixin
from django_otp.oath import TOTP

from deliveries.models import clock
from deliveries.models.base import MomentField, new_id
from deliveries.models.keyring import seal, unseal

STEPS_EITHER_WAY = 1


class SecondFactor(ThrottlingMixin, Device):  # type: ignore[misc]  # django-otp is not annotated
    """What a person shows besides the password; `last_step` keeps a code from being used twice."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor")
    sealed = models.BinaryField(editable=False)
    last_step = models.BigIntegerField(default=-1, editable=False)
    backup_hashes = ArrayField(models.BinaryField(), default=list, editable=False)
    created_at = MomentField(auto_now_add=True)

    class Meta:
        db_table = "hookpost_second_factor"
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"Second factor of {self.user}"

    @property
    def persistent_id(self) -> str:
        """What a session remembers; django-otp reads the part behind the slash as a number."""
        return f"{self.model_label()}/{int(self.id)}"

    def seal_seed(self, seed: bytes) -> None:
        """Set the seed, 20 random bytes."""
        self.sealed = seal(seed, row_id=self.id)

    def open_seed(self) -> bytes:
        """Return the seed; raises CannotDecrypt."""
        return unseal(bytes(self.sealed), row_id=self.id)

    def open_uri(self) -> str:
        """Return what an authenticator app reads from a QR code; raises CannotDecrypt."""
        return f"otpauth://totp/Hookpost:{self.user.get_username()}?secret={self.open_text()}&issuer=Hookpost"

    def open_text(self) -> str:
        """Return the seed as people type it into an app; raises CannotDecrypt."""
        return base64.b32encode(self.open_seed()).decode().rstrip("=")

    def verify_token(self, token: str) -> bool:
        """Take a code or a backup code, once; after a wrong one the next is refused for 1, 2, 4, 8… seconds."""
        if not self.verify_is_allowed()[0]:
            return False
        text = token.replace(" ", "").replace("-", "").lower()
        if not (self._takes_code(text) or self._takes_backup(text)):
            self.throttle_increment()
            return False
        self.throttle_reset(commit=False)
        self.save()
        return True

    def get_throttle_factor(self) -> float:
        """Return the seconds after the first wrong code."""
        return 1.0

    def _takes_code(self, text: str) -> bool:
        if len(text) != 6 or not (text.isascii() and text.isdecimal()):
            return False
        totp = TOTP(self.open_seed())
        totp.time = clock.host.likely()
        if not totp.verify(int(text), STEPS_EITHER_WAY, self.last_step + 1):
            return False
        self.last_step = totp.t()
        return True

    def _takes_backup(self, text: str) -> bool:
        given = hash_backup(text)
        left = [kept for kept in self.backup_hashes if not hmac.compare_digest(bytes(kept), given)]
        taken = len(left) < len(self.backup_hashes)
        self.backup_hashes = left
        return taken


def hash_backup(text: str) -> bytes:
    """Return what is kept of a backup code; 80 random bits need no slow hash."""
    return hashlib.sha256(text.encode()).digest()
