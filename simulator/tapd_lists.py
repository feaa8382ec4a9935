"""TAPD's paged listings and their counts: bugs, bug changes, removed bugs, iterations."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from aiohttp import web

from simulator.clock import utc_now
from simulator.faults import EVOLUTIONS, FaultKind
from simulator.serving import SERVER, Server
from simulator.shapes import BUG_DEFAULTS, CHANGE_DEFAULTS, ITERATION_DEFAULTS, REMOVED_BUG_FIELDS, Record
from simulator.tapd_query import TapdError, is_day, narrowed, ordered, page_of, selected
from simulator.tapd_records import TapdWorkspaceRecords
from simulator.tapd_rows import drifted, evolve

Selection = Callable[[TapdWorkspaceRecords, Mapping[str, str], Server, str], list[Record]]
Completion = Callable[[TapdWorkspaceRecords, Record], Record]


@dataclass(frozen=True)
class Listing:
    """One kind of row: its wrapper, its fields with their unset values, how rows are found and completed."""

    wrapper: str
    defaults: Record
    select: Selection
    complete: Completion

    def count(self, workspace: TapdWorkspaceRecords, request: web.Request) -> dict[str, int]:
        """The matching endpoint's ``{"count": n}``, an integer."""
        return {"count": len(self._rows(workspace, request))}

    def page(self, workspace: TapdWorkspaceRecords, request: web.Request) -> list[dict[str, Record]]:
        """The wrapped rows of the page asked for; an empty list past the end."""
        server, query = request.app[SERVER], request.query
        page = page_of(query)
        rows = self._rows(workspace, request)
        fault = server.faults.take(EVOLUTIONS, request.path, query)
        if fault is not None and fault.kind is not FaultKind.DUPLICATE_ROW:
            evolve(workspace, rows, fault, utc_now())
            rows = self._rows(workspace, request)
        part = rows[page.start : page.start + page.limit]
        if fault is not None and fault.kind is FaultKind.DUPLICATE_ROW and 0 < page.start <= len(rows):
            part = [rows[page.start - 1], *part]
            fault.touched.append(str(part[0]["id"]))
        served = [self.complete(workspace, row) for row in part]
        if server.faults.take((FaultKind.TYPE_DRIFT,), request.path, query):
            served = [drifted(row) for row in served]
        return [{self.wrapper: narrowed(row, query)} for row in served]

    def _rows(self, workspace: TapdWorkspaceRecords, request: web.Request) -> list[Record]:
        found = self.select(workspace, request.query, request.app[SERVER], request.path)
        return ordered(found, request.query, self.defaults)


def _bugs(
    workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str
) -> list[Record]:
    rows = _matching(workspace.bugs.values(), query, BUG_DEFAULTS, server, path)
    if label := query.get("v_status"):
        status_map = workspace.workflows["bug"].status_map
        codes = {code for code, text in status_map.items() if text in label.split("|")}
        rows = [row for row in rows if row.get("status") in codes]
    return rows


def _changes(
    workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str
) -> list[Record]:
    bugs = [name for name in query.get("bug_id", "").split(",") if name]
    created = query.get("created", "")
    if bugs:
        found = [row for name in bugs for row in workspace.changes_by_bug.get(name, ())]
    elif is_day(created):
        found = workspace.changes_by_day.get(created, [])
    elif server.faults.take((FaultKind.UNSCOPED_CHANGES,), path, query):
        found = workspace.changes
    else:
        raise TapdError(422, "bug_id or created (one day, such as 2022-02-22) is required")
    if query.get("include_add_bug") != "1":
        found = [row for row in found if not str(row["change_type"]).startswith("create_")]
    return _matching(found, query, CHANGE_DEFAULTS, server, path)


def _removed(
    workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str
) -> list[Record]:
    rows = workspace.removed
    if query.get("include_all") != "1":
        rows = [row for row in rows if row["type"] == "delete"]
    return _matching(rows, query, REMOVED.defaults, server, path)


def _iterations(
    workspace: TapdWorkspaceRecords, query: Mapping[str, str], server: Server, path: str
) -> list[Record]:
    return _matching(workspace.iterations.values(), query, ITERATION_DEFAULTS, server, path)


def _matching(
    rows: Collection[Record], query: Mapping[str, str], defaults: Record, server: Server, path: str
) -> list[Record]:
    strict = server.faults.take((FaultKind.STRICT_AFTER,), path, query) is not None
    return selected(rows, query, defaults, strict_after=strict)


BUGS = Listing("Bug", BUG_DEFAULTS, _bugs, TapdWorkspaceRecords.bug_row)
CHANGES = Listing("BugChange", CHANGE_DEFAULTS, _changes, TapdWorkspaceRecords.change_row)
REMOVED = Listing("RemovedBug", dict.fromkeys(REMOVED_BUG_FIELDS), _removed, lambda workspace, row: row)
ITERATIONS = Listing("Iteration", ITERATION_DEFAULTS, _iterations, TapdWorkspaceRecords.iteration_row)
