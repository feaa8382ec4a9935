"""Custom fields of workspaces, from TAPD's settings to facts; and bugs that follow their relations."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ujson
from aiohttp import web

from collectors.derive.custom_fields import DERIVATION
from collectors.deriving import Deriver, rebuild
from collectors.runner import Runner
from collectors.tapd_client import TapdClient
from collectors.tapd_fields import CustomFields
from metrics_api.core.days import BEIJING
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import Store
from tests.collectors.bug_records import row
from tests.collectors.conftest import Fake, Handler, envelope

NOW = datetime(2026, 3, 5, 16, 30, tzinfo=UTC)
PATHS = {kind: f"/{kind}/custom_fields_settings" for kind in ("bugs", "stories", "tasks")}


def setting(field: str, name: str, kind: str = "select", options: Any = "a|b", **more: Any) -> dict[str, Any]:
    """A row of the settings, without what no fact has."""
    found = {"id": f"7{field}", "workspace_id": "991", "custom_field": field, "name": name, "type": kind}
    return found | {"options": options, "enabled": "1"} | more


def settings(*rows: dict[str, Any]) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert dict(request.query) == {"workspace_id": "991"}
        return envelope([{"CustomFieldConfig": one} for one in rows])

    return answer


async def collected(tapd: TapdClient, store: Store) -> dict[str, tuple[Any, ...]]:
    """The facts after a run: entity, field, name, type and options by `_id`."""
    leases, raw = Leases(store), RawStore(store)
    runner = Runner(store, leases, raw, Deriver(store, Facts(store, leases), raw, {}))
    assert await runner.run(CustomFields("tapd", tapd, store), "991") is not None
    return {
        fact["_id"]: tuple(fact[name] for name in ("entity", "field", "name", "type", "options"))
        for fact in await store.all("fact_custom_fields")
        if not fact["tombstone"]
    }


async def test_settings_become_facts_and_follow_what_is_changed(
    fake: Fake, tapd: TapdClient, store: Store
) -> None:
    fake.routes[PATHS["bugs"]] = settings(
        setting("custom_field_one", "发现 环境"),
        setting("custom_field_two", "v1.0", "multi_select", "x | y||x"),
    )
    fake.routes[PATHS["stories"]] = settings(setting("custom_field_one", "Owner", "user_chooser", None))
    fake.routes[PATHS["tasks"]] = settings()
    both = {"tapd:991:story:custom_field_one": ("story", "custom_field_one", "Owner", "user_chooser", [])}
    assert await collected(tapd, store) == both | {
        "tapd:991:bug:custom_field_one": ("bug", "custom_field_one", "发现 环境", "select", ["a", "b"]),
        "tapd:991:bug:custom_field_two": ("bug", "custom_field_two", "v1.0", "multi_select", ["x", "y"]),
    }
    # Renamed, with an option more; the other one is taken away.
    fake.routes[PATHS["bugs"]] = settings(setting("custom_field_one", "环境", options="a|b|c"))
    renamed = {
        "tapd:991:bug:custom_field_one": ("bug", "custom_field_one", "环境", "select", ["a", "b", "c"])
    }
    assert await collected(tapd, store) == both | renamed
    # A rebuild makes the same.
    before = {
        one["_id"]: one["name"] for one in await store.all("fact_custom_fields") if not one["tombstone"]
    }
    assert (await rebuild(store, "custom_fields")) == {"custom_fields": 2}
    assert {one["_id"]: one["name"] for one in await store.all("fact_custom_fields_2")} == before


async def test_a_kind_without_settings_keeps_none_of_the_others(
    fake: Fake, tapd: TapdClient, store: Store
) -> None:
    async def unknown(request: web.Request) -> web.StreamResponse:
        return envelope("", 404, "bug module not enabled", 404)

    fake.routes[PATHS["bugs"]] = unknown
    fake.routes[PATHS["stories"]] = settings()
    fake.routes[PATHS["tasks"]] = settings(setting("custom_field_one", "Kind", "radio"))
    assert list(await collected(tapd, store)) == ["tapd:991:task:custom_field_one"]


def test_fields_that_are_switched_off_or_have_no_name_are_no_facts() -> None:
    rows = [setting("custom_field_one", "x", enabled="0"), setting("custom_field_two", " ")]
    rows += [setting("custom_field_3", "tree", "cascade_radio", '[{"label": "a"}]')]
    rows += [setting("custom_field_4", "later", options='{"1": "a", "3": " b ", "2": ""}')]
    rows += [
        setting("custom_field_5", "broken", options="{"),
        setting("custom_field_6", "none", options=None),
    ]
    records = [
        {"_id": f"tapd:991:bug:{one['custom_field']}", "instance": "tapd", "scope": "991", "data": one}
        | {"key": "991:bug"}
        for one in rows
    ]
    derived = DERIVATION.derive({"raw_tapd_custom_field": records}, BEIJING)
    assert {fact["name"]: fact["options"] for fact in derived.facts} == {
        "tree": [],
        "later": ["a", "b"],
        "none": [],
    }
    assert derived.gone == {"tapd:991:bug:custom_field_one"}
    assert [one.record["_id"] for one in derived.rejected] == [
        "tapd:991:bug:custom_field_two",
        "tapd:991:bug:custom_field_5",
    ]


async def test_recorded_settings_are_understood(
    fake: Fake, tapd: TapdClient, store: Store, recorded: Path
) -> None:
    def played(name: str) -> Handler:
        answer = ujson.loads((recorded / f"{name}.json").read_bytes())
        rows = answer["data"] if isinstance(answer, dict) else answer
        return settings(*(one["CustomFieldConfig"] for one in rows))

    for kind, noun in (("bugs", "bug"), ("stories", "story"), ("tasks", "task")):
        fake.routes[PATHS[kind]] = played(f"tapd_api/{noun}__get_{noun}_custom_fields_settings")
    found = await collected(tapd, store)
    assert found["tapd:991:bug:custom_field_one"] == (
        *("bug", "custom_field_one", "安全漏洞类型", "radio"),
        ["XSS注入", "SQL注入", "越权"],
    )
    assert {value[:4]: value[4] for value in found.values() if value[0] != "bug"} == {
        ("story", "custom_field_100", "test name", "user_chooser"): [],
        ("story", "custom_field_99", "link", "text"): [],
        ("task", "custom_field_100", "任务处理人", "user_chooser"): [],
    }
    assert await store.all("quarantine") == []


async def test_bugs_are_derived_anew_when_a_relation_comes_or_goes(store: Store) -> None:
    leases, raw = Leases(store), RawStore(store)
    deriver = Deriver(store, Facts(store, leases), raw, {})

    async def add(collection: str, id: str, key: str, data: dict[str, Any]) -> None:
        await raw.upsert(collection, "tapd", [Record("991", id, key, data)], NOW)
        await deriver.derive(collection, "tapd", [key])

    async def linked() -> dict[str, list[str]]:
        return {one["id"]: one["stories"] for one in await store.all("fact_bugs")}

    for name in ("101", "102"):
        await add("raw_tapd_bug", name, name, row(name)["data"])
    assert await linked() == {"101": [], "102": []}
    for story, bug in (("7", "101"), ("8", "101"), ("8", "102")):
        link = {"workspace_id": 991, "story_id": story, "bug_id": bug}
        await add("raw_tapd_story_bug", f"{story}:{bug}", story, link)
    assert await linked() == {"101": ["7", "8"], "102": ["8"]}
    # Story 8 is told whole, and has the first of them no more.
    await raw.stamp_unlinked("raw_tapd_story_bug", "tapd", "991", {"8"}, {"tapd:991:8:102"}, NOW)
    await deriver.derive("raw_tapd_story_bug", "tapd", ["8"])
    assert await linked() == {"101": ["7"], "102": ["8"]}
    assert await rebuild(store, "bugs") == {"bugs": 2}
    assert {one["id"]: one["stories"] for one in await store.all("fact_bugs_2")} == await linked()
