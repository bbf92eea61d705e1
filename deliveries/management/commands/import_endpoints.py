"""`manage.py import_endpoints FILE`: customers, event types and endpoints from elsewhere, with a report per line.

What lives here: the file and the terminal. It must not know what a file holds, nor how an item is stored.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from django.core.management.base import CommandError, CommandParser
from rest_framework.exceptions import ParseError

from deliveries.api.parsers import read_json
from deliveries.api.problems import TooLargeError
from deliveries.errors import InvalidInput
from deliveries.management.command import HookpostCommand
from deliveries.management.terminal import actor_of_terminal
from deliveries.protocol.imports import READERS, read_items
from deliveries.protocol.imports.item import ImportItem
from deliveries.services.imports import Result, Way, import_item

FILE_LIMIT_BYTES = 64 * 1024 * 1024
NOUNS = {"customer": "customers", "event_type": "event types", "endpoint": "endpoints"}


class Command(HookpostCommand):
    """Imports customers, event types and endpoints."""

    help = "Import customers, event types and endpoints from a file; it may be run again. docs/moving.md shows formats."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which file, of what format, and how."""
        parser.add_argument("file", help="Path; - reads from standard input.")
        parser.add_argument("--format", choices=list(READERS), help="By the file's name when absent: csv or hookpost.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would come of it, and store nothing.")
        parser.add_argument(
            "--paused", action="store_true", help="Endpoints hold what they get until release_imported."
        )
        parser.add_argument("--verified", action="store_true", help="Ask their URLs no challenge (HOOKPOST_CHALLENGE).")

    def handle(self, *args: object, **options: object) -> None:
        """Import all of it; exits with 1 when a line was refused."""
        name = str(options["file"])
        kind = str(options["format"] or ("csv" if name.endswith(".csv") else "hookpost"))
        paused, verified, dry_run = (bool(options[name]) for name in ("paused", "verified", "dry_run"))
        way = Way(actor=actor_of_terminal(), paused=paused, verified=verified, dry_run=dry_run)
        counts: Counter[str] = Counter()
        items = _items(name, kind)
        self.stderr.write(f"{name} holds {_told(Counter(NOUNS[item.kind] for item in items))}")
        for item in items:
            came = import_item(item, way)
            counts[came.result] += 1
            told = (came.result, item.place, item.kind, item.uid, came.detail)
            self.stdout.write("  ".join(filter(None, told)))
        self.stderr.write(f"{_told(counts)}{'; nothing was stored' if way.dry_run else ''}")
        if counts[Result.REFUSED]:
            raise CommandError(f"{counts[Result.REFUSED]} refused", returncode=1)


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in sorted(counts.items())) or "nothing"


def _items(name: str, kind: str) -> list[ImportItem]:
    """Return what the file holds; one that cannot be read is one sentence."""
    try:
        return _read(name, kind)
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}") from error
    except InvalidInput as error:
        raise CommandError(error.detail) from error
    except (ParseError, TooLargeError) as error:
        raise CommandError(str(error).replace("the body", name, 1)) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} is not UTF-8") from error


def _read(name: str, kind: str) -> list[ImportItem]:
    raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    return read_items(raw.decode("utf-8-sig") if kind == "csv" else _document(raw), format=kind)


def _document(raw: bytes) -> object:
    """Return the JSON of a file; where each line is some, a list of it."""
    lines = [line for line in raw.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.startswith(b"{") and line.rstrip().endswith(b"}") for line in lines):
        return [read_json(line, limit_bytes=FILE_LIMIT_BYTES) for line in lines]
    return read_json(raw, limit_bytes=FILE_LIMIT_BYTES)
