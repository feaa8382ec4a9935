"""The frame of GitLab events: one row per event, columns of codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from metrics_api.columns import NEVER, Array, Buffer, Codes, Mask, earliest
from metrics_api.context import Context
from metrics_api.core.days import day_numbers
from metrics_api.core.fact_types import EventFact
from metrics_api.query import EMPTY, Query
from metrics_api.selection import allowed

CODED = ("project", "action", "ref", "branch")


@dataclass(frozen=True)
class EventFrame:
    """A snapshot of events: `at` in epoch seconds, `codes` the coded fields, `live` which rows count.

    `first_at` (by project code) is the oldest event of a project, NEVER without any.
    """

    size: int
    at: Array
    codes: Mapping[str, Array]
    dictionaries: Mapping[str, Codes]
    live: Mask
    first_at: Array
    context: Context

    @property
    def items(self) -> int:
        """How many events count."""
        return int(self.live.sum())

    def field_values(self, field: str) -> tuple[Array, Sequence[str]]:
        """(code of each event, value of each code) of a field."""
        if field not in ("product", "component"):
            return self.codes[field], list(self.dictionaries[field].values)
        known = [self.context.projects.get(key) for key in list(self.dictionaries["project"].values)]
        values = [(one.product if field == "product" else one.path) if one else "" for one in known]
        return self.codes["project"], values

    def values_within(self, field: str, products: frozenset[str] | None) -> set[str]:
        """The values a field ever had in some products (None: all), "" among them."""
        codes, values = self.field_values(field)
        if products is None:
            return set(values)
        projects, names = self.field_values("product")
        inside = self.live & np.array([name in products for name in names], dtype=np.bool_)[projects]
        return {values[code] for code in np.unique(codes[inside]).tolist()}

    def texts(self, field: str, rows: Array) -> pd.Categorical:
        """The values of a field in some rows, in the order of their names, N/A last."""
        codes, values = self.field_values(field)
        shown = [value or EMPTY for value in values]
        names = sorted(set(shown), key=lambda name: (name == EMPTY, name))
        place = {name: at for at, name in enumerate(names)}
        table = np.array([place[name] for name in shown], dtype=np.int64)
        return pd.Categorical.from_codes(
            table[codes[rows]], pd.Index(names, dtype=object)
        ).remove_unused_categories()

    def selected(self, query: Query) -> Mask:
        """The events that count under the query's filters.

        What a webhook of a group or of the system tells of projects nobody collects does not.
        """
        known = [key in self.context.projects for key in list(self.dictionaries["project"].values)]
        mask: Mask = self.live & np.array(known, dtype=np.bool_)[self.codes["project"]]
        for field in dict.fromkeys(one.key for one in query.filters):
            codes, values = self.field_values(field)
            mask &= allowed(values, [one for one in query.filters if one.key == field])[codes]
        if query.products is not None:
            codes, values = self.field_values("product")
            mask &= np.array([value in query.products for value in values], dtype=np.bool_)[codes]
        return mask

    def days(self, zone: str) -> Array:
        """The day number of each event in a zone."""
        return day_numbers(self.at, zone)


class EventTable:
    """The growing columns behind the snapshots of events; written by one task only."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._at = Buffer(np.uint32)
        self._coded = {name: Buffer(np.uint16) for name in CODED}
        self.dictionaries = {name: Codes() for name in CODED}
        self._rows: dict[str, int] = {}
        self._dead: list[int] = []
        self._first_at: Array = np.full(1, NEVER, dtype=np.uint32)

    @property
    def size(self) -> int:
        """How many rows stand in the columns, dead ones included."""
        return self._at.size

    @property
    def wasteful(self) -> bool:
        """True when so many rows are dead that a fresh table is worth its making."""
        return len(self._dead) > 50_000 and len(self._dead) * 5 > self.size

    def set_context(self, context: Context) -> None:
        """Take over another context; codes stay."""
        self.context = context

    def apply(self, facts: Iterable[EventFact]) -> None:
        """Take facts over."""
        first = self.size
        at: list[int] = []
        values: dict[str, list[str]] = {name: [] for name in CODED}
        for fact in facts:
            before = self._rows.pop(fact["_id"], None)
            if before is not None:
                self._dead.append(before)
            if fact["tombstone"]:
                continue
            self._rows[fact["_id"]] = self.size + len(at)
            at.append(fact["at"])
            values["project"].append(f"{fact['instance']}:{fact['project']}")
            values["action"].append(fact["action"])
            values["ref"].append(fact["ref"])
            values["branch"].append(fact["branch"])
        self._at.extend(np.array(at, dtype=np.uint32))
        for name, coded in self._coded.items():
            coded.extend(np.array(self.dictionaries[name].encode(values[name]), dtype=np.uint32))
        self._first_at = earliest(
            self._first_at, self._coded["project"].view()[first:], self._at.view()[first:]
        )

    def snapshot(self) -> EventFrame:
        """The rows as they are now, safe to read in a thread while more are appended."""
        live = np.ones(self.size, dtype=np.bool_)
        live[self._dead] = False
        codes = {name: coded.view(self.size) for name, coded in self._coded.items()}
        at = self._at.view(self.size)
        return EventFrame(self.size, at, codes, self.dictionaries, live, self._first_at, self.context)
