"""The exported lines of a running API as tables: stretches of each item's life, links, plans and events.

Lines are read with pandas; the independent reference, fed with nothing else, puts the changes in order. What
the lines do not tell, the workflows, is what TAPD's settings pages show of the generated company.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pandas as pd

from metrics_api.client import frame
from simulator.products import PRODUCTS, Product
from simulator.story_types import StoryType as Flow
from tests.reference.population import Population
from tests.reference.told import Kind
from tests.reference.wire import Company, Config, Record, StoryType, Workspace
from tests.reference.wire import Product as Configured

ZONE = "Asia/Shanghai"
# The end of what lasts.
OPEN_END = 2**60
FIELDS: dict[str, str] = {
    "bugs": "id,created,modified,status,severity,priority,priority_label,module,label,bugtype,source,"
    "originphase,version_report,version_fix,iteration_id,deadline,due",
    "stories": "id,created,modified,status,priority,priority_label,module,label,workitem_type_id,"
    "iteration_id,parent_id,size,remain,completed",
    "bug_changes": "id,bug_id,created,change_type,field,old_value,new_value",
    "story_changes": "id,story_id,created,change_type,field_changes",
}


class Exported:
    """The lines of all workspaces and projects of the generated company."""

    def __init__(self, api: str) -> None:
        self._api = api
        self.products = {one.workspace_id: one.name for one in PRODUCTS}
        self._lines: dict[tuple[str, str], pd.DataFrame] = {}
        self._spans: dict[str, pd.DataFrame] = {}
        # The stages of each kind and workspace in their order, with their flags.
        self.stages: dict[tuple[str, str], list[tuple[str, str]]] = {}
        configured = [Configured(one.name, (one.workspace_id,)) for one in PRODUCTS]
        self.company = Company(
            [self._workspace(one) for one in PRODUCTS], config=Config(products=tuple(configured))
        )

    def lines(self, path: str, workspace: str) -> pd.DataFrame:
        """The lines of one path below /api/v1/tapd; what a line has not is None."""
        if (path, workspace) not in self._lines:
            fields = {"fields": FIELDS[path]} if path in FIELDS else {}
            url = f"{self._api}/api/v1/tapd/{path}"
            found = frame(url, workspace_id=workspace, removed="include", **fields).astype(object)
            self._lines[path, workspace] = found.where(found.notna(), None)
        return self._lines[path, workspace]

    def everywhere(self, path: str) -> pd.DataFrame:
        """The lines of all workspaces with their product."""
        found = [
            self.lines(path, one).assign(workspace=one, product=name) for one, name in self.products.items()
        ]
        return pd.concat([one for one in found if len(one)], ignore_index=True)

    @cached_property
    def events(self) -> pd.DataFrame:
        """GitLab's events: product, action and when, in epoch seconds."""
        found = []
        for one in PRODUCTS:
            projects = ",".join(str(number) for number, _ in one.repositories)
            url = f"{self._api}/api/v1/gitlab/events"
            told = frame(url, project_id=projects, fields="action_name,created_at")
            found.append(told.assign(product=one.name))
        every = pd.concat(found, ignore_index=True)
        at = pd.to_datetime(every["created_at"], utc=True, format="ISO8601")
        return every.assign(at=at.dt.floor("s").astype("datetime64[s, UTC]").astype("int64"))

    def items(self, ids: pd.Series[str]) -> pd.Series[str]:
        """The first ids of bugs, by which they go; moved to another workspace they have another one there."""
        removed = self.everywhere("removed_bugs")
        moved = removed[removed["type"] == "move"]
        before = dict(zip(moved["new_bug_url"].str.extract(r"bug_id=(\d+)")[0], moved["id"], strict=True))
        found = ids
        while found.isin(before.keys()).any():
            found = found.map(lambda one: before.get(one, one))
        return found

    def spans(self, kind: Kind) -> pd.DataFrame:
        """The stretches of time in which nothing of an item changed, item by item: [start, stop) in seconds.

        `created` is the item's, `entered` the begin of the visit to the stage, `place` the stage's among
        those of the workspace, `works` whether it is work in progress, `why` how the item ended.
        """
        if kind not in self._spans:
            self._spans[kind] = self._stretched(Population(self.company, kind))
        return self._spans[kind]

    def _workspace(self, product: Product) -> Workspace:
        def rows(path: str) -> list[Record]:
            return [dict(one) for one in self.lines(path, product.workspace_id).to_dict("records")]

        types = {row["workitem_type_id"] for row in rows("stories")}
        return Workspace(
            id=product.workspace_id,
            name=product.name,
            bugs=rows("bugs"),
            changes=rows("bug_changes"),
            removed=rows("removed_bugs"),
            stories=rows("stories"),
            story_changes=rows("story_changes"),
            removed_stories=rows("removed_stories"),
            types=[
                _flow(one, number) for one, number in zip(product.story_types, sorted(types), strict=True)
            ],
            iterations=rows("iterations"),
            iteration_changes=rows("iteration_changes"),
            status_map=product.status_map,
            last_steps={code: product.status_map[code] for code in ("rejected", "closed")},
            first_step="new",
        )

    def _stretched(self, population: Population) -> pd.DataFrame:
        found: list[dict[str, Any]] = []
        for workspace, flow in population.workflows.items():
            self.stages[population.kind, workspace] = [(one.name, one.flag) for one in flow.stages]
        for member in population.members:
            for span in member.spans:
                stages = population.workflows[span.fields["workspace"]].stages
                place = stages.index(span.stage) if span.stage in stages else len(stages)
                first = next(n for n, stage in enumerate(stages) if stage.flag == "active")
                found.append(
                    span.fields
                    | {"item": member.id, "start": span.start, "stop": span.end or OPEN_END}
                    | {"created": member.spans[0].start, "entered": span.entered, "why": member.why or ""}
                    | {"flag": span.stage.flag, "open": span.stage.open, "resolved": span.stage.resolved}
                    | {"place": place, "works": span.stage.open and first <= place < len(stages)}
                    | {"parent": member.parent, "early": member.early, "completed": member.completed}
                )
        return pd.DataFrame(found)


def _flow(flow: Flow, number: str) -> StoryType:
    """A workitem type by its number; numbers rise in the order of the types."""
    record = {"id": number, "name": flow.name}
    return StoryType(record, flow.status_map, flow.last_steps, flow.path[0])
