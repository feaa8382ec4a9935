"""JSON lines: raw records in, bytes out, in chunks of a bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import ujson

CHUNK_BYTES = 65_536

# JSON may hold these as they are, but str.splitlines takes them for line ends: pandas and requests
# (`iter_lines(decode_unicode=True)`) would cut a record in two.
_LINE_ENDS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def encode_records(records: Iterable[Mapping[str, Any]], fields: Sequence[str] | None) -> Iterator[bytes]:
    """The records as JSON lines in UTF-8, some 64 KiB at a time.

    With `fields` each line holds these in this order, null for one the record lacks; without, all it has.
    """
    lines: list[bytes] = []
    size = 0
    for record in records:
        line = _line(record if fields is None else {name: record.get(name) for name in fields})
        lines.append(line)
        size += len(line)
        if size >= CHUNK_BYTES:
            yield b"".join(lines)
            lines, size = [], 0
    if lines:
        yield b"".join(lines)


def _line(record: Mapping[str, Any]) -> bytes:
    text: str = ujson.dumps(record, ensure_ascii=False, escape_forward_slashes=False, separators=(", ", ": "))
    for character, escaped in _LINE_ENDS.items():
        if character in text:
            text = text.replace(character, escaped)
    return text.encode() + b"\n"
