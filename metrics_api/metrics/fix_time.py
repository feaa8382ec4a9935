"""How long defects took: until somebody answered, until they were fixed, until the fix was verified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from metrics_api.catalog import metric
from metrics_api.cohorts import Cohort, cohort, created, first_ever
from metrics_api.columns import Array, Mask, Rows, looked_up
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, ages, items
from metrics_api.quantiles import fewest, quantile_rows
from metrics_api.query import Query, Row
from metrics_api.segments import CONTINUES, CREATED, LASTS
from metrics_api.topics import BUGS
from metrics_api.visits import AT_ONCE, backdated, before, begun, entered, first_rows
from metrics_api.worktime import asked_measure

OPTIONS = ("step", "tz", "by", "asof", "deleted", "calendar", "q")
# TAPD's status of a bug whose fix was tried and is good.
VERIFIED = "verified"
# The field that holds whose turn it is, where people are enabled.
OWNER = "owner"
# The number of those that still wait for an answer.
WAITING = "pending_n"
# In the place of the row with which a bug was answered.
PENDING, GONE = -1, -2


@dataclass(frozen=True)
class _Took:
    """Bugs by what happened to them, from which rows to which it took them, where that is known.

    `others` are those of which it is not, by the names of the numbers that count them.
    """

    found: Cohort
    known: Mask
    begun: Rows
    ended: Rows
    others: Mapping[str, Mask]


@metric(
    "tapd.bugs.fix.time",
    topic=BUGS.name,
    splits=("quantile",),
    filters=BUGS.fields,
    options=(*OPTIONS, "since"),
    unit="seconds",
)
def fix(frame: ItemFrame, query: Query) -> list[Row]:
    """Fix time: how long it took from a bug's creation to its first entry to resolved, in percentiles.

    In the bucket of that entry. `skipped_n` are the bugs that were done for the first time without having
    been resolved before, `negative_n` those that were resolved or done before they were created, by the dates
    of their changes. With since=last every attempt counts, in the bucket in which it ended: each entry to
    resolved, from when the bug was created, reopened or returned before it. Filters and `by` go by the values
    at that entry. With calendar=work only working time counts. Definition: docs/definitions.md, section 2.
    """
    return _quantiles(frame, query, _fixes(frame, query))


def _fixes(frame: ItemFrame, query: Query) -> _Took:
    """The first fixes, or with since=last all of them."""
    looks = frame.lookups
    if query.options.get("since") == "last":
        rows = begun(frame, query, stages=looks.resolved)
        found = cohort(frame, query, rows[entered(frame, rows, looks.resolved)])
        negative = backdated(frame, found.row)
        return _Took(found, ~negative, _begun(frame, found.row), found.row, {"negative_n": negative})
    over = looks.resolved | looks.done
    rows = begun(frame, query, stages=over)
    resolved = looked_up(looks.resolved, frame.stage[rows])
    first = np.empty(len(rows), dtype=np.bool_)
    for which, stages in ((resolved, looks.resolved), (~resolved, over)):
        first[which] = first_ever(frame, rows.compress(which), stages)
    found = cohort(frame, query, rows.compress(first))
    resolved, negative = looks.resolved[frame.stage[found.row]], backdated(frame, found.row)
    others = {"skipped_n": ~resolved & ~negative, "negative_n": negative}
    return _Took(found, resolved & ~negative, first_rows(frame, found.row), found.row, others)


def _begun(frame: ItemFrame, rows: Rows) -> Rows:
    """The rows with which the work on some fixes began; the fixes themselves where there was none."""
    looks = frame.lookups
    at_work = looks.open & ~looks.resolved
    found = rows.copy()
    at, which = rows, np.arange(len(rows))
    while len(at):
        more = frame.begin[at] == CONTINUES
        more &= at_work[frame.stage[at - 1]]
        at, which = at[more] - 1, which[more]
        found[which] = at
    return found


@metric(
    "tapd.bugs.response.time",
    topic=BUGS.name,
    splits=("quantile",),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="seconds",
)
def response(frame: ItemFrame, query: Query) -> list[Row]:
    """Response time: how long it took until a bug left the first stage, or first changed its owner.

    In the bucket of its creation, whenever the answer came; owners count only where people are enabled.
    `pending_n` are those that nobody has answered yet, without removed ones; `skipped_n` those that were
    created in a later stage, `negative_n` those that came to it before they were created, by the dates of
    their changes. Filters and `by` go by the values at the creation. With calendar=work only working time
    counts. Definition: docs/definitions.md, section 2.
    """
    return _quantiles(frame, query, _responses(frame, query))


def _responses(frame: ItemFrame, query: Query) -> _Took:
    """The first answers to new bugs."""
    found = created(frame, query)
    answer = _answers(frame, found.row)
    later = answer == found.row
    negative = later & backdated(frame, found.row)
    others = {WAITING: answer == PENDING, "skipped_n": later & ~negative, "negative_n": negative}
    return _Took(found, answer > found.row, found.row, answer, others)


def _answers(frame: ItemFrame, rows: Rows) -> Rows:
    """The rows with which some new items were answered; PENDING: not yet, GONE: never any more."""
    found = np.full(len(rows), PENDING, dtype=np.int64)
    later = frame.lookups.rank != 0
    owner = frame.codes.get(OWNER)
    at, which = rows, np.arange(len(rows))
    answered = later[frame.stage[at]]
    while len(at):
        found[which[answered]] = at[answered]
        at, which = at[~answered], which[~answered]
        more = frame.end[at] == CONTINUES
        found[which[frame.end[at] > LASTS]] = GONE
        at, which = at[more] + 1, which[more]
        answered = later[frame.stage[at]]
        if owner is not None:
            answered |= owner[at] != owner[at - 1]
    return found


@metric(
    "tapd.bugs.verify.time",
    topic=BUGS.name,
    splits=("quantile",),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="seconds",
)
def verify(frame: ItemFrame, query: Query) -> list[Row]:
    """Verify time: how long a fix waited, from the entry to resolved until the bug was verified or done.

    Once for each bug, in the bucket in which it was verified or done for the first time after having been
    resolved; of several entries to resolved before that, from the last one. `negative_n` are the bugs that
    were fixed or verified before they were created, by the dates of their changes. Filters and `by` go by the
    values at that moment. With calendar=work only working time counts. Definition: docs/definitions.md,
    section 2.
    """
    return _quantiles(frame, query, _verifications(frame, query))


def _verifications(frame: ItemFrame, query: Query) -> _Took:
    """The first time that a fix of each bug was verified."""
    rows = begun(frame, query, lambda part: frame.begin[part] != CREATED, stages=_over(frame))
    rows = rows.compress(_verified(frame, rows))
    rows = rows.compress((frame.begin[rows] != CONTINUES) | ~_verified(frame, rows - 1))
    fixed, first = _fixed(frame, rows), first_rows(frame, rows)
    early = backdated(frame, first) & _verified(frame, first)
    fixed[early] = np.where(rows == first, rows, -1)[early]
    rows, fixed = rows[fixed >= 0], fixed[fixed >= 0]
    found = cohort(frame, query, rows)
    since = fixed if len(found.row) == len(rows) else fixed[np.searchsorted(rows, found.row)]
    negative = backdated(frame, since)
    return _Took(found, ~negative, since, found.row, {"negative_n": negative})


def _verified(frame: ItemFrame, rows: Rows, stage: Array | None = None) -> Mask:
    """In which of some rows, whose stage classes may be known, a bug is verified or done."""
    stage = frame.stage[rows] if stage is None else stage
    found = looked_up(_over(frame), stage)
    asked = np.flatnonzero(found & ~looked_up(frame.lookups.done, stage))
    found[asked] = _proven(frame)[frame.codes["status"][rows[asked]]]
    return found


def _over(frame: ItemFrame) -> Mask:
    """The stage classes of bugs that are verified or done, and of some of those that are perhaps not yet."""
    looks = frame.lookups
    found = looks.done.copy()
    known = _proven(frame)[: looks.class_of.shape[1]]
    found[looks.class_of[:, np.flatnonzero(known)]] = True
    return found & ~looks.resolved


def _proven(frame: ItemFrame) -> Mask:
    """By code of a status, whether it is that of a bug whose fix is good."""
    return np.array([text == VERIFIED for text in list(frame.dictionaries["status"].values)], dtype=np.bool_)


def _fixed(frame: ItemFrame, rows: Rows) -> Rows:
    """The last entries to resolved before some rows; -1 without one, and where it was verified before."""
    parts = [_fixed_of(frame, rows[at : at + AT_ONCE]) for at in range(0, len(rows), AT_ONCE)]
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _fixed_of(frame: ItemFrame, rows: Rows) -> Rows:
    """The same, of rows whose pasts the processor's cache can hold."""
    earlier, owner = before(frame, rows)
    stage = frame.stage[earlier]
    inside = looked_up(frame.lookups.resolved, stage)
    # They come one after another, those of an item together.
    entries = inside.copy()
    entries[1:] &= ~(inside[:-1] & (owner[1:] == owner[:-1]))
    resolved = np.flatnonzero(entries)
    first, last, verified = np.full((3, len(rows)), -1, dtype=np.int64)
    # Of several assignments to one place the last one stays.
    first[owner[resolved][::-1]] = earlier[resolved][::-1]
    last[owner[resolved]] = earlier[resolved]
    done = np.flatnonzero(_verified(frame, earlier, stage))
    verified[owner[done]] = earlier[done]
    last[verified > first] = -1
    return last


