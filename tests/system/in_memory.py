"""The way of the data without a network: wire records, envelopes, derivations, frames, evaluator.

What HTTP and the store add is tested over real sockets elsewhere; here random companies go through fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from collectors.derive import DERIVATIONS
from collectors.removals import removal
from metrics_api.context import Context, build_context
from metrics_api.core.config import Config, GitlabInstance, Product, Stage, Stages, TapdInstance
from metrics_api.core.schema import FEEDS
from metrics_api.core.security import READ_ALL
from metrics_api.cube import build_cube, change_cube
from metrics_api.evaluate import Evaluator
from metrics_api.events import EventTable
from metrics_api.frames import ItemTable
from metrics_api.series import Series
from metrics_api.world import World
from tests.reference.questions import Query
from tests.reference.wire import Company

Raw = dict[str, list[dict[str, Any]]]


def config_of(company: Company, tapd: str = "", gitlab: str = "") -> Config:
    """The configuration that says what the company's own says; `tapd` and `gitlab` are URLs, if any."""
    products = tuple(
        Product(
            name=product.name,
            workspaces=product.workspaces,
            projects=product.projects,
            timezone=product.zone,
            bug_version=product.version_field,  # type: ignore[arg-type]
            stages=Stages(
                bugs=tuple(
                    Stage(name=one.name, statuses=one.statuses, flag=one.flag, resolved=one.resolved)  # type: ignore[arg-type]
                    for one in product.stages
                )
            ),
        )
        for product in company.config.products
    )
    ids = tuple(workspace.id for workspace in company.workspaces)
    return Config(
        timezone=company.config.zone,
        tapd=(TapdInstance(url=tapd, workspaces=ids, quota_per_minute=60_000),) if tapd else (),
        gitlab=(GitlabInstance(url=gitlab, quota_per_minute=60_000),) if gitlab else (),
        product=products,
    )


def raw_of(company: Company) -> Raw:
    """The company's records in their envelopes, as the collectors would have stored them."""
    raw: Raw = {}

    def add(
        collection: str, instance: str, scope: str, id: str, key: str, data: Mapping[str, Any], **more: str
    ) -> None:
        rows = raw.setdefault(collection, [])
        envelope = {
            "_id": f"{instance}:{scope}:{id}",
            "n": len(rows) + 1,
            "instance": instance,
            "scope": scope,
        }
        rows.append({**envelope, "key": key, "data": dict(data), **more})

    for workspace in company.workspaces:
        scope = workspace.id
        add(
            "raw_tapd_workspace",
            "tapd",
            scope,
            scope,
            scope,
            {"id": scope, "name": workspace.name, "created": workspace.created},
        )
        for row in workspace.bugs:
            add("raw_tapd_bug", "tapd", scope, row["id"], row["id"], row)
        for row in workspace.changes:
            add("raw_tapd_bug_change", "tapd", scope, row["id"], row["bug_id"], row)
        for row in workspace.removed:
            target = removal(row, "Asia/Shanghai").target
            add("raw_tapd_removed_bug", "tapd", scope, row["id"], row["id"], row, target=target)
        for row in workspace.iterations:
            add("raw_tapd_iteration", "tapd", scope, row["id"], row["id"], row)
        for name, data in (
            ("status_map", workspace.status_map),
            ("last_steps", workspace.last_steps),
            ("first_step", {workspace.first_step: workspace.first_step} if workspace.first_step else {}),
        ):
            add(f"raw_tapd_{name}", "tapd", scope, "bug", f"{scope}:bug", data)
    for project in company.projects:
        scope = str(project.id)
        data = {
            "id": project.id,
            "path_with_namespace": project.path,
            "name": project.path,
            "default_branch": "main",
        }
        add("raw_gitlab_project", "gitlab", scope, scope, scope, data)
        for row in project.events:
            add("raw_gitlab_event", "gitlab", scope, str(row["id"]), str(row["id"]), row)
    return raw


def facts_of(raw: Raw) -> dict[str, list[Any]]:
    """The facts of all topics, stamped as the writer would."""
    found: dict[str, list[Any]] = {}
    for topic, derivation in DERIVATIONS.items():
        derived = derivation.derive(raw, "Asia/Shanghai")
        assert not derived.rejected, derived.rejected
        found[topic] = [
            fact | {"generation": 1, "seq": number, "tombstone": False}
            for number, fact in enumerate(derived.facts, start=1)
        ]
    return found


def context_of(company: Company, facts: Mapping[str, list[Any]]) -> Context:
    """The context of a company's small facts."""
    return build_context(
        config_of(company), facts["workspaces"], facts["workflows"], facts["iterations"], facts["projects"]
    )


def world_of(company: Company, until: int, *, cube: bool = True, in_steps: bool = False) -> World:
    """The world after a collection that began at `until`; `in_steps` changes half of the bugs once more."""
    facts = facts_of(raw_of(company))
    context = context_of(company, facts)
    bugs = ItemTable(context)
    cubes: tuple[Any, ...] = ()
    if in_steps:
        shortened = [shorter(fact) for fact in facts["bugs"]]
        bugs.apply(shortened)
        first = bugs.snapshot()
        cubes = (build_cube(first),)
        half = len(facts["bugs"]) // 2
        for part in (facts["bugs"][half:], facts["bugs"][:half]):
            change = bugs.apply(part)
            cubes = (*cubes, change_cube(bugs.snapshot(), *change))
    else:
        bugs.apply(facts["bugs"])
        cubes = (build_cube(bugs.snapshot()),)
    events = EventTable(context)
    events.apply(facts["events"])
    scopes = {
        "bugs": [f"tapd:{w.id}" for w in company.workspaces],
        "events": [f"gitlab:{p.id}" for p in company.projects],
    }
    known = {
        (name, scope): until for topic, names in FEEDS.items() for name in names for scope in scopes[topic]
    }
    frame = replace(bugs.snapshot(), cubes=cubes if cube else ())
    return World(context, frame, events.snapshot(), {"bugs": 1, "events": 1}, known)


def shorter(fact: dict[str, Any]) -> dict[str, Any]:
    """The fact as it was before its last change and its removal."""
    segments = fact["segments"]
    kept = max(1, len(segments["start"]) - 1)
    cut = {name: values[:kept] for name, values in segments.items()}
    return fact | {"segments": cut, "removed_at": None, "removed_why": None}


async def answered(world: World, query: Query) -> list[Series]:
    """What the evaluator answers to a query of the reference, at the query's own now."""
    reader: Any = SimpleNamespace(world=world)
    evaluator = Evaluator(reader, clock=lambda: query.now)
    try:
        rendered = await evaluator.render([query.target()], query.start, query.until, READ_ALL)
    finally:
        evaluator.close()
    assert not rendered.skipped, rendered.skipped
    return rendered.series[0]


def as_answer(series: list[Series]) -> list[tuple[str, list[tuple[int, Any]]]]:
    """Series in the reference's form."""
    return [(one.endpoint, list(zip(one.timestamps, one.values, strict=True))) for one in series]
