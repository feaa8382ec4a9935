"""What may be asked for as a task: a kind, a day and a scope, by any of its names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Final

from metrics_api.core.config import Config
from metrics_api.core.days import utc_now
from metrics_api.core.errors import BadRequest
from metrics_api.core.schema import TOPICS
from metrics_api.core.store import Store
from metrics_api.core.tasks import Order

KINDS: Final = ("backfill", "collect", "reconcile", "rebuild")
# Names that an error lists.
NAMED = 10
FIRST_DAY = date(1970, 1, 1)

# (upstream, instance, id)
Place = tuple[str, str, str]


def named(scopes: Sequence[str] | None) -> Sequence[str]:
    """The scopes that somebody named, "" for everything where nobody did (None); raises BadRequest."""
    if scopes is None:
        return [""]
    if not scopes or not all(scopes):
        raise BadRequest(
            "scope names nothing: give a workspace's id or a project's path, or leave it out for everything"
        )
    return scopes


async def orders(
    config: Config, store: Store, kind: str, since: str | None = None, scope: str = ""
) -> list[Order]:
    """What a kind, a day and a scope mean: an order for each instance concerned.

    `scope` is a workspace's id, a project's path or id, either after `<instance>:` where two instances have
    it, or an instance's name; of a rebuild it is a topic; "" is everything. One that an instance may have
    whose list was never read is believed: who does the task reads it. Raises BadRequest.
    """
    if kind not in KINDS:
        raise BadRequest(f"unknown kind {kind[:40]!r}: use one of {', '.join(KINDS)}")
    if kind == "backfill" or (kind == "reconcile" and since is not None):
        since = _day(since)
    elif since is not None:
        raise BadRequest(f"since is for backfill and reconcile, not for {kind!r}")
    if kind == "rebuild":
        if scope and scope not in TOPICS:
            raise BadRequest(f"unknown topic {scope[:40]!r}: use one of {', '.join(TOPICS)}, or none for all")
        return [Order(kind, scope=scope)]
    instances = [("tapd", one.name) for one in config.tapd]
    if kind == "reconcile" and not instances:
        raise BadRequest("nothing to reconcile: no [[tapd]] is configured")
    if kind != "reconcile":
        instances += [("gitlab", one.name) for one in config.gitlab]
    if not instances:
        raise BadRequest("nothing to collect: no [[tapd]] and no [[gitlab]] is configured")
    wanted = [one for one in instances if scope in ("", one[1])]
    if wanted:
        return [Order(kind, *one, since=since) for one in wanted]
    found = await _found(config, store, scope, believed=kind != "reconcile")
    if kind == "reconcile" and found[0] != "tapd":
        raise BadRequest(f"scope {scope[:80]!r} is a project: only workspaces of TAPD are reconciled")
    return [Order(kind, *found, since=since)]


def _day(text: str | None) -> str:
    if not text:
        raise BadRequest("a backfill needs since, the first day to read again, as 2024-01-31")
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"since={text[:40]!r} is not a day: write it as 2024-01-31") from None
    if not FIRST_DAY <= found <= (utc_now() + timedelta(days=1)).date():
        raise BadRequest(f"since={text!r} is not a day between {FIRST_DAY} and today")
    return found.isoformat()


async def _found(config: Config, store: Store, scope: str, believed: bool) -> Place:
    """(upstream, instance, id or path) of the one scope that is called so; raises BadRequest."""
    known = [*_named(config), *await collected_scopes(store)]
    found = {place for name, place in known if scope in (name, f"{place[1]}:{name}")}
    if not found and believed:
        found = await _possible(config, store, scope)
    if len(found) == 1:
        return found.pop()
    if found:
        each = " or ".join(sorted(f"{place[1]}:{place[2]}" for place in found))
        raise BadRequest(f"scope {scope[:80]!r} may be of several instances: write {each}")
    names = sorted({name for name, _ in known})
    if not names:
        right = "a workspace's id, a project's path, or none for everything"
        raise BadRequest(f"unknown scope {scope[:80]!r}, and nothing was collected yet: use {right}")
    right = f"use a workspace's id or a project's path, of {enumerated(names)}"
    raise BadRequest(f"unknown scope {scope[:80]!r}: {right}")


def not_there(instance: str, scope: str, scopes: Collection[str]) -> str:
    """Says that an instance has no such scope, and which it has."""
    return f"scope {scope[:80]!r} is not there: {instance} has {enumerated(sorted(scopes)) or 'none'}"


def enumerated(names: Sequence[str]) -> str:
    """Names in a message, the first ten of them."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _named(config: Config) -> list[tuple[str, Place]]:
    """The workspaces that the configuration names."""
    keys = {config.workspace_key(text) for one in config.product for text in one.workspaces}
    keys |= {f"{one.name}:{workspace}" for one in config.tapd for workspace in one.workspaces}
    parts = (key.partition(":") for key in keys)
    return [(workspace, ("tapd", instance, workspace)) for instance, _, workspace in parts]


async def collected_scopes(store: Store) -> list[tuple[str, Place]]:
    """All names of the scopes that were listed, each with (upstream, instance, id)."""
    known: list[tuple[str, Place]] = []
    fields = {"instance": 1, "scope": 1, "asked": 1, "data.path_with_namespace": 1}
    for row in await store.all("raw_tapd_workspace", fields=fields):
        known.append((row["scope"], ("tapd", row["instance"], row["scope"])))
    for row in await store.all("raw_gitlab_project", fields=fields):
        place = ("gitlab", row["instance"], row["scope"])
        names = {row["scope"], row.get("asked"), row["data"].get("path_with_namespace")}
        known += [(str(name), place) for name in names if name]
    return known


async def _possible(config: Config, store: Store, scope: str) -> set[Place]:
    """The instances that may have a scope, for nobody has read their lists: a number is a workspace's."""
    lists = [("tapd", one.name, "tapd.workspaces") for one in config.tapd if not one.workspaces]
    lists += [("gitlab", one.name, "gitlab.projects") for one in config.gitlab]
    marks = await store.matching("watermarks", "_id", [f"{unit}:{name}:all" for _, name, unit in lists])
    read = {mark["_id"] for mark in marks if mark["started_at"]}
    instance, _, name = scope.rpartition(":")
    return {
        (upstream, one, name)
        for upstream, one, unit in lists
        if f"{unit}:{one}:all" not in read
        and instance in ("", one)
        and (name.isdecimal() if upstream == "tapd" or instance else "/" in name)
    }
