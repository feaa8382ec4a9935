"""What is told of bugs, and events, worked out with pandas from exported lines: docs/definitions.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from tests.reference.told import Kind
from tests.wires.exported import ZONE
from tests.wires.tables import Asked, Table, seconds

# What a gate lets pass, and after how many days a bug is left alone too long; as shipped.
GATE = {"index": 10, "fatal": 0, "serious": 1}
PATIENCE = {"fatal": 3, "serious": 7}
WEIGHTS = {"fatal": 10.0, "serious": 3.0, "normal": 1.0, "prompt": 0.1, "advice": 0.0}
AGES = {"0-1": 0, "1-3": 1, "3-7": 3, "7-14": 7, "14-30": 14, "30-90": 30, ">90": 90}
# The field, and those of its values that mean found in production; as the API is configured.
FOUND_WHERE, PRODUCTION = "originphase", ("线上",)


def by_value(recomputed: Callable[[Asked], Table], asked: Asked) -> Table:
    """A split as what it is: each value has the lines it would have as a filter, whatever else is asked.

    The gate and the number of bugs without a weight are of all of them.
    """
    if not asked.by:
        return recomputed(asked)
    plain = replace(asked, options={name: one for name, one in asked.options.items() if name != "by"})
    whole = recomputed(plain)
    found = {name: whole[name] for name in whole if name in ("gate", "unknown")}
    # The lines of stories tell of bugs as well.
    kinds: dict[str, tuple[Kind, ...]] = {"bugs": ("bugs",), "stories": ("stories", "bugs")}
    values = pd.concat([asked.exported.spans(kind)[asked.by] for kind in kinds[asked.kind]])
    for value in values.unique():
        narrowed = recomputed(replace(plain, filters={**asked.filters, asked.by: [value]}))
        for line in narrowed:
            if line not in found:
                found[value if line == "all" else f"{value}/{line}"] = narrowed[line]
    return pd.DataFrame(found)


def changes(asked: Asked) -> Table:
    """The ledger."""
    steps = asked.steps
    inside, was = steps["inside"], steps["was_inside"]
    born, both = inside & steps["first"], inside & was
    last = inside & steps["last"] & (steps["stop"] <= asked.now)
    moved = last & (steps["why"] == "moved")
    back = steps["was_resolved"] & ~steps["resolved"] & steps["open"] & (steps["place"] < steps["was_place"])
    left = was & ~inside & steps["was_open"]
    at = {
        "created": steps[born]["start"],
        "reopened": steps[both & steps["open"] & ~steps["was_open"]]["start"],
        "returned": steps[both & back]["start"],
        "resolved": steps[steps["resolved"] & (born | (both & ~steps["was_resolved"]))]["start"],
        "closed": steps[~steps["open"] & (born | (both & steps["was_open"]))]["start"],
        "removed": steps[last & ~moved & steps["open"]]["stop"],
        "removed_closed": steps[last & ~moved & ~steps["open"]]["stop"],
        "moved_in": steps[inside & ~was & ~steps["first"] & steps["open"]]["start"],
        "moved_out": pd.concat([steps[left]["start"], steps[moved & steps["open"]]["stop"]]),
    }
    return pd.DataFrame({name: asked.per_bucket(instants) for name, instants in at.items()})


def reopenings(asked: Asked) -> Table:
    """The ledger's."""
    return changes(asked)[["reopened"]].rename(columns={"reopened": "all"})


def backlog(asked: Asked) -> Table:
    """Open bugs."""
    return asked.counted(asked.standing[asked.standing["open"]], asked.by)


def existing(asked: Asked) -> Table:
    """Bugs, open or not, by version."""
    return asked.counted(asked.standing, "version")


def created(asked: Asked) -> Table:
    """The creations."""
    rows = asked.steps[asked.steps["first"] & asked.steps["inside"]]
    return rows.assign(at=asked.bucket(rows["start"]))


