"""A plan as the wire records of a whole company."""

import json

from .bug_records import BugWriter
from .event_plans import project_path, wire_projects
from .moments import A_DAY, wire_time
from .plans import BugPlan, CompanyPlan, StoryPlan
from .story_records import FIRST_SERIAL, StoryWriter, type_id
from .vocabulary import (
    CUSTOM,
    CUSTOM_FIELDS,
    FIELDS,
    ITERATIONS,
    PRODUCTS,
    STAGES,
    STORY_FIELDS,
    STORY_STAGES,
    TYPES,
    VERSION_FIELDS,
    WORKFLOWS,
    WORKSPACES,
    ZONES,
)
from .wire import Company, Config, Product, StoryType, Workspace


def wire_company(plan: CompanyPlan) -> Company:
    """The company a plan describes, change feeds in the order of time and numbered."""
    workspaces = [wire_workspace(plan, place) for place in range(len(plan.homes))]
    bugs, stories = BugWriter(plan, workspaces), StoryWriter(plan, workspaces)
    for serial, bug in enumerate(plan.bugs):
        bugs.write(serial + 10, bug)
    for serial, story in enumerate(plan.stories):
        stories.write(serial + FIRST_SERIAL, story)
    if plan.cornerstones:
        for place in range(len(workspaces)):
            bugs.write(place + 1, BugPlan(-A_DAY, (0,) * len(FIELDS), workspace=place))
            stories.write(place + 1, StoryPlan(-A_DAY, (0,) * len(STORY_FIELDS), workspace=place))
    for workspace in workspaces:
        if plan.renamed is not None:
            rename(workspace, wire_time(plan.base, plan.renamed))
        for feed in (workspace.changes, workspace.story_changes):
            feed.sort(key=lambda record: str(record["created"]))
            for n, record in enumerate(feed, 1):
                record["id"] = f"1{workspace.id}{n:011d}"
        for record in workspace.story_changes:
            # The same once more, as text.
            record["changes"] = json.dumps(record["field_changes"])
    products = tuple(
        Product(
            name,
            workspaces=tuple(WORKSPACES[place] for place, home in enumerate(plan.homes) if home == n),
            projects=(project_path(n),),
            zone=ZONES[plan.zones[n]],
            version_field=VERSION_FIELDS[plan.version_fields[n]],
            stages=STAGES if plan.configured[n] else (),
            story_stages=STORY_STAGES if plan.configured[n] else (),
        )
        for n, name in enumerate(PRODUCTS)
        if n in plan.homes
    )
    return Company(
        workspaces, wire_projects(plan.base, sorted(set(plan.homes)), plan.events), Config(products)
    )


def rename(workspace: Workspace, at: str) -> None:
    """Lets the first iteration have had another name until an instant: so says its own feed, and what the
    others told until then has the name it had."""
    row = workspace.iterations[0]
    name, former = row["name"], f"{row['name']} (draft)"
    workspace.iteration_changes = [
        {"id": f"1{workspace.id}0039", "iteration_id": row["id"], "field": "name", "author": "user01"}
        | {"old_value": former, "new_value": name, "created": at, "memo": None}
        | {"operater_type": "update", "workspace_id": workspace.id}
    ]
    changes = [change for change in workspace.changes if change["created"] < at]
    entries = [one for c in workspace.story_changes if c["created"] < at for one in c["field_changes"]]
    for told, sides in ((changes, ("old_value", "new_value")), (entries, ("value_before", "value_after"))):
        for one in told:
            for side in sides:
                if one["field"] == "iteration_id" and one[side] == name:
                    one[side] = former


def wire_workspace(plan: CompanyPlan, place: int) -> Workspace:
    """A workspace without bugs and stories: its workflows, workitem types and iterations."""
    id, home = WORKSPACES[place], plan.homes[place]
    status_map, last_steps = WORKFLOWS[plan.workflows[home]]
    old = {"created": "2024-01-10 10:00:00", "modified": "2024-01-10 10:00:00", "workspace_id": id}
    return Workspace(
        id,
        f"Workspace {place}",
        status_map=dict(status_map),
        last_steps=dict(last_steps),
        first_step=next(iter(status_map)),
        custom_fields=[
            {"id": f"7{id}{n}", "workspace_id": id, "entry_type": "bug", "enabled": "1"}
            | {"custom_field": field, "name": name, "type": kind, "options": options}
            for n, (field, name, kind, options) in enumerate(
                (
                    (CUSTOM_FIELDS[home], CUSTOM.removeprefix("cf."), "multi_select", "测试|生产|v1.0#"),
                    ("custom_field_9", "Note", "text", None),
                )
            )
        ],
        iterations=[
            {"id": f"1{id}00{n}", "name": name, "startdate": start, "enddate": None, "status": "open"}
            | {"completed": None, **old}
            for n, (name, start) in enumerate(ITERATIONS)
        ],
        types=[
            StoryType(
                {"id": type_id(id, n), "name": name, "entity_type": "story", "english_name": "", **old},
                dict(statuses),
                dict(last),
                first,
            )
            for n, (name, statuses, last, first) in enumerate((TYPES[one] for one in plan.types[home]), 1)
        ],
    )
