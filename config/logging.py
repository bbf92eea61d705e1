"""How log lines are written: one line each, as text for people or JSON for machines.

What lives here: structlog joined to the standard library's logging. It must not know what is logged.
"""

from __future__ import annotations

import io
import logging
from typing import TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from config.broker_lines import OfConsumers

SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_structlog() -> None:
    """Send structlog's lines through the standard library, where one handler writes all of them."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logging_settings(*, level: str, form: str) -> dict[str, object]:
    """Django's LOGGING."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": structlog.stdlib.ProcessorFormatter, **formatter(form)}},
        "filters": {"in_a_line": {"()": lambda: without_traceback}, "of_consumers": {"()": OfConsumers}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["of_consumers"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"level": level, "propagate": True, "handlers": []},
            "django.server": {"level": level, "propagate": True, "handlers": []},
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"filters": ["in_a_line"]},
            "django.db.backends": {"level": "INFO"},  # statements with their values, sessions among them
            "dramatiq": {"level": "WARNING" if level == "INFO" else level},
            "dramatiq.broker": {"level": "ERROR"},  # complains that a process has two workers
            "pika": {"level": "CRITICAL"},  # tells each failure six times; broker_lines.py tells it once
            "axes": {"level": "WARNING"},
        },
    }


def without_traceback(record: logging.LogRecord) -> bool:
    """Let a record pass without its traceback: a scanner's host is no mistake of ours, and its message says all."""
    record.exc_info = None
    return True


def formatter(form: str) -> dict[str, object]:
    """The last processors of a line; variables of frames are never shown, for they may hold secrets."""
    if form == "json":
        ends: list[object] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=indented_traceback, pad_event_to=0)
        ends = [on_one_line, renderer]
    return {
        "foreign_pre_chain": SHARED,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ends],
    }


def on_one_line(_logger: object, _name: str, fields: EventDict) -> EventDict:
    """Escape what would begin a line of its own or talk to a terminal: callers choose paths, names and messages."""
    for key, value in fields.items():
        if isinstance(value, str) and not value.isprintable():
            fields[key] = _escaped(value)
    return fields


def indented_traceback(out: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback so that no line of it, nor of the error's message, begins where lines of the log do."""
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    for line in plain.getvalue().strip("\n").split("\n"):
        out.write("\n  " + _escaped(line))


def _escaped(text: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
