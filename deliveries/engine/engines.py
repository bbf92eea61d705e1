"""The engines of a process: one for quick lanes, and one for slow ones, each on a thread of its own.

What lives here: that the first who needs an engine starts it, and that all end together. It must not know messages.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from uuid import UUID

from deliveries.engine.loop import Engine, Wake

HEED_SECONDS = 0.1  # for which a busy engine's hint keeps its worker from taking another one


class Engines:
    """The engines of this process; `wake` is told which lanes another one shall have."""

    def __init__(self, wake: Wake) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._running: dict[bool, tuple[Engine, threading.Thread]] = {}
        self._stopping = threading.Event()

    def of(self, *, slow: bool) -> Engine:
        """Return an engine; the first who asks starts it."""
        with self._lock:
            if slow not in self._running:
                engine = Engine(wake=self._wake, slow=slow)
                name = "engine-slow" if slow else "engine"
                thread = threading.Thread(target=engine.run, args=(self._stopping,), name=name, daemon=True)
                thread.start()
                self._running[slow] = engine, thread
            return self._running[slow][0]

    def hint(self, endpoint_ids: Sequence[str], *, slow: bool) -> None:
        """Tell an engine what a message names; one that is busy is not given the next before it has looked at this."""
        if self._stopping.is_set():
            self._pass_on(endpoint_ids, slow=slow)
            return
        engine = self.of(slow=slow)
        engine.notify([UUID(text) for text in endpoint_ids])
        engine.unread.await_reading(HEED_SECONDS)

    def all(self) -> list[Engine]:
        """Return those that run."""
        return [engine for engine, _ in list(self._running.values())]

    def live(self) -> bool:
        """Say whether no engine that was started has ended by itself."""
        return self._stopping.is_set() or all(thread.is_alive() for _, thread in list(self._running.values()))

    def tell(self, lanes: Sequence[UUID], *, slow: bool) -> None:
        """Say here that these lanes have work, or with none that some have; a web server has nobody to tell it."""
        if self._running and not self._stopping.is_set():
            self.of(slow=slow).notify(lanes)

    def begin_no_more(self) -> None:
        """Let all engines send what is new to nobody from now on, and end; messages are left to other workers."""
        self._stopping.set()
        for engine in self.all():
            engine.notify([])

    def stop(self) -> None:
        """End all engines."""
        self.begin_no_more()
        for _, thread in self._running.values():
            thread.join()

    def _pass_on(self, endpoint_ids: Sequence[str], *, slow: bool) -> None:
        """Ring again for what a message names, and listen no more for a moment: another worker does."""
        self._wake([(UUID(text), slow) for text in endpoint_ids])
        time.sleep(HEED_SECONDS)
