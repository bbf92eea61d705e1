"""A live installation with event types, and its description in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer


@pytest.fixture
def described(live_server: LiveServer, tmp_path: Path) -> Path:
    """The file with the live description."""
    from tests.clients.steps import fetch_document, register_types

    register_types()
    return fetch_document(live_server, tmp_path)


@pytest.fixture
def key(transactional_db: None) -> str:
    """A service key."""
    from deliveries.services.people.api_keys import create_api_key

    scopes = ["events:write", "deliveries:redeliver", "read", "manage"]
    return create_api_key("generated", scopes, actor="system")[1]