def distribution(asked: Asked) -> Table:
    """Open bugs, or those created, by a field."""
    return asked.counted(created(asked), asked.by) if asked.options.get("of") == "created" else backlog(asked)


def matrix(asked: Asked) -> Table:
    """Open bugs by severity and stage."""
    return asked.counted(asked.standing[asked.standing["open"]], ["severity", "stage"])


def age(asked: Asked) -> Table:
    """Open bugs by days since their creation."""
    rows = asked.standing[asked.standing["open"]]
    days = (rows["until"] - rows["created"]) / 86_400
    band = pd.cut(days, [*AGES.values(), np.inf], right=False, labels=list(AGES)).astype(str)
    return asked.counted(rows.assign(band=band), "band")


def overdue(asked: Asked) -> Table:
    """Open bugs whose due day is over, by what their rows say today; and those without one."""
    rows = asked.exported.everywhere("bugs")
    due = rows["deadline"].replace("", None).fillna(rows["due"].replace("", None))
    days = (pd.to_datetime(due) + pd.Timedelta(days=1)).dt.tz_localize(asked.zone)
    over = dict(zip(asked.exported.items(rows["id"])[due.notna()], seconds(days[due.notna()]), strict=True))
    standing = asked.standing[asked.standing["open"]]
    after = standing["item"].map(over)
    return pd.DataFrame(
        {
            "overdue": asked.counted(standing[after <= standing["until"]])["all"],
            "no_due_n": asked.counted(standing[after.isna()])["all"],
        }
    )


def index(asked: Asked) -> Table:
    """Weights of open bugs, and the gate."""
    return _weighed(asked, asked.standing[asked.standing["open"]]).assign(gate=GATE["index"])


def introduced(asked: Asked) -> Table:
    """Weights of created bugs."""
    return _weighed(asked, created(asked))


def _weighed(asked: Asked, rows: Table) -> Table:
    """Sums of weights; nothing is known where nothing weighs anything, and `unknown` tells of how many."""
    group = rows[asked.by] if asked.by else pd.Series("all", index=rows.index)
    weights = rows["severity"].map(WEIGHTS)
    groups = weights.groupby([rows["at"], group])
    found = groups.sum(min_count=1).unstack().reindex(asked.starts)
    there = groups.size().unstack(fill_value=0).reindex(asked.starts, fill_value=0)
    unknown = asked.counted(rows[weights.isna()])["all"]
    return found.mask(there == 0, 0).assign(unknown=unknown)


def gate(asked: Asked) -> Table:
    """By how much each condition of the gate is exceeded, in the worst product, and how many are."""
    standing = asked.standing[asked.standing["open"]]
    if not asked.by:
        found = _exceeded(asked, standing)
    else:
        groups = {str(name): _exceeded(asked, rows) for name, rows in standing.groupby(asked.by)}
        found = pd.concat(groups, axis=1)
        found.columns = [name if line == "all" else f"{name}/{line}" for name, line in found.columns]
    return found.filter(regex=rf"(^|/){asked.options['of']}$") if "of" in asked.options else found


def _exceeded(asked: Asked, standing: Table) -> Table:
    """The same of some bugs. Where nobody knows what one weighs, an index within the gate may be above it."""
    found = pd.DataFrame(0.0, index=asked.starts, columns=list(GATE))
    unsure = pd.Series(False, index=asked.starts)
    for _, rows in standing.groupby("product"):
        have = asked.counted(rows, "severity").reindex(columns=list(GATE), fill_value=0).astype(float)
        weighed = _weighed(asked, rows.assign(**{asked.by: "all"}) if asked.by else rows)
        have["index"] = weighed["all"].fillna(0)
        unsure |= weighed["unknown"] > 0
        found = np.maximum(found, have - pd.Series(GATE))
    failing = (found > 0).sum(axis=1)
    found["index"] = found["index"].mask(unsure & (found["index"] == 0))
    return found.assign(all=failing.mask(unsure & (failing == 0)))


