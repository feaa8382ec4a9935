"""Lookup tables from codes to what they mean under a context; a filter or a split is one gather."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from metrics_api.columns import Array, Codes, Mask
from metrics_api.context import Context
from metrics_api.stages import UNMAPPED, Stage

# The rank of `unmapped`: after all others.
UNRANKED = 2**15 - 1

# The dictionaries whose codes the tables are made for.
LOOKED_UP = ("workspace", "status", "iteration")


# The level of dropped stages: an item that was dropped has left all stages before done behind.
DROPPED_LEVEL = 255


@dataclass(frozen=True)
class Lookups:
    """Tables by workspace code, by (workspace, status) code and by stage class.

    A stage class is a stage as one workspace has it: two workspaces may call a stage the same and still
    order or flag it differently. `class_of[workspace, status]` is the class; `stage`, `open`, `resolved`,
    `rank` and `level` are by class. `stage` is the place in `stages`, whose last entry is `unmapped`; `rank`
    is the place in the workspace's own order; `level` counts the workspace's own stages up to done from 1,
    unmapped is 0. `flow_of` (by workspace) tells workspaces with different stages apart, `flows` has the
    names of each flow's levels. `sizes` are the sizes of the dictionaries the tables were made for.
    """

    sizes: tuple[int, ...]
    products: tuple[str, ...]
    zones: tuple[str, ...]
    class_of: Array
    stages: tuple[str, ...]
    stage: Array
    open: Mask
    resolved: Mask
    rank: Array
    level: Array
    flow_of: Array
    flows: tuple[tuple[str, ...], ...]
    iteration_names: tuple[str, ...]


def build_lookups(context: Context, dictionaries: Mapping[str, Codes]) -> Lookups:
    """The tables for the codes known so far; codes that come later need new tables."""
    keys, statuses = list(dictionaries["workspace"].values), list(dictionaries["status"].values)
    known = [context.workspaces.get(key) for key in keys]
    order = context.stage_order
    rows = {(len(order), True, False, UNRANKED, 0): 0}
    class_of = np.zeros((len(keys), len(statuses)), dtype=np.uint16)
    flows: dict[tuple[Stage, ...], int] = {}
    for at, workspace in enumerate(known):
        stages = workspace.stages if workspace else ()
        flows.setdefault(stages, len(flows))
        levels = [stage.name for stage in stages if stage.flag != "dropped"]
        classes = {
            stage.name: rows.setdefault(
                (
                    order.index(stage.name),
                    stage.open,
                    stage.resolved,
                    rank,
                    levels.index(stage.name) + 1 if stage.name in levels else DROPPED_LEVEL,
                ),
                len(rows),
            )
            for rank, stage in enumerate(stages)
        }
        for column, status in enumerate(statuses):
            stage = workspace.stage_of.get(status or workspace.first_status) if workspace else None
            if stage:
                class_of[at, column] = classes[stage.name]
    columns = list(zip(*rows, strict=True))
    return Lookups(
        sizes=tuple(len(dictionaries[name]) for name in LOOKED_UP),
        products=tuple(one.product if one else "" for one in known),
        zones=tuple(one.zone if one else context.zone for one in known),
        class_of=class_of,
        stages=(*order, UNMAPPED),
        stage=np.array(columns[0], dtype=np.uint16),
        open=np.array(columns[1], dtype=np.bool_),
        resolved=np.array(columns[2], dtype=np.bool_),
        rank=np.array(columns[3], dtype=np.int16),
        level=np.array(columns[4], dtype=np.uint8),
        flow_of=np.array([flows[one.stages if one else ()] for one in known], dtype=np.uint16),
        flows=tuple(tuple(stage.name for stage in stages if stage.flag != "dropped") for stages in flows),
        iteration_names=tuple(
            context.iteration_by_id.get(raw, raw) for raw in dictionaries["iteration"].values
        ),
    )
