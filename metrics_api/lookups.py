"""Lookup tables from codes to what they mean under a context; a filter or a split is one gather."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from metrics_api.columns import Array, Codes, Mask
from metrics_api.context import Context, Flow
from metrics_api.core.stages import UNMAPPED, Stage, in_progress
from metrics_api.topics import ItemTopic

# The rank of `unmapped`: after all others.
UNRANKED = 2**15 - 1

# The dictionaries whose codes the tables are made for.
LOOKED_UP = ("workspace", "status", "iteration", "type")


# The level of dropped stages: an item that was dropped has left all stages before done behind.
DROPPED_LEVEL = 255


@dataclass(frozen=True)
class Lookups:
    """Tables by workspace code, by (workspace, status) code and by stage class.

    A stage class is a stage as one workspace has it: two workspaces may call a stage the same and still
    order or flag it differently. `class_of[workspace, status]` is the class; `stage`, the masks, `rank` and
    `level` are by class. `stage` is the place in `stages`, whose last entry is `unmapped`: open, but neither
    `waiting` nor `active`; `wip` are the open ones from the first active one on. `rank` is the place in the
    workspace's own order; `level` counts the workspace's own stages up to done from 1, unmapped is 0.
    `flow_of` (by workspace) tells workspaces with different stages apart, `flows` has the names of each
    flow's levels. `names` are by field what the codes of its column are called, where that is not what stands
    in the dictionary. `sizes` are the sizes of the dictionaries the tables were made for.
    """

    sizes: tuple[int, ...]
    zones: tuple[str, ...]
    class_of: Array
    stages: tuple[str, ...]
    stage: Array
    open: Mask
    waiting: Mask
    active: Mask
    done: Mask
    dropped: Mask
    wip: Mask
    resolved: Mask
    rank: Array
    level: Array
    flow_of: Array
    flows: tuple[tuple[str, ...], ...]
    names: Mapping[str, tuple[str, ...]]


def sizes_of(dictionaries: Mapping[str, Codes]) -> tuple[int, ...]:
    """The sizes of those dictionaries that tables are made for."""
    return tuple(len(dictionaries[name]) for name in LOOKED_UP if name in dictionaries)


def build_lookups(topic: ItemTopic, context: Context, dictionaries: Mapping[str, Codes]) -> Lookups:
    """The tables for the codes known so far; codes that come later need new tables."""
    keys, statuses = list(dictionaries["workspace"].values), list(dictionaries["status"].values)
    known = [context.workspaces.get(key) for key in keys]
    workflows = [one.flows[topic.name] if one else Flow() for one in known]
    order = context.stage_order[topic.name]
    rows = {(len(order), UNMAPPED, False, False, UNRANKED, 0): 0}
    class_of = np.zeros((len(keys), len(statuses)), dtype=np.uint16)
    flows: dict[tuple[Stage, ...], int] = {}
    for at, workflow in enumerate(workflows):
        stages = workflow.stages
        flows.setdefault(stages, len(flows))
        levels = [stage.name for stage in stages if stage.flag != "dropped"]
        in_work = {stage.name for stage in in_progress(stages)}
        classes = {
            stage.name: rows.setdefault(
                (
                    order.index(stage.name),
                    stage.flag,
                    stage.name in in_work,
                    stage.resolved,
                    rank,
                    levels.index(stage.name) + 1 if stage.name in levels else DROPPED_LEVEL,
                ),
                len(rows),
            )
            for rank, stage in enumerate(stages)
        }
        for column, status in enumerate(statuses):
            stage = workflow.stage_of.get(status or workflow.first())
            if stage:
                class_of[at, column] = classes[stage.name]
    columns = list(zip(*rows, strict=True))
    flag = np.array(columns[1])
    return Lookups(
        sizes=sizes_of(dictionaries),
        zones=tuple(one.zone if one else context.zone for one in known),
        class_of=class_of,
        stages=(*order, UNMAPPED),
        stage=np.array(columns[0], dtype=np.uint16),
        open=~np.isin(flag, ("done", "dropped")),
        waiting=flag == "waiting",
        active=flag == "active",
        done=flag == "done",
        dropped=flag == "dropped",
        wip=np.array(columns[2], dtype=np.bool_),
        resolved=np.array(columns[3], dtype=np.bool_),
        rank=np.array(columns[4], dtype=np.int16),
        level=np.array(columns[5], dtype=np.uint8),
        flow_of=np.array([flows[one.stages] for one in workflows], dtype=np.uint16),
        flows=tuple(tuple(stage.name for stage in stages if stage.flag != "dropped") for stages in flows),
        names=_names(topic, context, dictionaries),
    )


def _names(
    topic: ItemTopic, context: Context, dictionaries: Mapping[str, Codes]
) -> Mapping[str, tuple[str, ...]]:
    """What the codes are called of the fields whose columns hold ids."""
    called: dict[str, Callable[[str], str]] = {
        "product": lambda key: context.workspaces[key].product if key in context.workspaces else "",
        "workspace": lambda key: key.split(":", 1)[-1],
        "iteration": lambda id: context.iteration_by_id.get(id, id),
        "type": lambda id: context.type_by_id.get(id, id),
    }
    names = {}
    for field in topic.fields:
        column = topic.column(field)
        name_of = called.get(field) or called.get(column)
        if name_of:
            names[field] = tuple(map(name_of, list(dictionaries[column].values)))
    return names
