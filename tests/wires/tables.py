"""A question and the tables it is answered from: buckets, what stands at their ends, what changes in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from math import ceil
from typing import Any

import holidays
import numpy as np
import pandas as pd
from pandas.api.types import is_string_dtype

from tests.reference.told import Kind
from tests.wires.exported import OPEN_END, ZONE, Exported

Table = pd.DataFrame
STEPS = {"1d": "D", "1w": "W-MON", "1M": "MS"}
# What tells of a stretch and is no value that is judged as of then or as of now.
OF_STRETCHES = ("item", "why", "flag", "stage", "status", "workspace")
# When work begins unless it is configured, and how long it lasts.
BEGINS_S, WORKED_S = 9 * 3600 + 1800, 9 * 3600


@dataclass(frozen=True)
class Asked:
    """A question about items: the values that filters leave, options, and the window in epoch seconds."""

    exported: Exported
    kind: Kind
    filters: Mapping[str, Sequence[str]]
    options: Mapping[str, str]
    start: int
    now: int
    last_only: bool = False

    @property
    def by(self) -> str:
        return self.options.get("by", "")

    @property
    def zone(self) -> str:
        """Whose days are meant."""
        return self.options.get("tz", ZONE)

    @cached_property
    def grid(self) -> Table:
        """The buckets: `start` and `end`, the last one as far as it has come, now's second within it."""
        moments = (self.start, self.now)
        first, today = (pd.Timestamp(at, unit="s", tz=self.zone).normalize() for at in moments)
        tomorrow = today + pd.DateOffset(days=1)
        step = self.options.get("step", "1d")
        if self.last_only:
            days = pd.DatetimeIndex([today, tomorrow])
        elif step == "all":
            days = pd.DatetimeIndex([first, tomorrow])
        else:
            back = {"1d": 0, "1w": first.weekday(), "1M": first.day - 1}[step]
            begin = first - pd.DateOffset(days=back)
            days = pd.date_range(begin, tomorrow + pd.DateOffset(days=40), freq=STEPS[step])
            days = days[: int((days <= today).sum()) + 1]
        edges = seconds(days.to_series())
        return pd.DataFrame({"start": edges[:-1], "end": np.minimum(edges[1:], self.now + 1)})

    @property
    def starts(self) -> pd.Index[int]:
        return pd.Index(self.grid["start"], name="at")

    @cached_property
    def spans(self) -> Table:
        """All stretches of the kind; `inside` are those that the question selects."""
        every = self.exported.spans(self.kind)
        found = every[every["start"] <= self.now].copy()
        found.loc[found["stop"] > self.now, "stop"] = OPEN_END
        level = self.options.get("level", "leaf")
        found["inside"] = (level == "all") | (found["parent"] == (level == "parent"))
        if self.options.get("deleted") == "exclude":
            found["inside"] &= found["why"] == ""
        now = self.options.get("asof") == "now"
        judged = found.groupby("item").transform("last") if now else found
        for name, values in self.filters.items():
            found["inside"] &= judged[name].isin(values)
        told = [name for name in judged if is_string_dtype(judged[name]) and name not in OF_STRETCHES]
        return found.assign(**{str(name): judged[name] for name in told})

    def values(self, name: str) -> list[str]:
        """The values that a field has or ever had where the question looks."""
        return [str(one) for one in self.spans[self.spans["inside"]][name].unique()]

    def took(self, start: Any, stop: Any) -> Any:
        """Seconds from some instants to others, with `calendar=work` those of work."""
        if self.options.get("calendar") != "work":
            return stop - start
        return _worked(stop) - _worked(start)

    @property
    def workspaces(self) -> list[str]:
        """The workspaces of the products asked for."""
        named = self.filters.get("product", list(self.exported.products.values()))
        return [one for one, product in self.exported.products.items() if product in named]

    @cached_property
    def steps(self) -> Table:
        """The stretches beside those before them: the columns of these are called `was_…`."""
        spans = self.spans
        before = spans.groupby("item")[["inside", "open", "resolved", "flag", "place", "stage"]].shift()
        told = before.add_prefix("was_")
        for name in ("inside", "open", "resolved"):
            told[f"was_{name}"] = told[f"was_{name}"].eq(True)
        first = ~spans["item"].duplicated()
        last = ~spans["item"].duplicated(keep="last")
        return spans.assign(**{str(name): told[name] for name in told}, first=first, last=last)

    @cached_property
    def standing(self) -> Table:
        """The selected items in their stretches at the end of each bucket; `until` is that end, or now."""
        rows = self.spans[self.spans["inside"]]
        ends = self.grid["end"].to_numpy()
        low, high = (np.searchsorted(ends, rows[name], side="right") for name in ("start", "stop"))
        times = high - low
        found = rows.loc[rows.index.repeat(times)].reset_index(drop=True)
        place = np.arange(len(found)) - np.repeat(np.cumsum(times) - times, times) + np.repeat(low, times)
        return found.assign(at=self.starts[place], until=np.minimum(ends, self.now)[place])

    def days_that_count(self, days: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Some days, with `calendar=work` those of work."""
        if self.options.get("calendar") != "work":
            return days
        every = _days_of_work()[0]
        return days[pd.Index(days.date).isin(every["day"][every["works"]].dt.date)]

    def bucket(self, instants: Any) -> np.ndarray[Any, Any]:
        """The start of the bucket that each instant is in; -1 outside the window."""
        place = np.searchsorted(self.starts, np.asarray(instants, dtype=np.int64), side="right") - 1
        inside = (place >= 0) & (np.asarray(instants) <= self.now)
        return np.where(inside, np.asarray(self.starts)[place], -1)

    def per_bucket(self, instants: Any) -> pd.Series[int]:
        """How many of the instants are in each bucket."""
        return (
            pd.Series(self.bucket(instants), dtype="int64").value_counts().reindex(self.starts, fill_value=0)
        )

    def counted(self, table: Table, by: str | list[str] = "") -> Table:
        """How many rows a table with `at` has in each bucket, of all or by some columns."""
        keys = [by] if isinstance(by, str) else by
        if keys == [""]:
            return table.groupby("at").size().reindex(self.starts, fill_value=0).to_frame("all")
        counts = table.groupby(["at", *keys]).size().unstack(keys, fill_value=0)
        if len(keys) > 1:
            counts.columns = ["/".join(one) for one in counts.columns]
        return counts.reindex(self.starts, fill_value=0)

    def shares(self, rows: Table, some: Any) -> pd.Series[float]:
        """Which share of the rows of each bucket are some of them; nothing where there are none."""
        return some.groupby(rows["at"]).mean().reindex(self.starts)

    def ranked(self, values: pd.Series[Any], at: Any, quantiles: str) -> Table:
        """Percentiles by nearest rank, those above the median from five values on, and how many there are."""
        groups = values.groupby(np.asarray(at))
        size = groups.size().reindex(self.starts, fill_value=0)
        found = {}
        for q in quantiles.strip("{}").split(","):
            rank = groups.apply(lambda some, q=q: some.nsmallest(ceil(Fraction(q) * len(some) / 100)).max())
            found[f"p{q}"] = rank.reindex(self.starts).where((size >= 5) | (float(q) <= 50))
        return pd.DataFrame(found | {"n": size})


@cache
def _days_of_work() -> tuple[Table, np.ndarray[Any, Any]]:
    """China's days, each with whether it is one of work, and the seconds of work before each."""
    days = pd.DataFrame({"day": pd.date_range("2024-01-01", "2027-12-31", tz=ZONE)})
    kept = holidays.country_holidays("CN", years=range(2024, 2028))
    dates = days["day"].dt.date
    shifted = dates.isin(kept.weekend_workdays)
    days["works"] = shifted | ((days["day"].dt.day_of_week < 5) & ~dates.isin(list(kept)))
    return days, np.append(0, (days["works"] * WORKED_S).cumsum())


def _worked(instants: Any) -> Any:
    """Seconds of work until some instants, from half past nine to half past six."""
    days, before = _days_of_work()
    midnights = seconds(days["day"])
    place = np.searchsorted(midnights, np.asarray(instants, dtype=np.int64), side="right") - 1
    today = np.clip(np.asarray(instants) - midnights[place] - BEGINS_S, 0, WORKED_S)
    return pd.Series(before[place] + today * days["works"].to_numpy()[place], index=instants.index)


def seconds(times: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Times with a zone as epoch seconds."""
    return times.dt.tz_convert("UTC").astype("datetime64[s, UTC]").astype("int64").to_numpy()
