"""Every payload that GitLab and TAPD were seen to send, from the socket to its raw record."""

from __future__ import annotations

from pathlib import Path

import ujson

from metrics_api.core.store import Store
from tests.webhooks.harness import hooks, receiving, taken

# The file, its scope and its key.
GITLAB = [
    ("build", "380", "380:build:1977"),
    ("deployment", "30", "30:deployment:15"),
    ("feature_flag", "1", "1:feature_flag:6"),
    ("group_merge_request", "", ":merge_request:15917"),
    ("issue", "1", "1:issue:301:opened"),
    ("job", "31537070", "31537070:build:3580121225"),
    ("member", "", ":user_add_to_group:64"),
    ("merge_request", "1", "1:merge_request:99:opened"),
    ("note_commit", "5", "5:note:1243"),
    ("note_issue", "5", "5:note:1241"),
    ("note_merge_request", "5", "5:note:1244"),
    ("note_snippet", "5", "5:note:1245"),
    ("pipeline", "1", "1:pipeline:31"),
    ("push", "15", "15:push:master:da1560886d4f094c3e6c9ef40349f7d38b5d27d7"),
    ("release", "327622", "327622:release:8273642"),
    ("resource_access_token_group", "", ":access_token:25"),
    ("resource_access_token_project", "7", "7:access_token:25"),
    ("service_merge_request", "2", "2:merge_request:2"),
    ("subgroup", "", ":subgroup_create:2"),
    ("tag_push", "1", "1:push:tag:v1.0.0:82b3d5ae55f7080f1e6022629cdb57bfae7cccc7"),
    ("wiki_page", "1", "1:wiki:awesome:created"),
]

# The file, its collection, its scope, its key, its event and its queue.
TAPD = [
    ("bug__create", "bug_hook", "111222333", "11111222333001039910", "183736134", "318960837"),
    ("bug__delete", "bug_hook", "111222333", "11111222333001039910", "183736224", "318961099"),
    ("bug__update", "bug_hook", "111222333", "11111222333001039910", "183736174", "318960976"),
    ("bug_comment__add", "hook", "111222", "11111222001037212", "183722797", "318928285"),
    ("bug_comment__delete", "hook", "111111", "11111111001039882", "183726824", "318938077"),
    ("bug_comment__update", "hook", "111222333", "11111222333001037212", "183737413", "318963935"),
    ("iteration__create", "iteration_hook", "111222333", "11111222333001002244", "183731786", "318950442"),
    ("iteration__delete", "iteration_hook", "111222333", "11111222333001002244", "183733251", "318953897"),
    ("iteration__update", "iteration_hook", "1112223", "111112223001002244", "183731783", "318950437"),
    ("story__create", "story_hook", "11112222", "1111112222001071295", "1687744222", "2822451111"),
    ("story__delete", "story_hook", "111222333", "11111222333001078517", "183735666", "318959744"),
    ("story__update", "story_hook", "11112222", "1111112222001069123", "168601153", "281818417"),
    ("story_comment__add", "hook", "111222333", "11111222333001116468", "183727896", "318940853"),
    ("story_comment__delete", "hook", "111222", "11111222001112724", "183730338", "318947018"),
    ("story_comment__update", "hook", "111222", "11111222001112724", "183729987", "318946074"),
    ("task__create", "task_hook", "11122233", "1111122233001116469", "183727534", "318939988"),
    ("task__delete", "task_hook", "111222333", "11111222333001116470", "183729448", "318944628"),
    ("task__update", "task_hook", "111222333", "11111222333001116478", "183735958", "318960449"),
    ("task_comment__add", "hook", "111222", "11111222001116478", "183730585", "318947664"),
    ("task_comment__delete", "hook", "111222333", "11111222333001116478", "183737210", "318963459"),
    ("task_comment__update", "hook", "111222333", "11111222333001116478", "183737120", "318963265"),
]


def test_every_recorded_payload_is_named_here(recorded: Path) -> None:
    assert {file.stem for file in (recorded / "gitlab_webhooks").iterdir()} == {row[0] for row in GITLAB}
    assert {file.stem for file in (recorded / "tapd_webhooks").iterdir()} == {row[0] for row in TAPD}


async def test_every_recorded_payload_of_gitlab_becomes_a_record(store: Store, recorded: Path) -> None:
    bodies = {name: (recorded / "gitlab_webhooks" / f"{name}.json").read_bytes() for name, _, _ in GITLAB}
    async with receiving(store, clock=lambda: 1_700_000_000.5) as receiver:
        for name, body in bodies.items():
            await receiver.gitlab(body, f"{name} Hook", f"key of {name}")
    await taken(store)
    found = await hooks(store)
    assert list(found) == ["raw_gitlab_hook"]
    records = {record["about"]["event"].removesuffix(" Hook"): record for record in found["raw_gitlab_hook"]}
    assert [(name, records[name]["scope"], records[name]["key"]) for name in sorted(records)] == GITLAB
    for name, scope, _ in GITLAB:
        record = records[name]
        assert (record["_id"], record["instance"]) == (f"gitlab:{scope}:key of {name}", "gitlab")
        assert record["data"] == ujson.loads(bodies[name])
        assert record["about"] == {"event": f"{name} Hook", "received": "1700000000"}
    assert await store.all("quarantine") == []


async def test_every_recorded_payload_of_tapd_becomes_a_record_without_its_secret(
    store: Store, recorded: Path
) -> None:
    payloads = {
        row[0]: ujson.loads((recorded / "tapd_webhooks" / f"{row[0]}.json").read_bytes()) for row in TAPD
    }
    async with receiving(store, clock=lambda: 1_700_000_000.0) as receiver:
        for payload in payloads.values():
            await receiver.tapd(payload)
    await taken(store)
    found = {
        record["_id"]: (collection, record)
        for collection, records in (await hooks(store)).items()
        for record in records
    }
    assert len(found) == 21
    for name, kind, scope, key, event, queue in TAPD:
        collection, record = found[f"tapd:{scope}:tapd:{event}:{queue}"]
        assert (collection, record["instance"]) == (f"raw_tapd_{kind}", "tapd")
        assert (record["scope"], record["key"]) == (scope, key)
        assert record["data"] == {
            field: value for field, value in payloads[name].items() if field != "secret"
        }
        assert record["about"] == {"received": "1700000000"}
    assert await store.all("quarantine") == []
