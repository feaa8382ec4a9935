"""A TAPD server over a company's records: Basic and Bearer, the envelope, and the endpoints collectors need.

``create_tapd_app`` makes the aiohttp application; the base address is its root. What TAPD leaves open is
decided as follows: a feed of changes takes one day or bug ids; ``>DATE`` begins with that day's first
second; an unsupported depth answers 422; empty objects are ``[]``, as PHP writes them.
"""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

from aiohttp import web

from simulator.faults import FaultKind, Faults
from simulator.records import Company, Record
from simulator.serving import CONTROL_PATH, SERVER, Handler, Quota, Server, control, json_response, observed
from simulator.tapd_effort import USER_DEFAULTS
from simulator.tapd_lists import LISTINGS, Listing
from simulator.tapd_query import TapdError, narrowed
from simulator.tapd_records import TapdWorkspaceRecords, Workflow

COMPANY: web.AppKey[Company] = web.AppKey("company", Company)


@dataclass(frozen=True)
class TapdAccount:
    """What opens the simulated TAPD: an API account for Basic, a personal token for Bearer."""

    user: str = "demo-account"
    password: str = "demo-password"
    token: str = "demo-tapd-token"


ACCOUNT: web.AppKey[TapdAccount] = web.AppKey("account", TapdAccount)

Endpoint = Callable[[web.Request], object]
_SYSTEMS = ("bug", "story")
_OBJECTS = (FaultKind.RATE_LIMIT_STATUS, FaultKind.RATE_LIMIT_BODY)
_ENVELOPES = (FaultKind.ENVELOPE_STATUS, FaultKind.UNKNOWN_PATH)


def create_tapd_app(
    company: Company,
    faults: Faults | None = None,
    *,
    quota: int | None = 6000,
    quota_window_s: float = 60.0,
    account: TapdAccount | None = None,
) -> web.Application:
    """The application for a company; its ``SERVER`` key holds counters, quota and faults.

    ``quota`` is the account's number of requests per window, None for no limit.
    """
    app = web.Application(middlewares=[observed, _enveloped])
    app[COMPANY] = company
    app[SERVER] = Server(faults or Faults(), Quota(quota, quota_window_s))
    app[ACCOUNT] = account or TapdAccount()
    app.router.add_route("*", CONTROL_PATH, control)
    for path, endpoint in _endpoints().items():
        app.router.add_get(path, _handler(endpoint))
    app.router.add_route("*", "/{path:.*}", _hello)
    return app


def envelope(data: object, status: int = 1, info: str = "success", http: int = 200) -> web.Response:
    """TAPD's ``{"status", "data", "info"}``; failures carry a request id besides."""
    body: Record = {"status": status, "data": data, "info": info}
    if status != 1:
        body["meta"] = {"request_id": f"{crc32(info.encode()):012x}"}
    return json_response(body, http)


