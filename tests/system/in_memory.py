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
from metrics_api.cube import Cube, build_cube, change_cube
from metrics_api.evaluate import Evaluator
from metrics_api.events import EventTable
from metrics_api.frames import ItemFrame
from metrics_api.item_table import ItemTable
from metrics_api.series import Series
from metrics_api.topics import ITEM_TOPICS
from metrics_api.world import World
from tests.reference.questions import Query
from tests.reference.wire import Company, StageRule

Raw = dict[str, list[dict[str, Any]]]
SMALL = (
    *("workspaces", "workflows", "iterations", "projects"),
    *("releases", "workitem_types", "custom_fields"),
)


def config_of(company: Company, tapd: str = "", gitlab: str = "") -> Config:
    """The configuration that says what the company's own says; `tapd` and `gitlab` are URLs, if any."""
    products = tuple(
        Product(
            name=product.name,
            workspaces=product.workspaces,
            projects=product.projects,
            timezone=product.zone,
            bug_version=product.version_field,  # type: ignore[arg-type]
            stages=Stages(bugs=stages_of(product.stages), stories=stages_of(product.story_stages)),
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


def stages_of(rules: tuple[StageRule, ...]) -> tuple[Stage, ...]:
    """Configured stages; none means that they are guessed."""
    return tuple(
        Stage(name=one.name, statuses=one.statuses, flag=one.flag, resolved=one.resolved)  # type: ignore[arg-type]
        for one in rules
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
        for collection, rows, key in (
            ("raw_tapd_bug", workspace.bugs, "id"),
            ("raw_tapd_bug_change", workspace.changes, "bug_id"),
            ("raw_tapd_story", workspace.stories, "id"),
            ("raw_tapd_story_change", workspace.story_changes, "story_id"),
            ("raw_tapd_removed_story", workspace.removed_stories, "id"),
            ("raw_tapd_iteration", workspace.iterations, "id"),
            ("raw_tapd_iteration_change", workspace.iteration_changes, "iteration_id"),
            ("raw_tapd_workitem_type", [one.record for one in workspace.types], "id"),
        ):
            for row in rows:
                add(collection, "tapd", scope, row["id"], row[key], row)
        for row in workspace.custom_fields:
            name = f"bug:{row['custom_field']}"
            add("raw_tapd_custom_field", "tapd", scope, name, f"{scope}:bug", row)
        for row in workspace.removed:
            target = removal(row, "Asia/Shanghai").target
            add("raw_tapd_removed_bug", "tapd", scope, row["id"], row["id"], row, target=target)
        for flow, id in ((workspace, "bug"), *((one, f"story:{one.id}") for one in workspace.types)):
            key = f"{scope}:{id.partition(':')[0]}"
            add("raw_tapd_status_map", "tapd", scope, id, key, flow.status_map)
            add("raw_tapd_last_steps", "tapd", scope, id, key, flow.last_steps)
            first = {flow.first_step: flow.first_step} if flow.first_step else {}
            add("raw_tapd_first_step", "tapd", scope, id, key, first)
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
    return build_context(config_of(company), **{topic: facts[topic] for topic in SMALL})


def world_of(company: Company, until: int, *, cube: bool = True, in_steps: bool = False) -> World:
    """The world after a collection that began at `until`; `in_steps` changes half of the items once more."""
    facts = facts_of(raw_of(company))
    context = context_of(company, facts)
    items = {
        name: frame_of(ItemTable(topic, context), facts[name], cube, in_steps)
        for name, topic in ITEM_TOPICS.items()
    }
    events = EventTable(context)
    events.apply(facts["events"])
    workspaces = [f"tapd:{one.id}" for one in company.workspaces]
    projects = [f"gitlab:{one.id}" for one in company.projects]
    known = {
        (name, scope): until
        for topic, names in FEEDS.items()
        for name in names
        for scope in (workspaces if topic in items else projects)
    }
    return World(context, items, events.snapshot(), dict.fromkeys((*items, "events"), 1), known)


def frame_of(table: ItemTable, facts: list[Any], cube: bool, in_steps: bool) -> ItemFrame:
    """The frame of a topic's facts with its cubes, taken over at once or in steps.

    As the reader does it clusters what was read for the first time, and now and then what changed since.
    """
    cubes: tuple[Cube, ...] = ()
    if in_steps:
        table.apply([shorter(fact) for fact in facts])
        cubes = (build_cube(table.snapshot()),)
        half = len(facts) // 2
        for part in (facts[half:], facts[:half]):
            table.cluster()
            change = table.apply(part)
            cubes = (*cubes, change_cube(table.snapshot(), *change))
    else:
        table.apply(facts)
        table.cluster()
        cubes = (build_cube(table.snapshot()),)
    return replace(table.snapshot(), cubes=cubes if cube else ())


def shorter(fact: dict[str, Any]) -> dict[str, Any]:
    """The fact as it was before its last change and its removal; a story had named no parent yet."""
    segments = fact["segments"]
    kept = max(1, len(segments["start"]) - 1)
    cut = {name: values[:kept] for name, values in segments.items()}
    before = fact | {"segments": cut, "removed_at": None, "removed_why": None}
    return before | {"parents": []} if "parents" in fact else before


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
