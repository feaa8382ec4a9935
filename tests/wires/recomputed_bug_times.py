"""What happened to bugs and how long it took, worked out with pandas: docs/definitions.md, section 2."""

from __future__ import annotations

import pandas as pd

from tests.wires.recomputed_bugs import created
from tests.wires.recomputed_flow import ended
from tests.wires.tables import Asked, Table


def reopen_rate(asked: Asked) -> Table:
    """Of the bugs that were over for the first time in a bucket, those that came back later."""
    steps = asked.steps
    over = steps[steps["resolved"] | ~steps["open"]].groupby("item").head(1)
    over = over[over["inside"]].assign(at=lambda found: asked.bucket(found["start"])).set_index("item")
    later = steps[steps["start"] > steps["item"].map(over["start"])]
    later = later[later["open"] & ~later["first"]]
    reopened = later[~later["was_open"]]
    back = later["was_open"] & later["was_resolved"] & ~later["resolved"]
    returned = later[back & (later["place"] < later["was_place"])]
    came = {"all": pd.concat([reopened, returned]), "reopened": reopened, "returned": returned}
    return pd.DataFrame(
        {
            name: asked.shares(over, pd.Series(over.index.isin(some["item"]), index=over.index))
            for name, some in came.items()
        }
    )


def invalid_rate(asked: Asked) -> Table:
    """Dropped among those that ended."""
    every = ended(asked, "done", "dropped")
    return asked.shares(every, every["flag"] == "dropped").to_frame("all")


def fix_time(asked: Asked) -> Table:
    """From the creation to the first fix; those that were done without one, or before it, are counted."""
    spans = asked.spans
    first = spans[spans["resolved"] | (spans["flag"] == "done")].groupby("item").head(1)
    first = first[first["inside"]]
    negative = _before_creation(first)
    fixed = spans[spans["resolved"]].groupby("item").head(1)
    fixed = fixed[fixed["inside"] & ~_before_creation(fixed)]
    found = asked.ranked(fixed["start"] - fixed["created"], asked.bucket(fixed["start"]), _quantiles(asked))
    return found.assign(
        skipped_n=asked.per_bucket(first[~first["resolved"] & ~negative]["start"]),
        negative_n=asked.per_bucket(first[negative]["start"]),
    )


def _before_creation(rows: Table) -> pd.Series[bool]:
    """Which stretches an item came to before it was created, by the dates of its changes."""
    return rows["early"] & (rows["start"] == rows["created"])


def response_time(asked: Asked) -> Table:
    """Until a bug left its first stage."""
    born, spans = created(asked), asked.spans
    left = born["item"].map(spans[spans["place"] > 0].groupby("item")["start"].min())
    took = left - born["start"]
    known = took > 0
    found = asked.ranked(took[known], born["at"][known], _quantiles(asked))
    stays = born["item"].map(spans.groupby("item")["stop"].max()) > asked.now
    return found.assign(
        pending_n=asked.per_bucket(born[left.isna() & stays]["start"]),
        skipped_n=asked.per_bucket(born[(took == 0) & ~born["early"]]["start"]),
        negative_n=asked.per_bucket(born[(took == 0) & born["early"]]["start"]),
    )


def verify_time(asked: Asked) -> Table:
    """From the last fix until a bug was first verified or done after one."""
    steps = asked.steps
    fixed = steps["start"].where(steps["resolved"] & ~steps["was_resolved"]).groupby(steps["item"]).ffill()
    proven = (steps["flag"] == "done") | (steps["status"] == "verified")
    over = proven & (fixed.notna() | _before_creation(steps))
    rows = steps[over].assign(fixed=fixed).groupby("item").head(1)
    rows = rows[rows["inside"]]
    unknown = rows["early"] & (rows["fixed"].fillna(rows["created"]) == rows["created"])
    took = rows[~unknown]
    found = asked.ranked(took["start"] - took["fixed"], asked.bucket(took["start"]), _quantiles(asked))
    return found.assign(negative_n=asked.per_bucket(rows[unknown]["start"]))


def _quantiles(asked: Asked) -> str:
    return asked.options.get("q", "50,85,95")
