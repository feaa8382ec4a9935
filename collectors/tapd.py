"""TAPD's workspaces, workitem types and workflows, and what collectors of a workspace share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from collectors import WHOLE, Collector, Identity, Page, Since, collector
from collectors.tapd_client import TapdClient, bodies, inside
from metrics_api.core.errors import Fatal, Skippable
from metrics_api.core.raw import Dating

HOUR_S = 3600.0
# Filters by `modified` are day-grained, and whether `>` includes its day is not documented.
OVERLAP = timedelta(days=1)


def named(record: Any, field: str = "id") -> str:
    """The record's id, or another's that it names; raises ValueError or TypeError where there is none."""
    if not isinstance(record, dict):
        raise TypeError("the record is not an object")
    value = record.get(field)
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise ValueError(f"the record has no {field}")
    return str(value)


class PerWorkspace(Collector[TapdClient]):
    """What every collector of a workspace shares: its scopes, and versions told apart by `modified`."""

    upstream: ClassVar[str] = "tapd"

    async def scopes(self) -> list[str]:
        """The workspaces configured, else those TAPD listed; without those that are not there any more."""
        noted = (await self.store.one("watermarks", f"{Workspaces.name}:{self.instance}:{WHOLE}")) or {}
        cursor = noted.get("cursor", {})
        if self.client.config.workspaces:
            return [one for one in self.client.config.workspaces if one not in cursor.get("gone", ())]
        known = await self.store.all("raw_tapd_workspace", {"instance": self.instance})
        there = cursor.get("scopes")
        return sorted(one["scope"] for one in known if there is None or one["scope"] in there)

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """The record by its own id."""
        name = named(record)
        return Identity(name, name)

    def dating(self) -> Dating | None:
        """By `modified`."""
        return Dating("modified", self.client.epoch)

    async def half_read(self, unit: str, scope: str) -> Skippable | None:
        """What a walk of another collector's records is to end with, unless that had succeeded in the scope.

        To be asked before the records are looked up, since it may succeed meanwhile: a walk of half of them
        that were a success would let this collector rest.
        """
        noted = await self.store.one("watermarks", f"{unit}:{self.instance}:{scope}")
        if noted and noted["started_at"] is not None:
            return None
        return Skippable(f"{self.name} walks what {unit} reads, which had not succeeded when it began")

    def changed_since(self, scope: str, since: Since, field: str = "modified") -> dict[str, str]:
        """The filter for what was changed since the last run, a whole day earlier; none at first."""
        asked = {"workspace_id": scope}
        if since.at is not None:
            asked[field] = f">{self.client.day(since.at - OVERLAP)}"
        return asked


@collector
class Workspaces(PerWorkspace):
    """The workspaces of the configuration, of the company, or those the account takes part in.

    The cursor notes which are there (`scopes`) and which of the configured ones are not (`gone`).
    """

    name = "tapd.workspaces"
    collection = "raw_tapd_workspace"
    topics = ("workspaces",)
    order = 10
    whole = True

    async def scopes(self) -> list[str]:
        """All at once."""
        return [WHOLE]

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """One page with all, or one for each workspace configured; raises Skippable when some are gone."""
        config = self.client.config
        if not config.workspaces:
            if config.company_id:
                rows = await self.client.listed("/workspaces/projects", {"company_id": config.company_id})
            else:
                rows = await self.client.listed("/workspaces/user_participant_projects", await self._nick())
            found = bodies(rows, "Workspace")
            yield Page(
                [inside(row, "Workspace") for row in rows],
                cursor={"scopes": [str(one["id"]) for one in found if one.get("id")]},
            )
            return
        gone: dict[str, Skippable] = {}
        for workspace in config.workspaces:
            try:
                answer = await self.client.mapping(
                    "/workspaces/get_workspace_info", {"workspace_id": workspace}
                )
            except Skippable as error:
                gone[workspace] = error
                continue
            yield Page([inside(answer, "Workspace")])
        there = [workspace for workspace in config.workspaces if workspace not in gone]
        yield Page([], cursor={"scopes": there, "gone": list(gone)})
        if gone:
            raise Skippable("; ".join(f"workspace {name}: {error}" for name, error in gone.items()))

    async def _nick(self) -> dict[str, str]:
        """The account's name, which a token can be asked for and an API user has not."""
        try:
            account = await self.client.mapping("/users/info", {})
        except (Fatal, Skippable):
            return {}
        nick = account.get("nick")
        return {"nick": nick} if isinstance(nick, str) and nick else {}

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """A workspace is its own scope."""
        name = named(record)
        return Identity(name, name, scope=name)


@collector
class WorkitemTypes(PerWorkspace):
    """The kinds of stories of a workspace, each with a workflow of its own."""

    name = "tapd.workitem_types"
    collection = "raw_tapd_workitem_type"
    topics = ("workitem_types", "workflows")
    order = 20
    pause_s = HOUR_S

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """All of them; there are few."""
        async for page in self.client.settled("/workitem_types", {"workspace_id": scope}, "WorkitemType"):
            yield Page([inside(row, "WorkitemType") for row in page.rows])


class Workflows(PerWorkspace):
    """A map of statuses per item type: bugs have one, stories one for each workitem type."""

    topics = ("workflows",)
    pause_s = HOUR_S
    path: ClassVar[str]

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """One page with one map for bugs, then for each workitem type of stories.

        One that is not there keeps none of the others; raises Skippable at the end.
        """
        missing = await self.half_read(WorkitemTypes.name, scope)
        known = await self.store.all("raw_tapd_workitem_type", {"instance": self.instance, "scope": scope})
        kinds = [("bug", "")]
        for document in sorted(known, key=lambda document: int(document["n"])):
            if document["data"].get("entity_type", "story") == "story":
                kinds.append(("story", document["key"]))
        for system, kind in kinds:
            try:
                yield await self._map(scope, system, kind)
            except Skippable as error:
                missing = missing or error
        if missing:
            raise missing

    async def _map(self, scope: str, system: str, kind: str) -> Page:
        asked = {"workspace_id": scope, "system": system}
        if kind:
            asked["workitem_type_id"] = kind
        about = {"workspace": scope, "system": system, "kind": kind}
        return Page([await self.client.mapping(self.path, asked)], about)

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """By what was asked: the map itself does not say."""
        system, kind = about["system"], about["kind"]
        return Identity(f"{system}:{kind}" if kind else system, f"{about['workspace']}:{system}")

    def dating(self) -> Dating | None:
        """A map has no time of its own."""
        return None


@collector
class StatusMaps(Workflows):
    """The statuses of a workflow: code to label, in the workspace's order."""

    name = "tapd.status_maps"
    collection = "raw_tapd_status_map"
    order = 21
    path = "/workflows/status_map"


@collector
class LastSteps(Workflows):
    """The terminal statuses of a workflow."""

    name = "tapd.last_steps"
    collection = "raw_tapd_last_steps"
    order = 22
    path = "/workflows/last_steps"


@collector
class FirstSteps(Workflows):
    """The status a workflow begins with."""

    name = "tapd.first_steps"
    collection = "raw_tapd_first_step"
    order = 23
    path = "/workflows/first_step"
