"""A GitLab server over a company's records: the account, projects and project events under ``/api/v4``."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from time import time

from aiohttp import web

from simulator.clock import gitlab_time, utc_now
from simulator.faults import Fault, FaultKind, Faults
from simulator.gitlab_events import date_filter, selected_events
from simulator.gitlab_pages import GitlabError, keyset_answer, offset_answer, page_of, refuse_depth
from simulator.gitlab_records import GitlabProjectRecords
from simulator.records import Company, Record
from simulator.serving import CONTROL_PATH, SERVER, Handler, Quota, Server, control, json_response, observed

COMPANY: web.AppKey[Company] = web.AppKey("company", Company)


@dataclass(frozen=True)
class GitlabAccount:
    """What opens the simulated GitLab: a personal access token, as PRIVATE-TOKEN or Bearer."""

    token: str = "demo-gitlab-token"


ACCOUNT: web.AppKey[GitlabAccount] = web.AppKey("account", GitlabAccount)

_RATE_LIMITS = (FaultKind.RATE_LIMIT_TEXT, FaultKind.RATE_LIMIT_JSON, FaultKind.RATE_LIMIT_HTML)


def create_gitlab_app(
    company: Company,
    faults: Faults | None = None,
    *,
    quota: int | None = 2000,
    quota_window_s: float = 60.0,
    account: GitlabAccount | None = None,
) -> web.Application:
    """The application for a company; its ``SERVER`` key holds counters, quota and faults.

    ``quota`` is the account's number of requests per window, None for no limit.
    """
    app = web.Application(middlewares=[observed, _answered])
    app[COMPANY] = company
    app[SERVER] = Server(faults or Faults(), Quota(quota, quota_window_s))
    app[ACCOUNT] = account or GitlabAccount()
    app.router.add_route("*", CONTROL_PATH, control)
    app.router.add_get("/api/v4/user", _user)
    app.router.add_get("/api/v4/projects", _projects)
    app.router.add_get("/api/v4/projects/{project}", _project)
    app.router.add_get("/api/v4/projects/{project}/events", _events)
    return app


@web.middleware
async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path == CONTROL_PATH:
        return await handler(request)
    server = request.app[SERVER]
    allowed = server.quota.take()
    fault = server.faults.take(_RATE_LIMITS, request.path, request.query)
    if fault is not None or not allowed:
        return _too_many(server, fault)
    try:
        _authenticate(request)
        return await handler(request)
    except GitlabError as error:
        return json_response(error.body, error.status)
    except web.HTTPNotFound:
        return json_response({"error": "404 Not Found"}, 404)
    except web.HTTPMethodNotAllowed:
        return json_response({"error": "405 Not Allowed"}, 405)


def _too_many(server: Server, fault: Fault | None) -> web.Response:
    if fault is not None and fault.kind is FaultKind.RATE_LIMIT_JSON:
        text = "This endpoint has been requested too many times. Try again later."
        return json_response({"message": {"error": text}}, 429)
    if fault is not None and fault.kind is FaultKind.RATE_LIMIT_HTML:
        page = "<!DOCTYPE html><html><head><title>Access denied | Rate limited</title></head></html>"
        return web.Response(text=page, status=429, content_type="text/html")
    wait_s = server.quota.seconds_left if fault is None else fault.retry_after
    ends = int(time()) + wait_s
    headers = {
        "RateLimit-Name": "throttle_authenticated_api",
        "RateLimit-Limit": str(server.quota.limit or 0),
        "RateLimit-Observed": str(server.quota.spent),
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": str(ends),
        "RateLimit-ResetTime": formatdate(ends, usegmt=True),
        "Retry-After": str(wait_s),
    }
    return web.Response(text="Retry later\n", status=429, content_type="text/plain", headers=headers)


def _authenticate(request: web.Request) -> None:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    given = request.headers.get("PRIVATE-TOKEN") or (bearer.strip() if scheme.lower() == "bearer" else "")
    if given != request.app[ACCOUNT].token:
        raise GitlabError(401, {"message": "401 Unauthorized"})


async def _user(request: web.Request) -> web.StreamResponse:
    user = request.app[COMPANY].user
    return json_response(user | {"is_admin": False, "email": "user01@example.com", "bot": False})


async def _projects(request: web.Request) -> web.StreamResponse:
    query = request.query
    rows: list[Record] = [
        project.record for project in request.app[COMPANY].projects.values() if project.access != "hidden"
    ]
    if query.get("archived"):
        rows = [row for row in rows if row["archived"] == (query["archived"] == "true")]
    if since := query.get("last_activity_after"):
        rows = [row for row in rows if str(row["last_activity_at"]) > since]
    for name, sign in (("id_after", 1), ("id_before", -1)):
        if bound := query.get(name):
            rows = [row for row in rows if (int(row["id"]) - int(bound)) * sign > 0]
    order = query.get("order_by") or "created_at"
    if order not in {"id", "name", "path", "created_at", "updated_at", "last_activity_at"}:
        raise GitlabError(400, {"error": "order_by does not have a valid value"})
    descending = query.get("sort", "desc") == "desc"
    rows.sort(
        key=lambda row: (str(row.get(order)) if order != "id" else "", int(row["id"])), reverse=descending
    )
    page = page_of(query)
    if query.get("pagination") == "keyset":
        if order != "id":
            raise GitlabError(
                405, {"error": "Keyset pagination is not yet available for this type of request"}
            )
        return keyset_answer(request, rows, page.size, descending)
    refuse_depth(page, "Project")
    return offset_answer(request, list(rows[page.start : page.start + page.size]), page, len(rows))


async def _project(request: web.Request) -> web.StreamResponse:
    return await _with_project(request, _project_row)


async def _project_row(request: web.Request, project: GitlabProjectRecords) -> web.StreamResponse:
    return json_response(project.record)


async def _events(request: web.Request) -> web.StreamResponse:
    return await _with_project(request, _event_page)


async def _event_page(request: web.Request, project: GitlabProjectRecords) -> web.StreamResponse:
    server, query, page = request.app[SERVER], request.query, page_of(request.query)
    for name in ("before", "after"):
        date_filter(query, name)
    if fault := server.faults.take((FaultKind.INSERT_AT_HEAD,), request.path, query):
        number = max(
            [request.app[COMPANY].next_event_id(), *(int(event["id"]) + 1 for event in project.events[-1:])]
        )
        event = {
            "id": number,
            "action_name": "pushed to",
            "created_at": gitlab_time(utc_now()),
            **fault.record,
        }
        fault.touched.append(str(project.add_event(event)["id"]))
    found = selected_events(project, query)
    if query.get("sort", "desc") != "asc":
        found.reverse()
    part = found[page.start : page.start + page.size]
    # What the account may not see is taken out after the page was cut: pages come short or empty.
    visible: list[object] = [event for event in part if event["id"] not in project.hidden]
    if server.faults.take((FaultKind.HIDDEN_PAGE,), request.path, query):
        visible = []
    totals = not server.faults.take((FaultKind.NO_TOTALS,), request.path, query)
    return offset_answer(request, visible, page, len(found), totals=totals)


async def _with_project(
    request: web.Request,
    answer: Callable[[web.Request, GitlabProjectRecords], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Answer for the project named in the path; 301 for a moved one, 403 or 404 as its access says."""
    company, name = request.app[COMPANY], request.match_info["project"]
    if name in company.moved_projects:
        resource = request.match_info.route.resource
        tail = "" if resource is None else resource.canonical.partition("{project}")[2]
        path = f"/api/v4/projects/{company.moved_projects[name]}{tail}"
        location = str(request.url.with_path(path).with_query(request.query))
        return json_response({"message": "301 Moved Permanently"}, 301, {"Location": location})
    by_path = {str(project.record["path_with_namespace"]): project for project in company.projects.values()}
    project = company.projects.get(int(name)) if name.isdecimal() else by_path.get(name)
    if project is None or project.access == "hidden":
        raise GitlabError(404, {"message": "404 Project Not Found"})
    if project.access == "forbidden":
        raise GitlabError(403, {"message": "403 Forbidden"})
    return await answer(request, project)
