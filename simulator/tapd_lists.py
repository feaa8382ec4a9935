"""TAPD's paged listings and their counts: items, their changes, the removed ones, and what is planned."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from aiohttp import web

from simulator.clock import utc_now
from simulator.faults import EVOLUTIONS, FaultKind
from simulator.serving import SERVER, Server
from simulator.shapes import BUG_DEFAULTS, CHANGE_DEFAULTS, ITERATION_DEFAULTS, REMOVED_BUG_FIELDS, Record
from simulator.tapd_effort import LIFE_TIME_DEFAULTS, TIMESHEET_DEFAULTS
from simulator.tapd_query import LARGEST_LIMIT, TapdError, is_day, narrowed, ordered, page_of, selected
from simulator.tapd_records import Items, TapdWorkspaceRecords
from simulator.tapd_rows import BUG, STORY, TASK, Kind, drifted, evolve
from simulator.work_shapes import (
    CATEGORY_DEFAULTS,
    ITERATION_CHANGE_DEFAULTS,
    RELEASE_DEFAULTS,
    REMOVED_WORKITEM_FIELDS,
    STORY_DEFAULTS,
    TASK_DEFAULTS,
    WORKITEM_CHANGE_DEFAULTS,
)

Rows = Collection[Record]
Selection = Callable[[TapdWorkspaceRecords, Mapping[str, str], Server, str], Rows]
Completion = Callable[[TapdWorkspaceRecords, Record, Mapping[str, str]], Record]


def _as_it_is(workspace: TapdWorkspaceRecords, row: Record, query: Mapping[str, str]) -> Record:
    return row


@dataclass(frozen=True)
class Listing:
    """One kind of row: its wrapper, its fields with their unset values, how rows are found and completed.

    ``kind`` is the kind of item its rows are about, for switches that change rows between two pages;
    ``largest`` is the most rows of a page.
    """

    wrapper: str
    defaults: Record
    select: Selection
    complete: Completion = _as_it_is
    kind: Kind | None = None
    largest: int = LARGEST_LIMIT

    def count(self, workspace: TapdWorkspaceRecords, request: web.Request) -> dict[str, int]:
        """The matching endpoint's ``{"count": n}``, an integer."""
        return {"count": len(self._rows(workspace, request))}

    def page(self, workspace: TapdWorkspaceRecords, request: web.Request) -> list[dict[str, Record]]:
        """The wrapped rows of the page asked for; an empty list past the end."""
        server, query = request.app[SERVER], request.query
        page = page_of(query, self.largest)
        rows = self._rows(workspace, request)
        fault = server.faults.take(EVOLUTIONS, request.path, query)
        if fault is not None and fault.kind is not FaultKind.DUPLICATE_ROW:
            evolve(workspace, self.kind, rows, fault, utc_now())
            rows = self._rows(workspace, request)
        part = rows[page.start : page.start + page.limit]
        if fault is not None and fault.kind is FaultKind.DUPLICATE_ROW and 0 < page.start <= len(rows):
            part = [rows[page.start - 1], *part]
            fault.touched.append(str(part[0]["id"]))
        bare = server.faults.take((FaultKind.BARE_ROWS,), request.path, query)
        served = [self.complete(workspace, row, query) for row in part]
        if bare:
            served = [
                {name: value for name, value in row.items() if value not in (None, "")} for row in served
            ]
        if query.get("fields") != "labels" and server.faults.take(
            (FaultKind.LABELS_UNASKED,), request.path, query
        ):
            served = [{name: value for name, value in row.items() if name != "label"} for row in served]
        if server.faults.take((FaultKind.TYPE_DRIFT,), request.path, query):
            served = [drifted(row) for row in served]
        return [{self.wrapper: narrowed(row, query)} for row in served]

    def _rows(self, workspace: TapdWorkspaceRecords, request: web.Request) -> list[Record]:
        query, server, path = request.query, request.app[SERVER], request.path
        found = self.select(workspace, query, server, path)
        strict = server.faults.take((FaultKind.STRICT_AFTER,), path, query) is not None
        return ordered(selected(found, query, self.defaults, strict_after=strict), query, self.defaults)


def _plain(rows: Callable[[TapdWorkspaceRecords], Rows]) -> Selection:
    return lambda workspace, query, server, path: rows(workspace)


def _labelled(system: str, rows: Callable[[TapdWorkspaceRecords], Rows]) -> Selection:
    """Rows of items, narrowed by ``v_status``: the labels of statuses as the workspace shows them."""

    def select(workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str) -> Rows:
        found = rows(workspace)
        wanted = query.get("v_status")
        if not wanted:
            return found
        labels = set(wanted.split("|"))
        flow = workspace.workflow_of if system == "story" else (lambda row: workspace.workflows["bug", ""])
        return [row for row in found if flow(row).status_map.get(str(row.get("status"))) in labels]

    return select


def _feed(items: Callable[[TapdWorkspaceRecords], Items]) -> Selection:
    """The change rows of one Beijing day or of some items; TapdError 422 for anything else."""

    def select(workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str) -> Rows:
        kept = items(workspace)
        names = [name for name in query.get(kept.key, "").split(",") if name]
        created = query.get("created", "")
        if names:
            return [row for name in names for row in kept.by_item.get(name, ())]
        if is_day(created):
            return kept.by_day.get(created, [])
        if server.faults.take((FaultKind.UNSCOPED_CHANGES,), path, query):
            return kept.changes
        raise TapdError(422, f"{kept.key} or created (one day, such as 2022-02-22) is required")

    return select


def _bug_changes(
    workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str
) -> Rows:
    found = _feed(lambda workspace: workspace.bug_items)(workspace, query, server, path)
    if query.get("include_add_bug") == "1":
        return found
    return [row for row in found if not str(row["change_type"]).startswith("create_")]


