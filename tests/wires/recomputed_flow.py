"""The flow of bugs and stories worked out with pandas from exported lines, as docs/definitions.md says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tests.wires.tables import Asked, Table, seconds


def cumulative(asked: Asked) -> Table:
    """Bands, or those who ever came to each stage."""
    if asked.options.get("mode") == "arrivals":
        reached = _reached(asked)
        ends = asked.grid["end"].to_numpy()
        counts = {name: np.searchsorted(np.sort(at), ends) for name, at in reached.items()}
        return pd.DataFrame(counts, index=asked.starts)
    rows = asked.standing
    if asked.options.get("done_from") == "range":
        rows = rows[rows["open"] | (rows["entered"] >= asked.starts[0])]
    return asked.counted(rows, "stage")


def _reached(asked: Asked) -> dict[str, Any]:
    """When each item was first in scope with its high-water mark at each stage up to done, or beyond."""
    spans = asked.spans
    stages, over = list[str](), list[str]()
    # What the next workspace adds to the order of the first follows what it follows there; done comes last.
    for scope in asked.workspaces:
        place = 0
        for name, flag in asked.exported.stages[asked.kind, scope]:
            if flag == "done" and name not in over:
                over.append(name)
            elif flag in ("waiting", "active") and name not in stages:
                stages.insert(place, name)
            place = stages.index(name) + 1 if name in stages else place
    stages += over
    marks = spans["stage"].map({name: n for n, name in enumerate(stages)})
    marks = marks.mask(spans["flag"] == "dropped", len(stages) - 1).fillna(-1)
    mark = marks.groupby(spans["item"]).cummax()
    return {
        name: spans[spans["inside"] & (mark >= n)].groupby("item")["start"].min()
        for n, name in enumerate(stages)
    }


def wip(asked: Asked) -> Table:
    """Items in a stage from the first active one up to done."""
    return asked.counted(asked.standing[asked.standing["works"]], asked.by)


def age(asked: Asked) -> Table:
    """Since their first entry to such a stage after they were last over, or since the first of all."""
    spans = asked.spans
    lives = (~spans["open"] & (asked.options.get("since") != "first")).groupby(spans["item"]).cumsum()
    began = spans["start"].where(spans["works"]).groupby([spans["item"], lives]).transform("min")
    rows = asked.standing[asked.standing["works"]]
    begun = pd.concat([spans[["item", "start"]], began.rename("began")], axis=1)
    rows = rows.merge(begun, on=["item", "start"])
    ages = asked.took(rows["began"], rows["until"])
    found = asked.ranked(ages, rows["at"], asked.options.get("q", "50,85"))
    return found.assign(max=ages.groupby(rows["at"]).max().reindex(asked.starts))


def ended(asked: Asked, *flags: str) -> Table:
    """Items that are over in the end, each with its last entry to it, the bucket and how long it took."""
    spans = asked.spans
    run = (spans["flag"] != spans.groupby("item")["flag"].shift()).groupby(spans["item"]).cumsum()
    last = spans[run == run.groupby(spans["item"]).transform("max")]
    # What was over ever since its creation, and says that it came to be so later, came then.
    untold = (last["start"] == last["created"]) & last["completed"].notna()
    entries = last.assign(untold=untold.groupby(last["item"]).transform("max"))
    since = entries["start"].where(~entries["untold"], entries["completed"])
    entries = entries.assign(start=since)[~entries["untold"] | (entries["stop"] > since)]
    entries = entries[~entries["item"].duplicated() & entries["flag"].isin(flags)]
    entries = entries[entries["inside"]].assign(at=lambda found: asked.bucket(found["start"]))
    negative = entries["early"] & (entries["start"] == entries["created"])
    return entries.assign(took=asked.took(entries["created"], entries["start"]), negative=negative)


def throughput(asked: Asked) -> Table:
    """Completions, and beside them what was dropped."""
    done, dropped = ended(asked, "done"), ended(asked, "dropped")
    counts = {"all": asked.per_bucket(done["start"]), "dropped": asked.per_bucket(dropped["start"])}
    return pd.DataFrame(counts)


def lead_time(asked: Asked) -> Table:
    """From the creation to the completion."""
    done = ended(asked, "done")
    timed = done[~done["negative"]]
    found = asked.ranked(timed["took"], timed["at"], _quantiles(asked))
    return found.assign(negative_n=asked.per_bucket(done[done["negative"]]["start"]))


def cycle_time(asked: Asked) -> Table:
    """From the first entry to an active stage to the completion."""
    done, spans = ended(asked, "done"), asked.spans
    began = done["item"].map(spans[spans["flag"] == "active"].groupby("item")["start"].min())
    timed = done[began.notna()]
    found = asked.ranked(asked.took(began[began.notna()], timed["start"]), timed["at"], _quantiles(asked))
    skipped = done[began.isna() & ~done["negative"]]
    return found.assign(
        skipped_n=asked.per_bucket(skipped["start"]),
        negative_n=asked.per_bucket(done[done["negative"]]["start"]),
    )


def _visits(asked: Asked) -> tuple[Table, Table]:
    """Completed items by their ids, and their stretches before the completion with how long these were."""
    done = ended(asked, "done").set_index("item")
    spans = asked.spans[asked.spans["item"].isin(done.index)]
    before = spans[spans["start"] < spans["item"].map(done["start"])]
    return done, before.assign(took=asked.took(before["start"], before["stop"]))


def stage_time(asked: Asked) -> Table:
    """All visits to a stage together."""
    done, before = _visits(asked)
    found = {}
    for stage, visits in before[before["open"]].groupby("stage"):
        total = visits.groupby("item")["took"].sum()
        lines = asked.ranked(total, total.index.map(done["at"]), _quantiles(asked))
        found |= {f"{stage}/{name}": lines[name] for name in lines}
    return pd.DataFrame(found, index=asked.starts)


def efficiency(asked: Asked) -> Table:
    """Time in active stages over that in active and waiting ones; every workspace has a waiting stage."""
    done, before = _visits(asked)
    spent = before.groupby(["item", "flag"])["took"].sum().unstack(fill_value=0)
    total = spent["active"] + spent["waiting"]
    share = (spent["active"] / total)[total > 0]
    return asked.ranked(share, share.index.map(done["at"]), _quantiles(asked))


def _quantiles(asked: Asked) -> str:
    return asked.options.get("q", "50,85,95")


def read_off(asked: Asked) -> Table:
    """What the curves of the first stage and of done say, of the days of each bucket."""
    first = min(asked.spans["start"].min(), asked.starts[0])
    midnight, now = (pd.Timestamp(at, unit="s", tz=asked.zone).normalize() for at in (first, asked.now))
    edges = seconds(pd.date_range(midnight, now + pd.DateOffset(days=1)).to_series())
    starts, ends = edges[:-1], np.minimum(edges[1:], asked.now + 1)
    reached = list(_reached(asked).values())
    came, went = (np.searchsorted(np.sort(at), ends) for at in (reached[0], reached[-1]))
    found = []
    for start, end in asked.grid.itertuples(index=False):
        inside = np.flatnonzero((starts >= start) & (starts < end))
        before = went[inside[0] - 1] if inside[0] else 0
        pace, held = (went[inside[-1]] - before) / len(inside), (came - went)[inside].sum() / len(inside)
        lead = inside[-1] - np.searchsorted(came, went[inside[-1]]) if went[inside[-1]] else np.nan
        found.append((lead * 86_400, pace, held, held - pace * lead))
    return pd.DataFrame(found, columns=["lead_time", "throughput", "wip", "residual"], index=asked.starts)


def burnup(asked: Asked) -> Table:
    """Scope and done; with one iteration also what it began with, and the line from there to its end."""
    standing, steps = asked.standing, asked.steps
    plan = asked.exported.everywhere("iterations")
    for name, field in (("iteration", "name"), ("product", "product")):
        plan = plan[plan[field].isin(asked.filters.get(name, plan[field]))]
    planned = "iteration" in asked.filters
    start = (
        pd.Timestamp(plan["startdate"].min(), tz=asked.zone) if planned else pd.Timestamp(0, tz=asked.zone)
    )
    end = pd.Timestamp(plan["enddate"].max(), tz=asked.zone)
    begun = int((start + pd.DateOffset(days=1)).timestamp())
    came = steps[steps["inside"] & ~steps["was_inside"] & (steps["start"] >= begun)]["start"]
    found = pd.DataFrame(
        {
            "scope": asked.counted(standing)["all"],
            "done": asked.counted(standing[standing["flag"] == "done"])["all"],
            "added": asked.per_bucket(came),
            "removed": asked.per_bucket(_leavings(asked, steps["inside"]).loc[lambda at: at >= begun]),
        }
    )
    if not planned:
        return found
    spans = asked.spans[asked.spans["inside"]]
    committed = int(((spans["start"] < begun) & (spans["stop"] >= begun)).sum())
    days = pd.to_datetime(asked.starts, unit="s", utc=True).tz_convert(asked.zone)
    line = committed * ((days - start) / (end - start))
    return found.assign(
        committed=np.where(days >= start, committed, np.nan),
        ideal=np.where((days >= start) & (days <= end), line, np.nan),
    )


def _leavings(asked: Asked, inside: pd.Series[bool]) -> pd.Series[int]:
    """When items left: what was inside before is so no longer, or the item ended."""
    steps = asked.steps
    after = inside.groupby(steps["item"]).shift(-1).eq(True)
    return steps[inside & ~after & (steps["stop"] <= asked.now)]["stop"]


def burndown(asked: Asked) -> Table:
    """What is open, and what changed that; in hours, the estimates that stories have, which never change."""
    steps = asked.steps
    effort = asked.options.get("unit") == "effort"
    hours = asked.exported.everywhere("stories").set_index("id")["remain"].replace("", None).astype(float)

    def weighed(rows: Table, at: Any) -> pd.Series[float]:
        weights = rows["item"].map(hours).fillna(0) if effort else pd.Series(1, index=rows.index)
        return weights.groupby(np.asarray(at)).sum().reindex(asked.starts, fill_value=0)

    def began(some: pd.Series[bool]) -> pd.Series[float]:
        return weighed(steps[some], asked.bucket(steps[some]["start"]))

    inside, was = steps["inside"], steps["was_inside"]
    standing = asked.standing[asked.standing["open"]]
    here = inside & steps["open"]
    over = _leavings(asked, inside).index.intersection(steps.index[here])
    found = pd.DataFrame(
        {
            "remaining": weighed(standing, standing["at"]),
            "added": began(inside & ~was & (steps["open"] | steps["first"])),
            "reopened": began(here & was & ~steps["was_open"]),
            "done": began(inside & ~steps["open"] & ((was & steps["was_open"]) | steps["first"])),
            "removed": weighed(steps.loc[over], asked.bucket(steps.loc[over]["stop"])),
        }
    )
    unknown = standing[standing["item"].map(hours).isna()]
    return found.assign(unestimated_n=asked.counted(unknown)["all"]) if effort else found


def split(asked: Asked, made: Callable[[Asked], Table]) -> Table:
    """A line, or lines, for each value of `by` that anything has: those of a filter by it."""
    if not asked.by:
        return made(asked)
    found = {}
    rest = {name: value for name, value in asked.options.items() if name != "by"}
    for value in asked.values(asked.by):
        lines = made(replace(asked, filters={**asked.filters, asked.by: [value]}, options=rest))
        found |= {value if name == "all" else f"{value}/{name}": lines[name] for name in lines}
    return pd.DataFrame(found, index=asked.starts)
