"""What TAPD and GitLab really sent: which fact each payload makes by itself, and several of them together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import ujson

from collectors.derivation import Derived
from collectors.derive import DERIVATIONS
from collectors.deriving import Deriver, rebuild
from collectors.signatures import project_of_hook, signature_of_hook
from metrics_api.core.days import BEIJING, utc_now
from metrics_api.core.facts import Facts
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import Store

TOPICS = {"bug": "bugs", "story": "stories", "task": "tasks", "iteration": "iterations"}
BUG = "11111222333001039910"


def payload(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = ujson.loads((folder / "tapd_webhooks" / f"{name}.json").read_bytes())
    found.pop("secret", None)
    return found


def derived(*payloads: dict[str, Any]) -> Derived:
    """What becomes of payloads about one kind of thing."""
    kind = payloads[0]["event"].partition("::")[0]
    records = [
        {"_id": f"tapd:{data['workspace_id']}:{data['event_id']}", "instance": "tapd", "data": data}
        | {"scope": data["workspace_id"], "key": data["id"]}
        for data in payloads
    ]
    return DERIVATIONS[TOPICS[kind]].derive({f"raw_tapd_{kind}_hook": records}, BEIJING)


def fact(workspace: str, name: str, created: int, title: str, due: str | None = None) -> dict[str, Any]:
    """What all items have that nothing happened to, in one stretch."""
    found = {"_id": f"tapd:{workspace}:{name}", "instance": "tapd", "id": name, "title": title}
    found |= {"created": created, "removed_at": None, "removed_why": None, "due": due}
    return found | {"findings": [], "parallel_steps": 0}


def held(created: int, **fields: str) -> dict[str, Any]:
    """What fields held all along."""
    return {name: {"at": [created], "value": [value]} for name, value in fields.items()}


def stretch(created: int, **fields: str) -> dict[str, list[Any]]:
    return {"start": [created]} | {name: [value] for name, value in fields.items()}


BUG_FIELDS = {"version_report": "", "version_fix": "", "iteration": "", "severity": "", "priority": ""}
BUG_FIELDS |= {"module": "", "label": ""}
# 2024-12-30 18:24:53 in Beijing, and so on.
EXPECTED: dict[str, dict[str, Any]] = {
    "bug__create": fact("111222333", BUG, 1735554293, "123")
    | {"segments": stretch(1735554293, workspace="111222333", status="new", **BUG_FIELDS)}
    | {"histories": held(1735554293, reporter="成员90"), "stories": []},
    "bug__update": fact("111222333", BUG, 1735554293, "123222")
    | {"segments": stretch(1735554293, workspace="111222333", status="new", **BUG_FIELDS)}
    | {"histories": held(1735554293, remain="0", reporter="成员90"), "stories": []},
    "story__create": fact("11112222", "1111112222001071295", 1724843286, "asdfasdfasdfasdfasdf", "2022-06-20")
    | {"parents": [], "completed": None, "histories": held(1724843286, creator="creator", remain="0")}
    | {
        "segments": stretch(
            1724843286,
            workspace="11112222",
            status="planning",
            iteration="1111112222001001246",
            priority="Middle",
            module="",
            type="1111112222001000077",
            label="",
        )
    },
    "story__update": fact("11112222", "1111112222001069123", 1724066298, "old name", "2024-08-30")
    | {
        "parents": [],
        "completed": None,
        "histories": {
            **held(1724066298, creator="old creator", custom_field_98="old custom field 98", remain="0"),
            # 2024-08-27 18:07:00 in Beijing.
            "owner": {"at": [1724066298, 1724753220], "value": ["old owner", "new owner"]},
        },
    }
    | {
        "segments": stretch(
            1724066298,
            workspace="11112222",
            status="audited",
            iteration="",
            priority="Middle",
            module="old module",
            type="1111112222001000008",
            label="old label",
        )
    },
    "task__create": fact("11122233", "1111122233001116469", 1735552683, "任务合并-数据开发")
    | {"story": "1111122233001116468"}
    | {
        "segments": stretch(
            1735552683,
            workspace="11122233",
            status="open",
            iteration="1111122233001002079",
            priority="",
            label="",
        )
    },
    "task__update": fact("111222333", "11111222333001116478", 1735553341, "test story13")
    | {"story": "11111222333001112724"}
    | {
        "segments": stretch(
            1735553341, workspace="111222333", status="open", iteration="", priority="", label=""
        )
    },
    "iteration__create": {
        "_id": "tapd:111222333:11111222333001002244",
        "instance": "tapd",
        "workspace": "111222333",
        "id": "11111222333001002244",
        "name": "产品简称+计划发布版本号43",
        "names": [],
        "start": "2024-12-04",
        "end": "2024-12-05",
        "status": "",
        "created": 1735553504,
        "removed_at": None,
    },
    "iteration__update": {
        "_id": "tapd:1112223:111112223001002244",
        "instance": "tapd",
        "workspace": "1112223",
        "id": "111112223001002244",
        "name": "产品简称+计划发布版本号43",
        "names": [],
        "start": "2024-12-04",
        "end": "2024-12-05",
        "status": "open",
        "created": 1735553504,
        "removed_at": None,
    },
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_creation_or_a_change_makes_a_fact_by_itself(recorded: Path, name: str) -> None:
    assert derived(payload(recorded, name)) == Derived([EXPECTED[name]])


@pytest.mark.parametrize("name", ["bug__delete", "story__delete", "task__delete", "iteration__delete"])
def test_a_deletion_by_itself_does_not_tell_of_whom(recorded: Path, name: str) -> None:
    assert derived(payload(recorded, name)) == Derived()


def test_no_other_recorded_payload_of_tapd_is_an_input_of_a_fact(recorded: Path) -> None:
    names = {file.stem for file in (recorded / "tapd_webhooks").glob("*.json")}
    others = {name for name in names - set(EXPECTED) if not name.endswith("__delete") or "comment" in name}
    assert {payload(recorded, name)["event"].partition("::")[0] for name in others} == {
        "bug_comment",
        "story_comment",
        "task_comment",
    }
    assert len(names) == 21
    assert not any("raw_tapd_hook" in derivation.inputs for derivation in DERIVATIONS.values())


def test_a_bugs_creation_change_and_deletion_are_its_life(recorded: Path) -> None:
    life = [payload(recorded, f"bug__{event}") for event in ("create", "update", "delete")]
    expected = EXPECTED["bug__update"] | {"removed_at": 1735554329, "removed_why": "deleted"}
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)):
        assert derived(*(life[place] for place in order)) == Derived([expected])


def test_an_iteration_is_deleted_as_of_when_its_webhook_says(recorded: Path) -> None:
    life = [payload(recorded, f"iteration__{event}") for event in ("create", "delete")]
    assert derived(*life) == Derived([EXPECTED["iteration__create"] | {"removed_at": 1735553714}])


async def test_deliveries_become_facts_through_the_store_and_a_rebuild_makes_the_same(
    recorded: Path, store: Store, raw: RawStore, facts: Facts
) -> None:
    deriver = Deriver(store, facts, raw, {})
    for name in (
        "bug__update",
        "bug__delete",
        "bug__create",
        "story__create",
        "task__create",
        "iteration__create",
    ):
        data = payload(recorded, name)
        kind = name.partition("_")[0]
        record = Record(data["workspace_id"], data["event_id"], data["id"], data)
        await raw.upsert(f"raw_tapd_{kind}_hook", "tapd", [record], utc_now())
        await deriver.derive(f"raw_tapd_{kind}_hook", "tapd", [data["id"]])
    bug = EXPECTED["bug__update"] | {"removed_at": 1735554329, "removed_why": "deleted"}
    single = {"stories": "story__create", "tasks": "task__create", "iterations": "iteration__create"}
    expected = {"bugs": bug} | {topic: EXPECTED[name] for topic, name in single.items()}

    async def found(suffix: str) -> dict[str, Any]:
        stamps = ("generation", "seq", "tombstone")
        return {
            topic: {name: value for name, value in one.items() if name not in stamps}
            for topic in expected
            for one in await store.all(f"fact_{topic}{suffix}")
        }

    assert await found("") == expected
    counts = await rebuild(store)
    assert {topic: count for topic, count in counts.items() if count} == dict.fromkeys(expected, 1)
    assert await found("_2") == expected


@pytest.mark.parametrize(
    ("name", "project", "signature", "expected"),
    [
        ("build", "380", "380:build:1977", None),
        ("deployment", "30", "30:deployment:15", None),
        ("feature_flag", "1", "1:feature_flag:6", None),
        # The recorded one lacks the id of its project.
        ("group_merge_request", "", ":merge_request:15917", None),
        ("issue", "1", "1:issue:301:opened", ("opened", "Issue", 1386090943)),
        ("job", "31537070", "31537070:build:3580121225", None),
        ("member", "", ":user_add_to_group:64", None),
        ("merge_request", "1", "1:merge_request:99:opened", ("opened", "MergeRequest", 1386091414)),
        ("note_commit", "5", "5:note:1243", ("commented on", "Note", 1431886089)),
        ("note_issue", "5", "5:note:1241", ("commented on", "Note", 1431882400)),
        ("note_merge_request", "5", "5:note:1244", ("commented on", "Note", 1431886896)),
        ("note_snippet", "5", "5:note:1245", ("commented on", "Note", 1431887750)),
        ("pipeline", "1", "1:pipeline:31", None),
        (
            *("push", "15", "15:push:master:da1560886d4f094c3e6c9ef40349f7d38b5d27d7"),
            ("pushed to", "", 1772323200, "master", "master"),
        ),
        ("release", "327622", "327622:release:8273642", None),
        ("resource_access_token_group", "", ":access_token:25", None),
        ("resource_access_token_project", "7", "7:access_token:25", None),
        ("service_merge_request", "2", "2:merge_request:2", None),
        ("subgroup", "", ":subgroup_create:2", None),
        (
            *("tag_push", "1", "1:push:tag:v1.0.0:82b3d5ae55f7080f1e6022629cdb57bfae7cccc7"),
            ("pushed new", "", 1772323200, "v1.0.0", ""),
        ),
        ("wiki_page", "1", "1:wiki:awesome:created", ("created", "WikiPage::Meta", 1772323200)),
    ],
)
def test_a_payload_of_gitlab_has_a_signature_and_is_an_event_or_none(
    recorded: Path, name: str, project: str, signature: str, expected: tuple[Any, ...] | None
) -> None:
    data = ujson.loads((recorded / "gitlab_webhooks" / f"{name}.json").read_bytes())
    assert (project_of_hook(data), signature_of_hook(data, project)) == (project, signature)
    record = {"_id": f"gitlab:{project}:d-1", "instance": "gitlab", "scope": project, "key": signature}
    # Received on 2026-03-01 at 08:00 in Beijing.
    record |= {"data": data, "about": {"event": "x", "received": "1772323200"}}
    found = DERIVATIONS["events"].derive({"raw_gitlab_hook": [record]}, BEIJING)
    if expected is None:
        assert found == Derived()
        return
    action, target_type, at, ref, branch = (*expected, "", "")[:5]
    named = {"action": action, "target_type": target_type, "at": at, "ref": ref, "branch": branch}
    place = {"_id": f"gitlab:{project}:hook:d-1", "instance": "gitlab", "project": project}
    assert found == Derived([place | named])


def test_every_recorded_payload_of_gitlab_is_looked_at(recorded: Path) -> None:
    assert len(list((recorded / "gitlab_webhooks").glob("*.json"))) == 21