def untouched(asked: Asked) -> Table:
    """Open bugs of which nothing changed for longer than their severity allows."""
    rows = asked.standing[asked.standing["open"] & asked.standing["severity"].isin(PATIENCE)]
    changes = asked.exported.everywhere("bug_changes")
    more = changes[changes["field"].isin(("testphase", "resolution", "remain", "effort"))]
    at = seconds(pd.to_datetime(more["created"]).dt.tz_localize(ZONE))
    touches = pd.DataFrame({"item": asked.exported.items(more["bug_id"]), "until": at, "touched": at})
    rows = pd.merge_asof(rows.sort_values("until"), touches.sort_values("until"), on="until", by="item")
    alone = rows["until"] - rows[["start", "touched"]].max(axis=1)
    return asked.counted(rows[alone >= rows["severity"].map(PATIENCE) * 86_400], asked.by)


def escape_rate(asked: Asked) -> Table:
    """Of the bugs created, those found in production, by what the field says today."""
    born, spans = created(asked), asked.spans
    today = born["item"].map(spans.groupby("item")[FOUND_WHERE].last())
    known = born[today != "N/A"]
    share = asked.shares(known, today[known.index].isin(PRODUCTION))
    return pd.DataFrame({"all": share, "unknown_n": asked.per_bucket(born[today == "N/A"]["start"])})


def escape_version(asked: Asked) -> Table:
    """Of a version's bugs, those created after the day on which the release called like it was to end."""
    releases = asked.exported.everywhere("releases")
    ends = (pd.to_datetime(releases["enddate"]) + pd.Timedelta(days=1)).dt.tz_localize(asked.zone)
    after = pd.Series(seconds(ends), index=pd.MultiIndex.from_frame(releases[["product", "name"]]))
    day = after.groupby(level=[0, 1]).min()
    rows = asked.standing
    known = pd.MultiIndex.from_frame(rows[["product", "version"]])
    rows = rows.assign(day=day.reindex(known).to_numpy())
    found = {}
    for version, some in rows.groupby("version") if asked.by else [("", rows)]:
        dated = some[some["day"].notna()]
        late = asked.shares(dated, dated["created"] >= dated["day"])
        found[str(version) or "all"] = late
        found["/".join(filter(None, (str(version), "undated_n")))] = asked.counted(some[some["day"].isna()])[
            "all"
        ]
    return pd.DataFrame(found)


def density(asked: Asked) -> Table:
    """Bugs linked to stories for each story and for each unit of their size; and those linked to none."""
    links = asked.exported.everywhere("story_bugs")
    links = pd.DataFrame(
        {"story": links["story_id"], "bug": asked.exported.items(links["bug_id"].astype(str))}
    )
    every = replace(asked, kind="bugs", filters={})
    bugs = every.standing
    stories = asked.standing
    size = asked.exported.everywhere("stories").set_index("id")["size"].replace("", None).astype(float)
    sizes = stories["item"].map(size).fillna(0)
    linked = links[links["bug"].isin(bugs["item"])]

    def distinct(some: pd.Series[str]) -> int:
        return int(linked[linked["story"].isin(some)]["bug"].nunique())

    shared = {
        name: told for name, told in asked.filters.items() if name in ("product", "workspace", "iteration")
    }
    alone = replace(every, filters=shared).standing
    alone = alone[~alone["item"].isin(links["bug"])]
    return pd.DataFrame(
        {
            "density": distinct(stories["item"]) / (len(stories) or np.nan),
            "per_size": distinct(stories["item"][sizes > 0]) / (sizes.sum() or np.nan),
            "unlinked_n": len(alone),
        },
        index=asked.starts,
    )


def events(asked: Asked) -> Table:
    """GitLab's events by action."""
    rows = events_of(asked)
    return asked.counted(rows.assign(at=asked.bucket(rows["at"])), "action_name")


def events_of(asked: Asked) -> Table:
    """The events of the products asked for."""
    rows = asked.exported.events
    return rows[rows["product"].isin(asked.filters.get("product", rows["product"]))]