def _quantiles(frame: ItemFrame, query: Query, took: _Took) -> list[Row]:
    """The percentiles by group and bucket."""
    found, at = took.found, np.flatnonzero(took.known)
    seconds, tags = _seconds(frame, query, took)
    splits = [found.split(query, place) for place in range(len(found.groups))]
    few, group, bucket = fewest(frame, query), found.group[at], found.bucket[at]
    counts = {name: found.counted(some) for name, some in took.others.items()}
    return quantile_rows(query, few, seconds, group, bucket, splits, counts=counts, tags=tags)


def _seconds(frame: ItemFrame, query: Query, took: _Took) -> tuple[Array, tuple[tuple[str, str], ...]]:
    """(how long it took where that is known, the tags that say how it was measured)."""
    at = np.flatnonzero(took.known)
    measure, tags = asked_measure(frame, query, took.found.row[at])
    start, stop = (frame.start[rows[at]].astype(np.int64) for rows in (took.begun, took.ended))
    return measure(np.arange(len(at)), start, stop), tags


def _listing(take: Callable[[ItemFrame, Query], _Took]) -> Callable[[ItemFrame, Query, int], Listed]:
    """What names the bugs behind a duration, each with the longest that it took in the bucket."""

    def listed(frame: ItemFrame, query: Query, at: int) -> Listed:
        """The bugs of the bucket by how long they took, or those of which that is not known."""
        unsplit = replace(query, options={**query.options, "by": ""})
        took = take(frame, unsplit)
        other = took.others.get(query.options.get("series", ""))
        if other is not None:
            rows = took.found.row[other]
            waited = query.options["series"] == WAITING
            told = ages(frame.start[rows], at) if waited else np.full(len(rows), np.nan)
            return Listed(frame.item[rows], told, "seconds")
        seconds, _ = _seconds(frame, unsplit, took)
        numbers, place = np.unique(frame.item[took.found.row[took.known]], return_inverse=True)
        longest = np.zeros(len(numbers), dtype=np.int64)
        np.maximum.at(longest, place, seconds)
        return Listed(numbers, longest, "seconds")

    return listed


for _name, _take in (("fix", _fixes), ("response", _responses), ("verify", _verifications)):
    items(f"tapd.bugs.{_name}.time")(_listing(_take))
