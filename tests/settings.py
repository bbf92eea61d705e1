"""The settings of this process, for tests that need another one for a while."""

from __future__ import annotations

from deliveries.conf import conf


class Thawed:
    """The one object that all read, frozen for everybody else: `monkeypatch.setattr(SETTINGS, name, value)`."""

    __slots__ = ()  # nothing is its own: what is set and undone is the settings' own

    def __getattr__(self, name: str) -> object:
        return getattr(conf, name)

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(conf, name, value)


SETTINGS = Thawed()
