"""Defects by the stories they were found in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metrics_api.catalog import metric
from metrics_api.cohorts import shares
from metrics_api.columns import Array, Mask, Rows, spread
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, ages, items
from metrics_api.narrowing import Condition, counted
from metrics_api.query import Query, Row
from metrics_api.segments import CONTINUES
from metrics_api.selection import chosen, grouped, natural_order, selected
from metrics_api.topics import BUGS, STORIES
from metrics_api.visits import first_rows

# What a filter or a split by a field of stories means to bugs that are linked to none of them.
OF_BUGS = {"product": "product", "workspace": "workspace", "iteration": "iteration", "version": "iteration"}


@metric(
    "tapd.bugs.density",
    topic=STORIES.name,
    reads=(BUGS.name,),
    splits=("kind",),
    filters=STORIES.fields,
    options=("tz", "by", "asof", "deleted", "level"),
    unit="bugs per story",
    last_only=True,
)
def density(frame: ItemFrame, query: Query) -> list[Row]:
    """Bugs linked to the selected stories for each of these, at the end of the window, whatever their stage.

    Filters and `by` are those of stories; whichever bugs are linked to them count, each once in a group.
    `per_size` is the same for each unit of their size, of stories that have one. `unlinked_n` are the bugs of
    the same products, workspaces and iterations (a story's version is its iteration) that are linked to no
    story; they are never spread over stories. Null where there are no stories. Definition:
    docs/definitions.md, section 2.
    """
    bugs: ItemFrame = query.frames[BUGS.name]
    rows, group, names = grouped(frame, query, chosen(frame, query, _standing(frame, query)))
    linked, stands = _linked(bugs, query)
    place, bug = _links(frame, bugs, rows, stands)
    size = frame.numbers["size"][rows]
    size[np.isnan(size)] = 0
    sized = size[place] > 0
    width = len(names)
    per_story = shares(_distinct(group[place], bug, width), _counted(group, width))
    sizes = np.array([size.sum(dtype=np.float64)]) if width == 1 else np.bincount(group, size, width)
    per_size = shares(_distinct(group[place[sized]], bug[sized], width), sizes)
    lines = {
        "density": dict(zip(names, per_story, strict=True)),
        "per_size": dict(zip(names, per_size, strict=True)),
    }
    unlinked = _unlinked(bugs, query, linked.compress(stands))
    shown = natural_order(frame, query.by, set(names) | (set(unlinked) - {""})) if query.by else [""]
    found = []
    for name in shown:
        split = ((query.by, name),) if query.by else ()
        values = {kind: line.get(name, np.nan) for kind, line in lines.items()}
        if not query.by or query.by in OF_BUGS:
            values["unlinked_n"] = unlinked.get(name, 0)
        found += [Row((*split, ("kind", kind)), np.array([value])) for kind, value in values.items()]
    if query.by and query.by not in OF_BUGS:
        found.append(Row((("kind", "unlinked_n"),), np.array([unlinked.get("", 0)])))
    return found


@items("tapd.bugs.density")
def found_in(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The stories by how many bugs are linked to them; or the bugs linked to no story, by their age."""
    bugs: ItemFrame = query.frames[BUGS.name]
    if query.options.get("series") == "unlinked_n":
        alone = _alone(bugs, _asked(query))
        return Listed(bugs.item[alone], ages(bugs.start[first_rows(bugs, alone)], at), "seconds", bugs)
    rows = chosen(frame, query, _standing(frame, query))
    place, _ = _links(frame, bugs, rows, _linked(bugs, query)[1])
    return Listed(frame.item[rows], np.bincount(place, minlength=len(rows)), "bugs")


def _linked(bugs: ItemFrame, query: Query) -> tuple[Rows, Mask]:
    """(the rows of the linked bugs in which they may stand, whether they do), whatever the query selects."""
    start, stop = bugs.days(query.buckets.zone)
    last = query.buckets.last_days[-1]
    rows = bugs.last_row[bugs.stories.linked].astype(np.int64)
    at, stands = np.arange(len(rows)), np.ones(len(rows), dtype=np.bool_)
    while len(at):
        at = at[start[rows[at]] > last]
        more = bugs.begin[rows[at]] == CONTINUES
        stands[at[~more]] = False
        at = at[more]
        rows[at] -= 1
    stands &= stop[rows] > last
    stands &= selected(bugs, replace(query, filters=()), rows)
    return rows, stands


def _links(frame: ItemFrame, bugs: ItemFrame, rows: Rows, stands: Mask) -> tuple[Array, Array]:
    """(places in some rows of stories, those of linked bugs that are linked to them), in the order of bugs.

    `stands` says which of the linked bugs count.
    """
    owner, codes = bugs.stories.pairs
    some = np.flatnonzero(stands[owner])
    bug, story = owner[some], frame.stories.items_of(codes[some])
    item = frame.item[rows]
    # By story its first place, -1 for one that has none, and at the end for one that is not there.
    first = np.full(len(frame.last_row) + 1, -1, dtype=np.int32)
    first[item[::-1]] = np.arange(len(rows), dtype=np.int32)[::-1]
    place = first[story]
    some = np.flatnonzero(place >= 0)
    place, bug, story = place[some], bug[some], story[some]
    if not (item[1:] == item[:-1]).any():
        return place, bug
    # A story comes once for each of its groups.
    places, which = spread(place, np.bincount(item)[story])
    return places, bug[which]


def _distinct(group: Array, bug: Array, groups: int) -> Array:
    """How many bugs there are in each group, each once; the bugs come one after another."""
    alone = np.ones(len(bug), dtype=np.bool_)
    same = bug[1:] == bug[:-1]
    alone[1:] &= ~same
    alone[:-1] &= ~same
    both = np.unique((group[~alone].astype(np.int64) << 32) | bug[~alone])
    return _counted(group[alone], groups) + np.bincount(both >> 32, minlength=groups)


def _counted(group: Array, groups: int) -> Array:
    """How many there are in each group."""
    return np.array([len(group)]) if groups == 1 else np.bincount(group, minlength=groups)


def _unlinked(bugs: ItemFrame, query: Query, linked: Rows) -> dict[str, int]:
    """How many bugs are linked to no story, by the values of the split if bugs have such, else by ""."""
    asked = _asked(query)
    if not asked.by:
        standing = counted(selected(bugs, asked), _standing(bugs, query))
        return {"": standing - int(np.count_nonzero(selected(bugs, asked, linked)))}
    _, group, names = grouped(bugs, asked, _alone(bugs, asked))
    return dict(zip(names, np.bincount(group, minlength=len(names)).tolist(), strict=True))


def _asked(query: Query) -> Query:
    """What a query about stories asks of bugs."""
    filters = tuple(replace(one, key=OF_BUGS[one.key]) for one in query.filters if one.key in OF_BUGS)
    return replace(query, filters=filters, options={**query.options, "by": OF_BUGS.get(query.by, "")})


def _alone(bugs: ItemFrame, query: Query) -> Rows:
    """The rows in which the selected bugs stand that are linked to no story."""
    rows = chosen(bugs, query, _standing(bugs, query))
    found: Rows = rows[bugs.stories.size[bugs.item[rows]] == 0]
    return found


def _standing(frame: ItemFrame, query: Query) -> Condition:
    """In which segments items are at the end of the query's last bucket."""
    start, stop = frame.days(query.buckets.zone)
    last = query.buckets.last_days[-1]
    return lambda part: (start[part] <= last) & (stop[part] > last)
