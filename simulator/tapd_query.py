"""TAPD's query language over rows: filters, order, paging and the choice of fields.

Times are compared as the Beijing strings they are. A plain date bounds a whole day: ``>D`` begins with its
first second and ``A~B`` ends with the last second of B.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from simulator.shapes import PEOPLE_FIELDS, TEXT_FIELDS, TIME_FIELDS, Record

#: Page times limit may not go beyond this.
DEEPEST_ROW = 20_000
#: The most rows of a page of most listings.
LARGEST_LIMIT = 200

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2})?)?")
_OPERATOR = re.compile(r"(EQ|NOT_EQ|LIKE|LIKE_OR|USER_OR|CONTAINS|CONTAINS_OR)<(.*)>", re.DOTALL)

Predicate = Callable[[str], bool]


class TapdError(Exception):
    """An answer other than success: the envelope's status, which is also the HTTP status, and its info."""

    def __init__(self, status: int, info: str) -> None:
        super().__init__(info)
        self.status, self.info = status, info


@dataclass(frozen=True)
class Page:
    """Which rows of a listing were asked for."""

    limit: int
    number: int

    @property
    def start(self) -> int:
        """Index of the page's first row."""
        return (self.number - 1) * self.limit


def page_of(query: Mapping[str, str], largest: int = LARGEST_LIMIT) -> Page:
    """The page asked for: 30 rows unless told, never more than the largest; TapdError 422 beyond the deepest
    row.
    """
    values = {}
    for name, default in (("limit", "30"), ("page", "1")):
        text = query.get(name) or default
        if not text.isdecimal() or int(text) < 1:
            raise TapdError(422, f"{name} must be a positive integer")
        values[name] = int(text)
    page = Page(min(values["limit"], largest), values["page"])
    if page.limit * page.number > DEEPEST_ROW:
        raise TapdError(422, f"limit * page must not exceed {DEEPEST_ROW}, please use cursor")
    return page


def selected(
    rows: Collection[Record],
    query: Mapping[str, str],
    defaults: Record,
    *,
    strict_after: bool = False,
    skip: Collection[str] = (),
) -> list[Record]:
    """The rows for which every filter in the query holds; keys that are no field of the rows are ignored."""
    tests = [
        (name, _predicate(name, text, strict_after))
        for name, text in query.items()
        if name in defaults and name not in skip and name != "workspace_id" and text
    ]
    return [row for row in rows if all(test(_text(row.get(name, defaults[name]))) for name, test in tests)]


def ordered(rows: list[Record], query: Mapping[str, str], defaults: Record) -> list[Record]:
    """The rows by ``order=field asc|desc``; newest first when nothing sensible is asked. Ties go by id."""
    name, _, direction = (query.get("order") or "created desc").strip().partition(" ")
    if name not in defaults:
        name, direction = "created", "desc"

    def key(row: Record) -> tuple[tuple[int, str], tuple[int, str]]:
        value, row_id = _text(row.get(name, defaults[name])), _text(row.get("id"))
        return (len(value) if name.endswith("id") else 0, value), (len(row_id), row_id)

    return sorted(rows, key=key, reverse=direction.strip().lower() == "desc")


def narrowed(row: Record, query: Mapping[str, str]) -> Record:
    """The row with only the fields asked for.

    When none of them is a field the whole row is served: that is why ``fields=labels`` returns everything.
    """
    names = [name.strip() for name in query.get("fields", "").split(",")]
    wanted = [name for name in names if name in row]
    return {name: row[name] for name in wanted} if wanted else row


def is_day(text: str) -> bool:
    """Whether a filter value is one plain date."""
    return _TIME.fullmatch(text) is not None and len(text) == 10


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _predicate(name: str, text: str, strict_after: bool) -> Predicate:
    if name in TIME_FIELDS:
        return _time_predicate(name, text, strict_after)
    if operator := _OPERATOR.fullmatch(text):
        return _operator_predicate(operator[1], operator[2])
    if text.startswith("<>"):
        return lambda value: value != text[2:]
    if name in TEXT_FIELDS:
        return lambda value: text.lower() in value.lower()
    if name in PEOPLE_FIELDS:
        if "|" in text:
            return _operator_predicate("USER_OR", text)
        return lambda value: set(filter(None, text.split(";"))) <= set(value.split(";"))
    if name == "id" or name.endswith("_id"):
        ids = set(re.split(r"[,|]", text))
        return lambda value: value in ids
    choices = set(text.split("|"))
    return lambda value: value in choices


def _operator_predicate(operator: str, text: str) -> Predicate:
    parts = [part for part in text.split("|") if part]
    match operator:
        case "EQ":
            return lambda value: value == text
        case "NOT_EQ":
            return lambda value: value != text
        case "LIKE":
            return lambda value: text.lower() in value.lower()
        case "LIKE_OR":
            return lambda value: any(part.lower() in value.lower() for part in parts)
        case "CONTAINS":
            return lambda value: set(parts) <= set(re.split(r"[|;]", value))
        case _:
            return lambda value: not set(parts).isdisjoint(re.split(r"[|;]", value))


def _time_predicate(name: str, text: str, strict_after: bool) -> Predicate:
    first, tilde, last = text.partition("~")
    bounds = [first, last] if tilde else [text.lstrip("<>")]
    if any(_TIME.fullmatch(bound) is None for bound in bounds):
        raise TapdError(422, f"{name} must be a time such as 2016-02-01 or 2016-02-01 14:00:00")
    if tilde:
        end = last + "9999-12-31 23:59:59"[len(last) :]
        return lambda value: bool(value) and first <= value <= end
    if text.startswith("<>"):
        return lambda value: not value.startswith(bounds[0])
    if text.startswith("<"):
        return lambda value: bool(value) and value < bounds[0]
    if text.startswith(">"):
        low = bounds[0]
        if strict_after or len(low) > 10:
            low += "0000-00-00 00:00:00"[len(low) :]
            return lambda value: value > low
        return lambda value: value >= low
    return lambda value: value.startswith(text)
