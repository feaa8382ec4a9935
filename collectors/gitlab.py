"""GitLab's projects and their events."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

from yarl import URL

from collectors import WHOLE, Collector, Identity, Page, Since, collector
from collectors.signatures import signature_of_event
from collectors.upstream import Answer, Upstream, rejected
from metrics_api.core.config import GitlabInstance
from metrics_api.core.errors import Fatal, Retriable, Skippable
from metrics_api.core.raw import Dating
from metrics_api.core.settings import Credentials
from metrics_api.core.store import Store

log = logging.getLogger(__name__)

API = "/api/v4"
PER_PAGE = 100
# Both bounds of the events' window are dates of the server's own zone, and leave out the day they name.
# Three days before the watermark's day in UTC is at least a day of overlap in any zone.
EVENT_OVERLAP = timedelta(days=3)
# Shown to maintainers in the project's record, and nothing to keep.
SECRETS = ("runners_token",)


def gitlab_headers(credentials: Credentials) -> dict[str, str]:
    """The authentication header."""
    return {"PRIVATE-TOKEN": credentials.token}


@dataclass(frozen=True)
class Part:
    """One page of a list: its rows and the address of the next page, if there is one."""

    rows: list[Any]
    following: URL | None


class GitlabClient:
    """One GitLab account; every method raises UpstreamError."""

    def __init__(self, config: GitlabInstance, upstream: Upstream) -> None:
        self.config = config
        self.upstream = upstream

    async def one(self, path: str) -> dict[str, Any]:
        """An object."""
        found = await self.upstream.ask(self.upstream.address(API + path, {}), self._good)
        if not isinstance(found, dict):
            raise Fatal(f"{self.upstream.name} {path}: not an object")
        return found

    async def pages(self, path: str, params: Mapping[str, str]) -> AsyncIterator[list[Any]]:
        """The pages of a list as long as the server names a next one; short and empty ones come between."""
        asked = {"per_page": str(PER_PAGE), **params}
        address: URL | None = self.upstream.address(API + path, asked)
        been = set()
        while address is not None:
            if address in been:
                raise Fatal(f"{self.upstream.name} {path}: the next page is one that was read")
            been.add(address)
            part = await self.upstream.ask(address, partial(self._part, address))
            yield part.rows
            address = part.following

    def _good(self, answer: Answer) -> Any:
        failure = rejected(answer)
        if failure:
            raise failure
        what = f"{self.upstream.name}: HTTP {answer.status}"
        if answer.status in (403, 404):
            raise Skippable(f"{what}: gone, switched off or not allowed")
        if answer.status != 200:
            raise Fatal(
                f"{what}; a token with the scope read_api is needed" if answer.status == 401 else what
            )
        return answer.json()

    def _part(self, address: URL, answer: Answer) -> Part:
        rows = self._good(answer)
        if not isinstance(rows, list):
            raise Retriable(f"{self.upstream.name} {address.path}: not a list")
        return Part(rows, self._following(address, answer, len(rows)))

    def _following(self, address: URL, answer: Answer, rows: int) -> URL | None:
        link = next_link(answer.headers.get("Link", ""))
        if link:
            return self.upstream.same_server(address.join(URL(link, encoded=True)))
        number = answer.headers.get("X-Next-Page")
        if number:
            return address.update_query({"page": number})
        if number is None and "Link" not in answer.headers and rows >= PER_PAGE:
            # A proxy that strips the headers: only a short page can be the last.
            return address.update_query({"page": str(int(address.query.get("page", "1")) + 1)})
        return None


def next_link(header: str) -> str:
    """The address of `rel="next"` in a Link header, "" where there is none."""
    for entry in header.split(","):
        target, _, parameters = entry.strip().partition(">")
        if target.startswith("<") and 'rel="next"' in parameters.replace("rel=next", 'rel="next"'):
            return target[1:]
    return ""


def instant(value: Any) -> float | None:
    """Epoch seconds of an ISO time with its offset; raises ValueError or TypeError."""
    if value is None:
        return None
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError("a time without its offset")
    return found.timestamp()


def numbered(record: Any) -> str:
    """The record's number as text; raises ValueError or TypeError where it has none."""
    if not isinstance(record, dict):
        raise TypeError("the record is not an object")
    value = record.get("id")
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value == "":
        raise ValueError("the record has no id")
    return str(value)


