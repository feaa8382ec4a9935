"""Log lines: `key=value` for people, JSON for machines; fields come by `extra`.

What is logged never holds a token, a body or a person's name; callers see to that.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from metrics_api.core.config import Log

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_BARE = re.compile(r"[\w.:/@+#-]+", re.ASCII)
# JSON may hold these as they are, but readers take some for line ends and terminals some for commands.
_CONTROL = re.compile("[\x7f-\x9f\u2028\u2029]")

# Libraries that say at "info" what only their makers want to know.
QUIET: Final = ("apscheduler", "asyncio", "pymongo", "urllib3")


class _WellFormed(logging.Filter):
    """Leaves out what aiohttp says about requests that are no HTTP: a stack trace with the client's bytes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """False for such a record; the client got its 400."""
        kind = record.exc_info[0] if record.exc_info else None
        return kind is None or not (
            kind.__module__ == "aiohttp.http_exceptions" or kind.__name__ == "RequestPayloadError"
        )


class KeyValueFormatter(logging.Formatter):
    """One line per record: time, level, logger, message, then its fields; values are quoted where needed."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; line breaks in values are escaped, so a value cannot forge a line."""
        return " ".join(f"{key}={_quoted(value)}" for key, value in _fields(self, record))


class JsonFormatter(logging.Formatter):
    """One JSON object per record."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return json.dumps(dict(_fields(self, record)), default=str)


def configure(log: Log, stream: TextIO | None = None) -> None:
    """Write all log lines to a stream (standard error) in the form and from the level the settings name.

    Handlers that were there are replaced; calling it twice is the same as once.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log.format == "json" else KeyValueFormatter())
    handler.addFilter(_WellFormed())
    root = logging.getLogger()
    root.handlers = [handler]
    level = logging.getLevelNamesMapping()[log.level.upper()]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    yield "time", datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    yield "level", record.levelname.lower()
    yield "logger", record.name
    yield "message", record.getMessage()
    yield from ((key, value) for key, value in vars(record).items() if key not in _STANDARD)
    if record.exc_info:
        yield "exception", formatter.formatException(record.exc_info)


def _quoted(value: object) -> str:
    text = str(value)
    if _BARE.fullmatch(text):
        return text
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