def _workitem_changes(items: Callable[[TapdWorkspaceRecords], Items]) -> Selection:
    """The change rows of stories or tasks, narrowed by ``change_field``: one of the fields changed."""
    feed = _feed(items)

    def select(workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str) -> Rows:
        found, field = feed(workspace, query, server, path), query.get("change_field")
        if not field:
            return found
        whole = (workspace.workitem_change_row(row) for row in found)
        return [row for row in whole if any(entry["field"] == field for entry in row["field_changes"] or ())]

    return select


def _change_row(workspace: TapdWorkspaceRecords, row: Record, query: Mapping[str, str]) -> Record:
    whole = workspace.workitem_change_row(row)
    if query.get("need_parse_changes") == "0":
        whole = {name: value for name, value in whole.items() if name != "field_changes"}
    return whole


def _removed_bugs(
    workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str
) -> Rows:
    every = query.get("include_all") == "1"
    return [row for row in workspace.removed if every or row["type"] == "delete"]


def _removed(items: Callable[[TapdWorkspaceRecords], Items]) -> Selection:
    """The removed rows; archived ones only where ``is_archived`` asks for them."""

    def select(workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str) -> Rows:
        archived = query.get("is_archived", "0")
        return [row for row in items(workspace).removed if row.get("is_archived", "0") == archived]

    return select


def _iteration_changes(
    workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str
) -> Rows:
    asked = FaultKind.ITERATION_ID_REQUIRED
    if not query.get("iteration_id") and server.faults.take((asked,), path, query):
        raise TapdError(422, "iteration_id is required")
    return workspace.iteration_changes


def _timesheets(workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str) -> Rows:
    deleted = query.get("is_delete", "0")
    return [row for row in workspace.timesheets.values() if str(row.get("is_delete", "0")) == deleted]


def _life_times(workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str) -> Rows:
    """The rows of one item; TapdError 422 where it is not named."""
    kind, name = query.get("entity_type", ""), query.get("entity_id", "")
    if kind not in {"bug", "story", "task"} or not name:
        raise TapdError(422, "entity_type and entity_id are required")
    return workspace.life_times(kind, name)


_REMOVED = dict.fromkeys(REMOVED_WORKITEM_FIELDS)
_STORY_CHANGE = WORKITEM_CHANGE_DEFAULTS | {"story_id": None}
_TASK_CHANGE = WORKITEM_CHANGE_DEFAULTS | {"task_id": None}

#: The listings by their path.
LISTINGS: dict[str, Listing] = {
    "/bugs": Listing(
        "Bug",
        BUG_DEFAULTS,
        _labelled("bug", lambda workspace: workspace.bugs.values()),
        lambda workspace, row, query: BUG_DEFAULTS | row,
        BUG,
    ),
    "/bug_changes": Listing(
        "BugChange",
        CHANGE_DEFAULTS,
        _bug_changes,
        lambda workspace, row, query: workspace.change_row(row),
        BUG,
    ),
    "/bugs/get_removed_bugs": Listing(
        "RemovedBug", dict.fromkeys(REMOVED_BUG_FIELDS), _removed_bugs, kind=BUG
    ),
    "/stories": Listing(
        "Story",
        STORY_DEFAULTS,
        _labelled("story", lambda workspace: workspace.stories.values()),
        lambda workspace, row, query: STORY_DEFAULTS | row,
        STORY,
    ),
    "/story_changes": Listing(
        "WorkitemChange",
        _STORY_CHANGE,
        _workitem_changes(lambda workspace: workspace.story_items),
        _change_row,
        STORY,
        largest=100,
    ),
    "/stories/get_removed_stories": Listing(
        "RemovedStory", _REMOVED, _removed(lambda workspace: workspace.story_items), kind=STORY
    ),
    "/tasks": Listing(
        "Task",
        TASK_DEFAULTS,
        _plain(lambda workspace: workspace.tasks.values()),
        lambda workspace, row, query: TASK_DEFAULTS | row,
        TASK,
    ),
    "/task_changes": Listing(
        "WorkitemChange",
        _TASK_CHANGE,
        _workitem_changes(lambda workspace: workspace.task_items),
        _change_row,
        TASK,
        largest=100,
    ),
    "/tasks/get_removed_tasks": Listing(
        "RemovedTask", _REMOVED, _removed(lambda workspace: workspace.task_items), kind=TASK
    ),
    "/iterations": Listing(
        "Iteration",
        ITERATION_DEFAULTS,
        _plain(lambda workspace: workspace.iterations.values()),
        lambda workspace, row, query: workspace.iteration_row(row),
    ),
    "/iteration_changes": Listing("IterationChange", ITERATION_CHANGE_DEFAULTS, _iteration_changes),
    "/new_releases": Listing(
        "Release",
        RELEASE_DEFAULTS,
        _plain(lambda workspace: workspace.releases.values()),
        lambda workspace, row, query: RELEASE_DEFAULTS | row,
    ),
    "/releases": Listing(
        "Release",
        RELEASE_DEFAULTS,
        _plain(lambda workspace: workspace.releases.values()),
        lambda workspace, row, query: RELEASE_DEFAULTS | row,
    ),
    "/timesheets": Listing(
        "Timesheet",
        TIMESHEET_DEFAULTS,
        _timesheets,
        lambda workspace, row, query: TIMESHEET_DEFAULTS | row,
    ),
    "/life_times": Listing("LifeTime", LIFE_TIME_DEFAULTS, _life_times),
    "/story_categories": Listing(
        "Category",
        CATEGORY_DEFAULTS,
        _plain(lambda workspace: workspace.categories.values()),
        lambda workspace, row, query: CATEGORY_DEFAULTS | row,
    ),
}