@web.middleware
async def _enveloped(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path == CONTROL_PATH:
        return await handler(request)
    server = request.app[SERVER]
    response = _limited(request, server)
    if response is None:
        fault = server.faults.take(_ENVELOPES, request.path, request.query)
        try:
            if fault is None:
                response = await handler(request)
            elif fault.kind is FaultKind.UNKNOWN_PATH:
                response = await _hello(request)
            else:
                response = envelope(fault.data, fault.status, "it went wrong")
        except TapdError as error:
            response = envelope("", error.status, error.info, error.status)
            if error.status == 401:
                response.headers["WWW-Authenticate"] = "Basic realm='TAPD API'"
    if server.quota.limit is not None:
        response.headers["X-RateLimit-Limit"] = str(server.quota.limit)
        response.headers["X-RateLimit-Remaining"] = str(server.quota.remaining)
    return response


def _limited(request: web.Request, server: Server) -> web.StreamResponse | None:
    allowed = server.quota.take()
    fault = server.faults.take(_OBJECTS, request.path, request.query)
    if allowed and fault is None:
        return None
    user = request.app[ACCOUNT].user
    info = f"To many requests, api account {user} max request rates is {server.quota.text}"
    in_body = fault is not None and fault.kind is FaultKind.RATE_LIMIT_BODY
    return envelope("" if fault is None else fault.data, 429, info, 200 if in_body else 429)


def _authenticate(request: web.Request) -> None:
    account = request.app[ACCOUNT]
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        if credentials.strip() != account.token:
            raise TapdError(422, "The access token provided is invalid")
        return
    try:
        given = b64decode(credentials, validate=True).decode() if scheme.lower() == "basic" else ""
    except ValueError:
        given = ""
    if given != f"{account.user}:{account.password}":
        raise TapdError(401, "401 Unauthorized")


def _handler(endpoint: Endpoint) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        _authenticate(request)
        return envelope(endpoint(request))

    return handle


async def _hello(request: web.Request) -> web.StreamResponse:
    number = request.app[SERVER].counters.total
    info = "Documents can be found in https://www.tapd.cn/help/view#1120003271001000103"
    return envelope(f"Hello world from TAPD API. {number}", 1, info)


def _workspace(request: web.Request) -> TapdWorkspaceRecords:
    name = request.query.get("workspace_id")
    if not name:
        raise TapdError(422, "workspace_id is required")
    workspace = request.app[COMPANY].workspaces.get(name)
    if workspace is None:
        raise TapdError(404, f"workspace {name} not existed")
    return workspace


def _workflow(request: web.Request) -> Workflow:
    """The workflow asked for; that of a workspace's first type where stories are asked for without one."""
    workspace, system = _workspace(request), request.query.get("system", "")
    if system not in _SYSTEMS:
        raise TapdError(422, "system must be bug or story")
    kind = request.query.get("workitem_type_id", "") if system == "story" else ""
    if system == "story" and not kind and workspace.workitem_types:
        kind = str(workspace.workitem_types[0]["id"])
    flow = workspace.workflows.get((system, kind))
    if flow is None:
        raise TapdError(422, f"workitem_type_id {kind} not existed")
    return flow


def _test_account(request: web.Request) -> object:
    account = request.app[ACCOUNT]
    return {"api_user": account.user, "api_password": account.password, "request_ip": request.remote}


def _company_workspaces(request: web.Request) -> object:
    company = request.app[COMPANY]
    wanted = request.query.get("company_id")
    if not wanted and request.path == "/workspaces/projects":
        raise TapdError(422, "company_id is required")
    if wanted and wanted != company.company_id:
        raise TapdError(404, f"company {wanted} not existed")
    category = request.query.get("category")
    rows = [workspace.record for workspace in company.workspaces.values()]
    rows = [row for row in rows if not category or row["category"] == category]
    if request.query.get("with_extends") == "1":
        rows = [row | {"WorkspaceExtends": {"flow_view": "scrum"}} for row in rows]
    return [{"Workspace": row} for row in rows]


def _sub_workspaces(request: web.Request) -> object:
    company, parent = request.app[COMPANY], request.query.get("workspace_id")
    if parent != company.company_id:
        parent = _workspace(request).id
    rows = [workspace.record for workspace in company.workspaces.values()]
    return [{"Workspace": row} for row in rows if row["parent_id"] == parent]


def _workitem_types(request: web.Request) -> object:
    return [{"WorkitemType": row} for row in _workspace(request).workitem_types]


def _all_last_steps(request: web.Request) -> object:
    workspace, wanted = _workspace(request), request.query.get("system", "")
    if wanted not in _SYSTEMS:
        raise TapdError(422, "system must be bug or story")
    kept = {key: flow for key, flow in workspace.workflows.items() if key[0] == wanted}
    if len(kept) > 1:
        del kept[wanted, ""]
    return {flow.workflow_id: flow.last_steps for flow in kept.values()}


def _related_bugs(request: web.Request) -> object:
    """All relations of the stories asked for: without a wrapper, not paged, the workspace an integer."""
    workspace, names = _workspace(request), request.query.get("story_id", "")
    if not names:
        raise TapdError(422, "story_id is required")
    wanted = set(names.split(","))
    return [row for row in workspace.story_bugs if row["story_id"] in wanted]


def _users(request: web.Request) -> object:
    """The accounts that take part, all at once; ids and addresses only where they are asked for."""
    query = request.query
    rows = list(_workspace(request).users.values())
    if not query.get("fields"):
        rows = [{name: row[name] for name in USER_DEFAULTS} for row in rows]
    return [{"UserWorkspace": narrowed(row, query)} for row in rows]


def _custom_fields(entry_type: str) -> Endpoint:
    def fields(request: web.Request) -> object:
        rows = _workspace(request).custom_fields
        return [{"CustomFieldConfig": row} for row in rows if row.get("entry_type") == entry_type]

    return fields


def _endpoints() -> dict[str, Endpoint]:
    endpoints: dict[str, Endpoint] = {
        "/quickstart/testauth": _test_account,
        "/workspaces/projects": _company_workspaces,
        "/workspaces/user_participant_projects": _company_workspaces,
        "/workspaces/sub_workspaces": _sub_workspaces,
        "/workspaces/users": _users,
        "/workspaces/get_workspace_info": lambda request: {"Workspace": _workspace(request).record},
        "/workitem_types": _workitem_types,
        "/workflows/status_map": lambda request: _workflow(request).status_map or [],
        "/workflows/last_steps": lambda request: _workflow(request).last_steps or [],
        "/workflows/all_last_steps": _all_last_steps,
        "/workflows/first_step": lambda request: _workflow(request).first_step or [],
        "/bugs/custom_fields_settings": _custom_fields("bug"),
        "/stories/custom_fields_settings": _custom_fields("story"),
        "/tasks/custom_fields_settings": _custom_fields("task"),
        "/stories/get_related_bugs": _related_bugs,
    }
    for path, listing in LISTINGS.items():
        endpoints[path] = _page(listing)
        endpoints[f"{path}/count"] = _count(listing)
    return endpoints


def _page(listing: Listing) -> Endpoint:
    return lambda request: listing.page(_workspace(request), request)


def _count(listing: Listing) -> Endpoint:
    return lambda request: listing.count(_workspace(request), request)