@collector
class Projects(Collector[GitlabClient]):
    """The projects of the configuration, else those the account is a member of.

    What led to a configured one is kept with it, so that it is known by that after it was renamed. The
    cursor notes which are there (`scopes`).
    """

    upstream: ClassVar[str] = "gitlab"
    name = "gitlab.projects"
    collection = "raw_gitlab_project"
    topics = ("projects",)
    order = 10
    whole = True

    def __init__(self, instance: str, client: GitlabClient, store: Store) -> None:
        super().__init__(instance, client, store)
        self._told: set[str] = set()

    async def scopes(self) -> list[str]:
        """All at once."""
        return [WHOLE]

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """One page for each project configured, or the pages of the list by rising id.

        Raises Skippable when some of the configured ones are gone.
        """
        there: list[str] = []
        if not self.client.config.projects:
            asked = {"membership": "true", "order_by": "id", "sort": "asc", "pagination": "keyset"}
            async for rows in self.client.pages("/projects", asked):
                there += [str(number) for number in _ids(rows)]
                yield Page([_without_secrets(row) for row in rows])
            yield Page([], cursor={"scopes": there})
            return
        known = await self.store.all("raw_gitlab_project", {"instance": self.instance})
        ids = {str(project["asked"]).casefold(): project["scope"] for project in known if "asked" in project}
        missing = []
        for path in self.client.config.projects:
            project = await self._found(path, ids.get(path.casefold()))
            if project is None:
                missing.append(path)
                continue
            there += [str(number) for number in _ids([project])]
            self._tell(path, project)
            yield Page([_without_secrets(project)], {"asked": path})
        yield Page([], cursor={"scopes": there})
        if missing:
            raise Skippable(f"projects that are gone or not allowed: {', '.join(missing)}")

    async def _found(self, path: str, number: str | None) -> dict[str, Any] | None:
        """A project by its path, else by the id to which that led before; None where neither is there."""
        for name in (path, number):
            if name:
                try:
                    return await self.client.one(f"/projects/{quote(name, safe='')}")
                except Skippable:
                    continue
        return None

    def _tell(self, path: str, project: Mapping[str, Any]) -> None:
        """Say once that a configured project has another path now."""
        now = str(project.get("path_with_namespace"))
        if path.casefold() not in (now.casefold(), str(project.get("id"))) and path not in self._told:
            self._told.add(path)
            log.warning("project renamed, mend the configuration asked=%s path=%s", path, now)

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """A project is its own scope."""
        name = numbered(record)
        return Identity(name, name, scope=name, asked=about.get("asked", ""))

    def dating(self) -> Dating | None:
        """By the last activity: a rename does not always show in it, and then the later read wins."""
        return Dating("last_activity_at", instant)


@collector
class Events(Collector[GitlabClient]):
    """The events of each project, newest first; later those of the last days.

    They sort by id: what is added shifts rows to later pages, which repeats some and skips none. A first
    walk that was stopped goes on before the day it had reached (`low`), after what came since (`high`).
    """

    upstream: ClassVar[str] = "gitlab"
    name = "gitlab.events"
    collection = "raw_gitlab_event"
    topics = ("events",)
    order = 20

    async def scopes(self) -> list[str]:
        """The ids of the projects configured, else of all that were listed; without those that are gone."""
        wanted = {path.casefold() for path in self.client.config.projects}
        noted = (await self.store.one("watermarks", f"{Projects.name}:{self.instance}:{WHOLE}")) or {}
        there = noted.get("cursor", {}).get("scopes")
        known = await self.store.all("raw_gitlab_project", {"instance": self.instance})
        return [
            project["scope"]
            for project in sorted(known, key=lambda document: int(document["n"]))
            if (not wanted or wanted & _called(project)) and (there is None or project["scope"] in there)
        ]

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """The pages; the cursor of a first walk keeps its place."""
        today = since.now.astimezone(UTC).date()
        long = since.at is None or since.back
        low, high = (since.cursor.get(key) if long else None for key in ("low", "high"))
        bound = _after(since.at.astimezone(UTC).date()) if since.at else {}
        windows = [bound]
        if low and high:
            windows = [_after(date.fromisoformat(high)), bound | {"before": _day_after(low)}]
        for window in windows:
            walking = long and window is windows[-1]
            async for rows in self.client.pages(f"/projects/{scope}/events", {"sort": "desc", **window}):
                if walking:
                    low = min(filter(None, [low, *_days(rows)]), default=None)
                place = {"low": low, "high": high or today.isoformat()} if walking and low else None
                yield Page(rows, {"project": scope}, cursor=place)
            if not walking and long:
                high = today.isoformat()
        yield Page([], cursor={})

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """By the event's id; a webhook that tells of the same happening belongs to the same signature."""
        return Identity(numbered(record), signature_of_event(record, about["project"]))


def _after(day: date) -> dict[str, str]:
    return {"after": (day - EVENT_OVERLAP).isoformat()}


def _day_after(day: str) -> str:
    # One day more for the bound that excludes its day, one for the server's zone.
    return (date.fromisoformat(day) + timedelta(days=2)).isoformat()


def _ids(rows: list[Any]) -> list[int]:
    return [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), int)]


def _called(project: Mapping[str, Any]) -> set[str]:
    """What a stored project may be called in the configuration: its id, its path, what led to it."""
    names = (project["scope"], project["data"].get("path_with_namespace"), project.get("asked"))
    return {str(name).casefold() for name in names if name}


def _days(rows: list[Any]) -> list[str]:
    """The days of the rows as the server writes them."""
    found = []
    for row in rows:
        text = row.get("created_at") if isinstance(row, dict) else None
        try:
            found.append(datetime.fromisoformat(str(text)).date().isoformat())
        except ValueError:
            continue
    return found


def _without_secrets(project: Any) -> Any:
    if not isinstance(project, dict):
        return project
    return {key: value for key, value in project.items() if key not in SECRETS}
