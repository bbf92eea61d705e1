"""A queue's list that is watched by a thread which waits for sockets anyway: nobody else is woken for a message.

What lives here: one connection, the command that waits inside the server, and its answers, read as they come. It is
asked and read by one thread only, never waits for the server, and knows neither a message nor who watches.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import cast

import redis

LISTEN_SECONDS = 0.7  # less than the limit for an answer
SILENT_SECONDS = LISTEN_SECONDS + 1.0  # without an answer: the server, or the way to it, is gone
AT_ONCE = 8  # messages that nobody waits for, taken by one who is busy


class WatchedList:
    """The first message of a list, again and again, each given to `heed`. Raises RedisError where it cannot connect.

    `ended` is set when it hears nothing more; `error` says why, and is None where it was told to stop. `has_answered`
    says whether it ever heard the server.
    """

    def __init__(self, client: redis.Redis, key: str, *, heed: Callable[[bytes], object]) -> None:
        self.ended, self.error = threading.Event(), cast(Exception | None, None)
        self._pool, self._heed = client.connection_pool, heed
        self._connection = self._pool.get_connection()
        self._wait = self._connection.pack_command("BLPOP", key, LISTEN_SECONDS)
        self._take = self._connection.pack_command("LPOP", key, AT_ONCE)
        self.has_answered = self._is_asked = self._takes = self._is_stopping = False
        self._asked_at = 0.0

    def fileno(self) -> int:
        """Return the socket; -1 once it ended."""
        opened = self._connection._sock
        return -1 if opened is None else cast(int, opened.fileno())

    def stop(self) -> None:
        """Have it end with the answer that it waits for; for any thread."""
        self._is_stopping = True

    def ask(self, *, busy: bool) -> None:
        """Ask for what comes next, where that was not done; who is busy takes only what others do not wait for."""
        if self.ended.is_set():
            return
        if self._is_asked:
            self._doubt()
        elif self._is_stopping or self._connection.should_reconnect():
            self._end(None)
        else:
            self._send(busy=busy)

    def read(self) -> None:
        """Heed what came."""
        try:
            while self._is_asked:
                found = self._connection.read_response(timeout=0, disable_decoding=True, disconnect_on_error=False)
                self.has_answered, self._is_asked = True, False
                for data in self._messages(found):
                    self._heed(data)
        except redis.TimeoutError:
            pass  # not all of it is here yet
        except Exception as error:  # whoever watches has more to do than this
            self._end(error)

    def _messages(self, found: object) -> Sequence[bytes]:
        answer = cast(Sequence[bytes], found or ())
        return answer if self._takes else answer[1:]  # after the key

    def _send(self, *, busy: bool) -> None:
        try:
            self._connection.send_packed_command(self._take if busy else self._wait, check_health=False)
        except (redis.RedisError, OSError) as error:
            self._end(error)
        else:
            self._is_asked, self._takes, self._asked_at = True, busy, time.monotonic()

    def _doubt(self) -> None:
        if time.monotonic() - self._asked_at > SILENT_SECONDS:
            self.read()  # whoever watches may have been away
            if self._is_asked:
                self._end(redis.TimeoutError("the server says nothing"))

    def _end(self, error: Exception | None) -> None:
        self.error, self._is_asked = error, False
        self._connection.disconnect()
        self._pool.release(self._connection)
        self.ended.set()
