"""Lookup tables from codes to what they mean under a context; a filter or a split is one gather."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from metrics_api.columns import Array, Codes, Mask
from metrics_api.context import Context
from metrics_api.stages import UNMAPPED

# The rank of `unmapped`: after all others.
UNRANKED = 2**15 - 1

# The dictionaries whose codes the tables are made for.
LOOKED_UP = ("workspace", "status", "iteration")


@dataclass(frozen=True)
class Lookups:
    """Tables by workspace code, by (workspace, status) code and by stage class.

    A stage class is a stage as one workspace has it: two workspaces may call a stage the same and still
    order or flag it differently. `class_of[workspace, status]` is the class; `stage`, `open`, `resolved`,
    `flag_done`, `flag_dropped`, `rank` and `level` are by class. `stage` is the place in `stages`, whose last
    entry is `unmapped`; `rank` is the place in the workspace's own order; `level` is the arrival level: 1 for
    the first stage up to `levels` for done, dropped counting as done and unmapped as 0.
    `sizes` are the sizes of the dictionaries the tables were made for.
    """

    sizes: tuple[int, ...]
    products: tuple[str, ...]
    zones: tuple[str, ...]
    class_of: Array
    stages: tuple[str, ...]
    stage: Array
    open: Mask
    resolved: Mask
    done: Mask
    dropped: Mask
    rank: Array
    level: Array
    level_names: tuple[str, ...]
    iteration_names: tuple[str, ...]


def build_lookups(context: Context, dictionaries: Mapping[str, Codes]) -> Lookups:
    """The tables for the codes known so far; codes that come later need new tables."""
    workspaces, statuses = list(dictionaries["workspace"].values), list(dictionaries["status"].values)
    order = context.stage_order
    kept = {s.name for w in context.workspaces.values() for s in w.stages if s.flag != "dropped"}
    level_names = tuple(name for name in order if name in kept)
    rows: list[tuple[int, bool, bool, bool, bool, int, int]] = [
        (len(order), True, False, False, False, UNRANKED, 0)
    ]
    numbers = {rows[0]: 0}
    class_of = np.zeros((len(workspaces), len(statuses)), dtype=np.uint8)
    for at, key in enumerate(workspaces):
        workspace = context.workspaces.get(key)
        if not workspace:
            continue
        ranks = {stage.name: rank for rank, stage in enumerate(workspace.stages)}
        for column, status in enumerate(statuses):
            stage = workspace.stage_of.get(status or workspace.first_status)
            if not stage:
                continue
            gone, done = stage.flag == "dropped", stage.flag == "done"
            level = len(level_names) if gone else level_names.index(stage.name) + 1
            row = (order.index(stage.name), stage.open, stage.resolved, done, gone, ranks[stage.name], level)
            class_of[at, column] = numbers.setdefault(row, len(numbers))
            if len(numbers) > len(rows):
                rows.append(row)
    columns = list(zip(*rows, strict=True))
    known = [context.workspaces.get(key) for key in workspaces]
    return Lookups(
        sizes=tuple(len(dictionaries[name]) for name in LOOKED_UP),
        products=tuple(one.product if one else "" for one in known),
        zones=tuple(one.zone if one else context.zone for one in known),
        class_of=class_of,
        stages=(*order, UNMAPPED),
        stage=np.array(columns[0], dtype=np.uint8),
        open=np.array(columns[1]),
        resolved=np.array(columns[2]),
        done=np.array(columns[3]),
        dropped=np.array(columns[4]),
        rank=np.array(columns[5], dtype=np.int16),
        level=np.array(columns[6], dtype=np.uint8),
        level_names=level_names,
        iteration_names=tuple(
            context.iteration_by_id.get(raw, raw) for raw in dictionaries["iteration"].values
        ),
    )
