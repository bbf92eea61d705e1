"""What goes on beside the turns of a process: leases are renewed, and late turns are driven to their end.

A turn whose slice is over but whose requests hang is adopted here, so that a hanging endpoint costs
a slot in a multi and not a worker's thread. Decides nothing itself.
"""

from __future__ import annotations

import threading
import time

import structlog
from django.db import close_old_connections, connection

from deliveries.conf import conf
from deliveries.services.turns import Turn

log = structlog.get_logger(__name__)

LATE_REQUESTS_LIMIT = 2000
PAUSE_SECONDS = 0.01
GRACE_SECONDS = 5.0


class Keeper:
    """Keeps the turns of this process: all of them alive, the late ones moving."""

    def __init__(self) -> None:
        self._turns: set[Turn] = set()
        self._late: list[Turn] = []
        self._arrived = threading.Event()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def register(self, turn: Turn) -> None:
        """Renew this turn's leases from now on."""
        with self._lock:
            self._turns.add(turn)
            if not self._threads:
                self._start()

    def forget(self, turn: Turn) -> None:
        """Stop renewing this turn's leases."""
        with self._lock:
            self._turns.discard(turn)

    def adopt(self, turn: Turn) -> bool:
        """Take over a turn whose requests hang; False when too many hang already and the caller must wait itself."""
        if sum(each.in_flight for each in list(self._late)) + turn.in_flight > LATE_REQUESTS_LIMIT:
            return False
        self._late.append(turn)
        self._arrived.set()
        return True

    def stop(self) -> None:
        """Give late requests a moment to end, then give their lanes back."""
        give_up = time.monotonic() + GRACE_SECONDS
        while self._late and time.monotonic() < give_up:
            time.sleep(PAUSE_SECONDS)
        self._stopping.set()
        self._arrived.set()
        for thread in self._threads:
            thread.join(timeout=GRACE_SECONDS)

    def _start(self) -> None:
        for name, body in (("heartbeat", self._renew), ("late-turns", self._drive)):
            thread = threading.Thread(target=body, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _renew(self) -> None:
        while not self._stopping.wait(conf.lease_seconds / 3):
            for turn in list(self._turns):
                try:
                    turn.heartbeat()
                except Exception:
                    log.exception("heartbeat_failed")
                    close_old_connections()
        connection.close()

    def _drive(self) -> None:
        while not self._stopping.is_set():
            self._arrived.wait()
            self._arrived.clear()
            while self._late and not self._stopping.is_set():
                for turn in list(self._late):
                    self._step(turn)
                time.sleep(PAUSE_SECONDS)
        for turn in self._late:
            turn.abandon()
        connection.close()

    def _step(self, turn: Turn) -> None:
        try:
            turn.step(claiming=False, wait=0.0)
            if turn.is_over:
                turn.close()
                self._leave(turn)
        except Exception:
            log.exception("late_turn_failed")
            self._leave(turn)
            close_old_connections()
            turn.abandon()

    def _leave(self, turn: Turn) -> None:
        self._late.remove(turn)
        self.forget(turn)


keeper = Keeper()
