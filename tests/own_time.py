"""A time of a module's own.

What lives here: the patch of `time` in one module. Patched in the `time` module itself, it would meet all threads of
this process, of which some outlive the test that began them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest


def give_own_time(monkeypatch: pytest.MonkeyPatch, module: ModuleType, **changed: Callable[..., object]) -> None:
    """Change functions of `time` as this module alone sees them: `sleep=…`, `monotonic=…`."""
    monkeypatch.setattr(module, "time", SimpleNamespace(**vars(time) | changed))
