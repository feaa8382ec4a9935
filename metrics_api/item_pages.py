"""Lists of items as they are answered: JSON lines, Grafana's table, and a page for a browser."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Final
from urllib.parse import quote

import orjson

from metrics_api.core.days import zone
from metrics_api.items import Item
from metrics_api.jsonl import encode_records

# Where an item's page is below a TAPD's address, by topic.
PAGES: Final = {"bugs": "bugtrace/bugs/view", "stories": "prong/stories/view"}
# Columns of a table: the field, its heading, and Grafana's type of it.
COLUMNS: Final = (
    ("value", "Value", "number"),
    ("id", "ID", "string"),
    ("title", "Title", "string"),
    ("product", "Product", "string"),
    ("workspace", "Workspace", "string"),
    ("stage", "Stage", "string"),
    ("status", "Status", "string"),
    ("created", "Created", "time"),
    ("url", "URL", "string"),
)
# Of a duration the two largest units are shown.
UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:14px/1.45 system-ui,'Noto Sans','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif;"
    "margin:1.5rem auto;max-width:80rem;padding:0 1rem}"
    "h1{font-size:1.25rem;margin:0 0 .25rem}p{margin:.25rem 0}"
    ".note{opacity:.75}"
    "table{border-collapse:collapse;margin-top:1rem;width:100%}"
    "th,td{border-bottom:1px solid #8886;padding:.35rem .6rem;text-align:left;vertical-align:top}"
    "th{white-space:nowrap}td.text{min-width:16rem;overflow-wrap:anywhere}"
    "td.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
    "td.short{white-space:nowrap}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
# A page that runs nothing and loads nothing, whatever a title may hold.
PAGE_HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class Answer:
    """A list of items with what was asked for it.

    `meaning` says what is listed. `rows` have the fields of COLUMNS and `unit`; `created` is in epoch
    seconds, `total` how many items there are in all. `moment` is as of when (epoch seconds) in the zone
    `zone_name`, `known_until` up to when the records were looked at, `more` the address of a longer list, ""
    where there is none.
    """

    metric: str
    help: str
    meaning: str
    asked: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]
    total: int
    moment: int
    known_until: int
    zone_name: str
    more: str = ""


def row_of(item: Item, unit: str, topic: str, fact: Mapping[str, Any], web: str) -> dict[str, Any]:
    """What is told of an item; its page is where it is today, whatever workspace it was in then."""
    identifier = fact.get("id", item.key.rsplit(":", 1)[-1])
    place = item.place.split(":", 1)[-1]
    return {
        "id": identifier,
        "title": fact.get("title", ""),
        "url": f"{web.rstrip('/')}/{quote(place, safe='')}/{PAGES[topic]}/{quote(identifier, safe='')}",
        "product": item.product,
        "workspace": item.workspace,
        "stage": item.stage,
        "status": item.status,
        "created": fact.get("created"),
        "value": item.value,
        "unit": unit,
    }


def encode_lines(answer: Answer) -> bytes:
    """One JSON object per line."""
    return b"".join(encode_records(answer.rows, None))


def encode_table(answer: Answer) -> bytes:
    """A table as Grafana's JSON datasources take it; times are in milliseconds."""
    unit = next((f" ({row['unit']})" for row in answer.rows), "")

    def cell(field: str, value: Any) -> Any:
        return value * 1000 if field == "created" and value is not None else value

    table = {
        "columns": [
            {"text": f"{text}{unit}" if field == "value" else text, "type": kind}
            for field, text, kind in COLUMNS
        ],
        "rows": [[cell(field, row[field]) for field, _, _ in COLUMNS] for row in answer.rows],
        "type": "table",
    }
    return orjson.dumps([table])


def encode_page(answer: Answer) -> bytes:
    """A page with the table; it holds no script, and all that is not ours is escaped."""
    shown = len(answer.rows)
    of_all = f" of {answer.total}" if shown < answer.total else ""
    count = f"{shown}{of_all} item{'s' if answer.total > 1 else ''}." if shown else "no items."
    more = f' <a href="{escape(answer.more)}">Show more</a>' if answer.more else ""
    asked = ", ".join(f"{key} = {value}" for key, value in answer.asked.items()) or "everything"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(answer.metric)}: items</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(answer.metric)}</h1><p>{escape(answer.help)}</p>",
        f"<p>{escape(answer.meaning)} As of <b>{_clock(answer.moment, answer.zone_name)}</b> ",
        f"({escape(answer.zone_name)}), for {escape(asked)}: {count}{more}</p>",
        f'<p class="note">TAPD was looked at until {_clock(answer.known_until, answer.zone_name)}.</p>',
    ]
    if answer.rows:
        parts += ["<table><thead><tr>", *(f"<th>{text}</th>" for _, text, _ in COLUMNS[:-1]), "</tr></thead>"]
        parts += ["<tbody>", *(_line(row, answer.zone_name) for row in answer.rows), "</tbody></table>"]
    return "".join((*parts, "</body></html>\n")).encode("utf-8", "replace")


def _line(row: Mapping[str, Any], zone_name: str) -> str:
    link = f'<a href="{escape(row["url"])}" rel="noreferrer">{{}}</a>'
    created = "" if row["created"] is None else _clock(row["created"], zone_name)
    cells = [
        f'<td class="number">{escape(told(row["value"], row["unit"]))}</td>',
        f'<td class="short">{link.replace("{}", escape(row["id"]))}</td>',
        f'<td class="text">{escape(row["title"])}</td>',
        *(f"<td>{escape(row[field])}</td>" for field in ("product", "workspace", "stage", "status")),
        f'<td class="short">{created}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def told(value: float | None, unit: str) -> str:
    """A value with its unit for people: durations as `3 d 4 h`."""
    if value is None:
        return ""
    if unit != "seconds":
        return f"{value:g} {unit}"
    rest = int(value)
    parts: list[str] = []
    for size, name in UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count} {name}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 ")) or "0 s"


def _clock(instant: int, zone_name: str) -> str:
    return datetime.fromtimestamp(instant, zone(zone_name)).strftime("%Y-%m-%d %H:%M")
