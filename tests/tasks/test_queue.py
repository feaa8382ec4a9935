"""What may be asked for, and the queue that keeps it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from metrics_api.core.config import Config, GitlabInstance, Product, TapdInstance
from metrics_api.core.days import utc_now
from metrics_api.core.errors import BadRequest, UnknownName
from metrics_api.core.leases import LeaseLost, Leases
from metrics_api.core.orders import named, orders
from metrics_api.core.store import Store
from metrics_api.core.tasks import LINES, Order, Tasks, as_json, described, progress

CONFIG = Config(
    tapd=(TapdInstance(name="tapd", workspaces=("991",)), TapdInstance(name="asia", workspaces=("991", "7"))),
    gitlab=(GitlabInstance(name="gitlab"),),
    product=(Product(name="P", workspaces=("asia:8",)),),
)
TOMORROW = (utc_now() + timedelta(days=2)).date().isoformat()


async def test_without_a_scope_every_instance_is_asked(store: Store) -> None:
    assert await orders(CONFIG, store, "backfill", "2024-01-31") == [
        Order("backfill", "tapd", "tapd", "", "2024-01-31"),
        Order("backfill", "tapd", "asia", "", "2024-01-31"),
        Order("backfill", "gitlab", "gitlab", "", "2024-01-31"),
    ]
    assert await orders(CONFIG, store, "collect", scope="asia") == [Order("collect", "tapd", "asia")]
    assert await orders(CONFIG, store, "reconcile", "2024-01-31", "tapd") == [
        Order("reconcile", "tapd", "tapd", "", "2024-01-31")
    ]
    assert await orders(CONFIG, store, "reconcile", scope="7") == [Order("reconcile", "tapd", "asia", "7")]
    assert await orders(CONFIG, store, "rebuild", scope="bugs") == [Order("rebuild", scope="bugs")]


@pytest.mark.parametrize(
    ("scope", "place"),
    [
        ("7", ("tapd", "asia", "7")),
        ("8", ("tapd", "asia", "8")),
        ("tapd:991", ("tapd", "tapd", "991")),
        ("group/web", ("gitlab", "gitlab", "5")),
        ("old/web", ("gitlab", "gitlab", "5")),
        ("gitlab:5", ("gitlab", "gitlab", "5")),
    ],
)
async def test_a_scope_is_found_by_every_name_it_has(
    store: Store, scope: str, place: tuple[str, str, str]
) -> None:
    project = {"instance": "gitlab", "scope": "5", "asked": "old/web", "key": "5", "n": 1}
    await store.collection("raw_gitlab_project").insert_one(
        project | {"_id": "gitlab:5:5", "data": {"path_with_namespace": "group/web"}}
    )
    assert await orders(CONFIG, store, "collect", scope=scope) == [Order("collect", *place)]


@pytest.mark.parametrize(
    ("kind", "since", "scope", "words"),
    [
        ("sweep", None, "", "unknown kind 'sweep': use one of backfill, collect, reconcile, rebuild"),
        ("backfill", None, "", "a backfill needs since, the first day to read again, as 2024-01-31"),
        ("backfill", "31.1.2024", "", "since='31.1.2024' is not a day: write it as 2024-01-31"),
        ("backfill", TOMORROW, "", f"since='{TOMORROW}' is not a day between 1970-01-01 and today"),
        ("collect", "2024-01-31", "", "since is for backfill and reconcile, not for 'collect'"),
        ("collect", None, "991", "scope '991' may be of several instances: write asia:991 or tapd:991"),
        (
            *("collect", None, "992"),
            "unknown scope '992': use a workspace's id or a project's path, of 7, 8, 991",
        ),
        (
            *("rebuild", None, "bug"),
            "unknown topic 'bug': use one of bugs, stories, tasks, events, iterations, releases, workspaces, "
            "workflows, workitem_types,",
        ),
    ],
)
async def test_what_cannot_be_done_is_refused_saying_what_would_be_right(
    store: Store, kind: str, since: str | None, scope: str, words: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        await orders(CONFIG, store, kind, since, scope)
    assert str(refused.value).startswith(words)


async def test_nothing_to_collect_is_said(store: Store) -> None:
    with pytest.raises(BadRequest, match="no \\[\\[tapd\\]\\] and no \\[\\[gitlab\\]\\] is configured"):
        await orders(Config(), store, "collect")
    only_gitlab = Config(gitlab=(GitlabInstance(),))
    with pytest.raises(BadRequest, match="nothing to reconcile: no \\[\\[tapd\\]\\] is configured"):
        await orders(only_gitlab, store, "reconcile")


LISTING = Config(
    tapd=(TapdInstance(name="tapd"), TapdInstance(name="asia", workspaces=("7",))),
    gitlab=(GitlabInstance(name="gitlab"),),
)


@pytest.mark.parametrize(
    ("scope", "place"),
    [
        ("991", ("tapd", "tapd", "991")),
        ("tapd:991", ("tapd", "tapd", "991")),
        ("7", ("tapd", "asia", "7")),
        ("group/web", ("gitlab", "gitlab", "group/web")),
        ("gitlab:5", ("gitlab", "gitlab", "5")),
    ],
)
async def test_before_an_instances_list_was_read_it_may_have_any_scope(
    store: Store, scope: str, place: tuple[str, str, str]
) -> None:
    assert await orders(LISTING, store, "collect", scope=scope) == [Order("collect", *place)]


async def test_a_scope_that_no_list_may_have_is_refused(store: Store) -> None:
    nothing = Config(tapd=(TapdInstance(name="tapd"), TapdInstance(name="asia")))
    with pytest.raises(BadRequest) as refused:
        await orders(nothing, store, "collect", scope="web")
    words = (
        "unknown scope 'web', and nothing was collected yet: use a workspace's id, a project's path, or none"
    )
    assert str(refused.value) == f"{words} for everything"
    with pytest.raises(BadRequest, match="may be of several instances: write asia:991 or tapd:991"):
        await orders(nothing, store, "collect", scope="991")
    # Nobody reconciles what was never collected, and who read the list knows what there is.
    with pytest.raises(
        BadRequest, match="unknown scope '991': use a workspace's id or a project's path, of 7"
    ):
        await orders(LISTING, store, "reconcile", scope="991")
    read = {"_id": "tapd.workspaces:tapd:all", "started_at": utc_now()}
    await store.collection("watermarks").insert_one(read)
    with pytest.raises(
        BadRequest, match="unknown scope '991': use a workspace's id or a project's path, of 7"
    ):
        await orders(LISTING, store, "collect", scope="991")


@pytest.mark.parametrize("scopes", [[], [""], ["991", ""]])
def test_a_list_of_scopes_that_names_nothing_is_not_everything(scopes: list[str]) -> None:
    words = "scope names nothing: give a workspace's id or a project's path, or leave it out for everything"
    with pytest.raises(BadRequest) as refused:
        named(scopes)
    assert str(refused.value) == words
    assert named(None) == [""]


async def test_the_same_is_queued_once_until_it_is_over(store: Store) -> None:
    queue, order = Tasks(store), Order("backfill", "tapd", "tapd", "991", "2024-01-31")
    first = await queue.put(order)
    assert (await queue.put(order))["_id"] == first["_id"]
    other = await queue.put(Order("collect", "tapd", "tapd", "991"))
    lease = await Leases(store).acquire(f"task:{first['_id']}")
    assert lease is not None
    assert await queue.claim(first["_id"], lease) is not None
    assert (await queue.put(order))["_id"] == first["_id"]
    await queue.end(first["_id"], lease, None)
    again = await queue.put(order)
    assert again["_id"] != first["_id"]
    assert [task["_id"] for task in await queue.listed()] == [again["_id"], other["_id"], first["_id"]]
    assert [task["_id"] for task in await queue.listed("success")] == [first["_id"]]
    assert [task["_id"] for task in await queue.open()] == [other["_id"], again["_id"]]


async def test_the_last_lines_of_a_log_are_kept(store: Store) -> None:
    queue = Tasks(store)
    task = await queue.put(Order("collect", "tapd", "tapd"))
    lease = await Leases(store).acquire(f"task:{task['_id']}")
    assert lease is not None
    await queue.claim(task["_id"], lease)
    for number in range(LINES + 5):
        await queue.note(task["_id"], lease, f"line {number}")
    log = (await queue.one(task["_id"]))["log"]
    assert [one["line"] for one in log] == [f"line {number}" for number in range(5, LINES + 5)]
    assert (await queue.listed())[0]["log"] == []


async def test_who_lost_a_task_cannot_change_it_any_more(store: Store) -> None:
    now = [utc_now()]
    queue, leases = Tasks(store), Leases(store, 3.0, lambda: now[0])
    task = await queue.put(Order("collect", "tapd", "tapd"))
    first = await leases.acquire(f"task:{task['_id']}")
    assert first is not None
    assert await queue.claim(task["_id"], first) is not None
    assert await leases.free([f"task:{task['_id']}", "task:other"]) == ["task:other"]
    now[0] += timedelta(seconds=4)
    assert await leases.free([f"task:{task['_id']}"]) == [f"task:{task['_id']}"]
    second = await leases.acquire(f"task:{task['_id']}")
    assert second is not None
    taken = await queue.claim(task["_id"], second)
    assert taken is not None
    assert (taken["generation"], taken["owner"]) == (2, second.owner)
    with pytest.raises(LeaseLost):
        await queue.note(task["_id"], first, "late")
    with pytest.raises(LeaseLost):
        await queue.end(task["_id"], first, None)
    await queue.note(task["_id"], second, "mine", progress=progress(1, 4, "runs", 17, "tapd.bugs 991"))
    found = await queue.one(task["_id"])
    assert [one["line"] for one in found["log"]] == ["mine"]
    assert found["progress"] == {
        "done": 1,
        "total": 4,
        "unit": "runs",
        "records": 17,
        "at": "tapd.bugs 991",
    }
    await queue.end(task["_id"], second, "1 of 4 runs failed: tapd.bugs 991: HTTP 500")
    assert await queue.claim(task["_id"], second) is None


async def test_steps_are_kept_until_the_task_is_over(store: Store) -> None:
    queue = Tasks(store)
    task = await queue.put(Order("collect", "tapd", "tapd"))
    lease = await Leases(store).acquire(f"task:{task['_id']}")
    assert lease is not None
    await queue.claim(task["_id"], lease)
    await queue.note_step(task["_id"], "tapd.bugs:991", "success")
    await queue.note_step(task["_id"], "tapd.bug_changes:991", "running", {"low": "2024-01-31"})
    steps = await queue.steps(task["_id"])
    assert {name: (one["state"], one["place"]) for name, one in steps.items()} == {
        "tapd.bugs:991": ("success", {}),
        "tapd.bug_changes:991": ("running", {"low": "2024-01-31"}),
    }
    await queue.end(task["_id"], lease, None)
    assert await store.all("task_steps") == []


async def test_tasks_are_forgotten_a_month_after_they_were_over(store: Store) -> None:
    queue = Tasks(store)
    names = [(await queue.put(Order("collect", "tapd", name)))["_id"] for name in ("a", "b", "c")]
    for name, days in zip(names, (31, 29, 40), strict=True):
        state = "success" if name != names[2] else "waiting"
        over = {"state": state, "finished_at": utc_now() - timedelta(days=days)}
        await store.collection("tasks").update_one({"_id": name}, {"$set": over})
    await queue.forget_old()
    assert {task["_id"] for task in await queue.listed()} == {names[1], names[2]}


async def test_an_unknown_task_or_state_is_refused(store: Store) -> None:
    with pytest.raises(UnknownName, match="no task is called 'nobody'"):
        await Tasks(store).one("nobody")
    with pytest.raises(BadRequest, match="unknown state 'ill': use one of waiting, running, success, failed"):
        await Tasks(store).listed("ill")


async def test_a_task_is_shown_without_what_only_processes_need(store: Store) -> None:
    task = await Tasks(store).put(Order("backfill", "tapd", "tapd", "991", "2024-01-31"))
    assert described(task) == "backfill tapd/991 since 2024-01-31"
    assert as_json(task) == {
        "id": task["_id"],
        "kind": "backfill",
        "upstream": "tapd",
        "instance": "tapd",
        "scope": "991",
        "collectors": [],
        "since": "2024-01-31",
        "state": "waiting",
        "progress": {"done": 0, "total": 0, "unit": "", "records": 0, "at": ""},
        "created_at": task["created_at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "started_at": None,
        "finished_at": None,
        "error": None,
        "log": [],
    }
