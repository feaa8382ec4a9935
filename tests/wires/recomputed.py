"""The cumulative flow and the ledger worked out with pandas alone, from exported bugs and changes.

Written from docs/definitions.md as an analyst would, for the two products of the generated company.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from metrics_api.client import frame

ZONE = "Asia/Shanghai"
DAY = pd.Timedelta(days=1)
# The guessed stages: reopened bugs are worked on; the others are named by TAPD's codes, else by their labels.
STAGES = {
    "云盘 & 协作": ["new", "in_progress", "resolved", "verified", "closed", "rejected"],
    "智行 车载终端": [
        *("new", "待评审", "in_progress", "待转测", "挂起", "resolved", "verified", "closed", "rejected"),
    ],
}
STAGE_OF = {"reopened": "in_progress", "status_2": "待评审", "status_3": "待转测", "status_4": "挂起"}
OVER = ["closed", "rejected"]


@dataclass(frozen=True)
class Histories:
    """Stretches of time in one stage: bug, start, stop (NaT while it lasts), stage, and how each began and
    ended: a stretch may begin with an arrival from another workspace and end with a removal."""

    rows: pd.DataFrame
    stages: list[str]


def histories(api: str, product: str, workspace: str, other: str) -> Histories:
    """The bugs of a workspace that bugs of the other one may have moved to and from."""
    changes = _read(api, "bug_changes", workspace)
    moved_here = _moves(_read(api, "removed_bugs", other), workspace)
    told = changes[(changes["field"] == "status") & (changes["change_type"] == "")]
    # Steps of a parallel workflow: a number and nothing.
    told = told[~told[["old_value", "new_value"]].isin(["", None]).any(axis=1)]
    # They come in the order in which they were collected.
    told = told.sort_values(["created", "id"])
    bugs, removed = _read(api, "bugs", workspace), _read(api, "removed_bugs", workspace)
    removed = removed[~removed["id"].isin(bugs["id"])]
    known = pd.concat([bugs.assign(gone=pd.NaT, why=""), _gone(removed)], ignore_index=True)
    born = known.set_index("id")["created"]
    first = told.groupby("bug_id")["old_value"].first()
    starts = pd.DataFrame({"bug": born.index, "start": born.to_numpy()})
    starts["status"] = starts["bug"].map(first).fillna(starts["bug"].map(known.set_index("id")["status"]))
    # What was removed before anyone looked and never changed was in the first status.
    starts["status"] = starts["status"].fillna("new")
    steps = told.rename(columns={"bug_id": "bug", "created": "start", "new_value": "status"})
    last = told.groupby("bug_id")["new_value"].last()
    rows = bugs[bugs["id"].map(last).notna() & (bugs["id"].map(last) != bugs["status"])]
    mended = rows.rename(columns={"id": "bug", "modified": "start"})
    columns = ["bug", "start", "status"]
    found = pd.concat([starts[columns], steps[columns], mended[columns]], ignore_index=True)
    found["start"] = pd.to_datetime(found["start"]).dt.tz_localize(ZONE)
    found = found.sort_values("start", kind="stable").drop_duplicates(["bug", "start"], keep="last")
    ends = known.set_index("id")
    found["arrived"] = pd.to_datetime(found["bug"].map(moved_here)).dt.tz_localize(ZONE)
    found["gone"] = pd.to_datetime(found["bug"].map(ends["gone"])).dt.tz_localize(ZONE)
    found["why"] = found["bug"].map(ends["why"])
    return Histories(_stretched(found), STAGES[product])


def _read(api: str, path: str, workspace: str) -> pd.DataFrame:
    return frame(f"{api}/api/v1/tapd/{path}", workspace_id=workspace)


def _gone(removed: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": removed["id"],
            "created": removed["created"],
            "gone": removed["modified"],
            "why": removed["type"].replace({"merge": "delete"}),
        }
    )


def _moves(removed: pd.DataFrame, workspace: str) -> dict[Any, Any]:
    """When bugs came from there, by their ids here."""
    moved = removed[removed["type"] == "move"]
    here = moved["new_bug_url"].str.extract(rf"/{workspace}/.*bug_id=(\d+)")[0]
    return dict(zip(here, moved["modified"], strict=True))


def _stretched(found: pd.DataFrame) -> pd.DataFrame:
    """Of each bug's stages those stretches that lie in this workspace."""
    found = found.sort_values(["bug", "start"]).copy()
    found["stage"] = found["status"].replace(STAGE_OF)
    found["stop"] = found.groupby("bug")["start"].shift(-1)
    found["stop"] = found["stop"].fillna(found["gone"])
    inside = found["arrived"].isna() | found["stop"].isna() | (found["stop"] > found["arrived"])
    found = found[inside].copy()
    found["born"] = ~found["bug"].duplicated()
    late = found["arrived"].notna() & (found["start"] < found["arrived"])
    found.loc[late, "start"] = found["arrived"]
    found["before"] = found.groupby("bug")["stage"].shift()
    found["last"] = ~found["bug"].duplicated(keep="last")
    return found


def cumulative(found: Histories, days: pd.DatetimeIndex) -> pd.DataFrame:
    """How many bugs are in each stage at the end of each day."""
    rows, ends = found.rows, days + DAY
    counts = {
        stage: [
            int(((one["start"] < end) & ~(one["stop"] < end)).sum())
            for one in [rows[rows["stage"] == stage]]
            for end in ends
        ]
        for stage in found.stages
    }
    return pd.DataFrame(counts, index=days)


def ledger(found: Histories, days: pd.DatetimeIndex) -> pd.DataFrame:
    """What became of bugs on each day."""
    rows, order = found.rows, {stage: place for place, stage in enumerate(found.stages)}
    over, was_over = rows["stage"].isin(OVER), rows["before"].isin(OVER)
    born, came = rows["born"] & rows["arrived"].isna(), rows["born"] & rows["arrived"].notna()
    went = rows["last"] & rows["gone"].notna()
    back = rows["stage"].map(order) < rows["before"].map(order)
    moves = {
        "created": rows[born]["start"],
        "reopened": rows[was_over & ~over]["start"],
        "returned": rows[(rows["before"] == "resolved") & ~over & back]["start"],
        "resolved": rows[(rows["stage"] == "resolved") & (rows["before"] != "resolved") & ~came]["start"],
        "closed": rows[over & ~was_over & ~came]["start"],
        "removed": rows[went & (rows["why"] != "move") & ~over]["gone"],
        "removed_closed": rows[went & (rows["why"] != "move") & over]["gone"],
        "moved_in": rows[came & ~over]["start"],
        "moved_out": rows[went & (rows["why"] == "move") & ~over]["gone"],
    }
    counts = {
        name: instants.dt.normalize().value_counts().reindex(days, fill_value=0)
        for name, instants in moves.items()
    }
    return pd.DataFrame(counts, index=days)
