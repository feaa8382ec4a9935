"""Events of GitLab and the webhooks that tell of them: signatures, and facts that are counted once."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from collectors.derivation import Derived
from collectors.derive import DERIVATIONS
from collectors.signatures import project_of_hook, signature_of_event, signature_of_hook
from metrics_api.core.days import BEIJING

# 2026-03-01 10:00:00 UTC
T0 = 1772359200
A, B, C = "a" * 40, "b" * 40, "c" * 40
NONE = "0" * 40


def clock(after_s: int) -> str:
    return datetime.fromtimestamp(T0 + after_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def listed(number: int, after_s: int, action: str, target: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of the list of events, so many seconds after 10:00."""
    at = datetime.fromtimestamp(T0 + after_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.123Z")
    return {
        "id": number,
        "project_id": 7,
        "action_name": action,
        "target_type": target,
        "created_at": at,
    } | more


def pushed(
    number: int, after_s: int, before: str, after: str, ref: str = "main", kind: str = "branch"
) -> Any:
    action = "pushed new" if before == NONE else "deleted" if after == NONE else "pushed to"
    push = {"ref": ref, "ref_type": kind, "commit_count": 1, "ref_count": None}
    push |= {
        "commit_from": None if before == NONE else before,
        "commit_to": None if after == NONE else after,
    }
    return listed(number, after_s, action, push_data=push)


def issue(action: str, after_s: int, kind: str = "issue", **more: Any) -> dict[str, Any]:
    attributes = {"id": 90, "iid": 3, "action": action, "updated_at": clock(after_s)} | more
    return {"object_kind": kind, "project": {"id": 7}, "object_attributes": attributes}


def push(before: str, after: str, ref: str = "refs/heads/main") -> dict[str, Any]:
    kind = "tag_push" if ref.startswith("refs/tags/") else "push"
    return {"object_kind": kind, "project_id": 7, "ref": ref, "before": before, "after": after}


def derived(*records: tuple[str, Any]) -> Derived:
    """What becomes of rows of the list (`listed`) and of deliveries, each a pair of its id and its data."""
    raw: dict[str, list[dict[str, Any]]] = {"raw_gitlab_event": [], "raw_gitlab_hook": []}
    for name, data in records:
        if "action_name" in data:
            place = {"_id": f"gitlab:7:{data['id']}", "key": signature_of_event(data, "7")}
            raw["raw_gitlab_event"].append({"instance": "gitlab", "scope": "7", "data": data} | place)
            continue
        delivery, _, after = name.partition("+")
        project = project_of_hook(data)
        raw["raw_gitlab_hook"].append(
            {"_id": f"gitlab:{project}:{delivery}", "instance": "gitlab", "scope": project, "data": data}
            | {"key": signature_of_hook(data, project)}
            | {"about": {"event": "x", "received": str(T0 + int(after or 0))}}
        )
    found = DERIVATIONS["events"].derive(raw, BEIJING)
    assert found.rejected == []
    return found


def told(*records: tuple[str, Any]) -> list[tuple[str, int, str]]:
    """The facts as id, seconds after 10:00 and action."""
    facts = derived(*records).facts
    return sorted((fact["_id"].removeprefix("gitlab:7:"), fact["at"] - T0, fact["action"]) for fact in facts)


@pytest.mark.parametrize(
    ("row", "hook", "signature"),
    [
        (pushed(1, 0, A, B), push(A, B), f"7:push:main:{B}"),
        (pushed(1, 0, NONE, B, "f/x"), push(NONE, B, "refs/heads/f/x"), f"7:push:f/x:{B}"),
        (pushed(1, 0, A, NONE), push(A, NONE), f"7:push:main:{NONE}"),
        (pushed(1, 0, NONE, B, "v1", "tag"), push(NONE, B, "refs/tags/v1"), f"7:push:tag:v1:{B}"),
        (listed(1, 0, "opened", "Issue", target_id=90), issue("open", 0), "7:issue:90:opened"),
        # The list calls reopening opening.
        (listed(1, 0, "opened", "Issue", target_id=90), issue("reopen", 0), "7:issue:90:opened"),
        (listed(1, 0, "reopened", "Issue", target_id=90), issue("reopen", 0), "7:issue:90:opened"),
        (
            listed(1, 0, "closed", "WorkItem", target_id=90),
            issue("close", 0, "work_item"),
            "7:issue:90:closed",
        ),
        (
            listed(1, 0, "accepted", "MergeRequest", target_id=90),
            issue("merge", 0, "merge_request"),
            "7:merge_request:90:accepted",
        ),
        (
            listed(1, 0, "approved", "MergeRequest", target_id=90),
            issue("approval", 0, "merge_request"),
            "7:merge_request:90:approved",
        ),
        (
            listed(1, 0, "opened", "Milestone", target_id=90),
            issue("create", 0, "milestone"),
            "7:milestone:90:opened",
        ),
        (
            listed(1, 0, "commented on", "DiffNote", target_id=90),
            issue("create", 0, "note", created_at=clock(0)),
            "7:note:90",
        ),
        (
            listed(1, 0, "destroyed", "WikiPage::Meta", target_id=4, wiki_page={"slug": "a/b"}),
            issue("delete", 0, "wiki_page", slug="a/b"),
            "7:wiki:a/b:destroyed",
        ),
        (
            listed(1, 0, "joined", author_id=64),
            {"event_name": "user_add_to_team", "project_id": 7, "user_id": 64, "updated_at": clock(0)},
            "7:member:64:joined",
        ),
    ],
)
def test_the_list_and_a_webhook_have_one_signature_for_one_happening(
    row: dict[str, Any], hook: dict[str, Any], signature: str
) -> None:
    assert signature_of_event(row, "7") == signature
    assert signature_of_hook(hook, project_of_hook(hook)) == signature
    # The row is the fact; the delivery's, if it made one, is gone.
    found = derived(("", row), ("d+5", hook))
    assert ([fact["_id"] for fact in found.facts], found.gone) == (["gitlab:7:1"], {"gitlab:7:hook:d"})


def test_what_is_no_event_has_a_signature_of_its_own_and_makes_no_fact() -> None:
    bulk = {"commit_count": 0, "ref_count": 9, "ref": None, "commit_to": None, "ref_type": "branch"}
    assert signature_of_event(listed(5, 0, "pushed to", push_data=bulk), "7") == "7:event:5"
    assert signature_of_event(listed(5, 0, "created", "Project", target_id=7), "7") == "7:event:5"
    assert signature_of_event({"id": 5}, "7") == "7:event:5"
    others = [
        (issue("update", 0), "7:issue:90"),
        (issue("unapproved", 0, "merge_request"), "7:merge_request:90"),
        (issue("update", 0, "note"), "7:note:90"),
        (issue("create", 0, "note", system=True), "7:note:90"),
        (issue("create", 0, "release"), "7:release:90"),
        ({"object_kind": "build", "project_id": 7, "build_id": 12}, "7:build:12"),
        ({"object_kind": "push", "project_id": 7, "ref": "refs/notes/x"}, "7:push:"),
        ({"event_name": "group_create", "group_id": 3}, ":group_create:3"),
        ({}, "::"),
        ({"object_kind": ["x"], "project": "y", "object_attributes": "z"}, ":['x']:"),
    ]
    for data, signature in others:
        assert signature_of_hook(data, project_of_hook(data)) == signature
        assert derived(("d", data)) == Derived()


def test_a_webhook_makes_the_fact_that_the_list_will_make() -> None:
    facts = derived(
        ("p+30", push(A, B)),
        ("t+40", push(NONE, C, "refs/tags/v1")),
        ("m", issue("merge", 50, "merge_request")),
        ("n", issue("create", 60, "note", created_at=clock(55), type="DiffNote")),
        ("w+70", issue("create", 0, "wiki_page", slug="home")),
    ).facts
    named = [
        (fact["_id"], fact["project"], fact["at"] - T0, fact["action"], fact["target_type"], fact["ref"])
        for fact in facts
    ]
    assert sorted(named) == [
        ("gitlab:7:hook:m", "7", 50, "accepted", "MergeRequest", ""),
        ("gitlab:7:hook:n", "7", 55, "commented on", "DiffNote", ""),
        ("gitlab:7:hook:p", "7", 30, "pushed to", "", "main"),
        ("gitlab:7:hook:t", "7", 40, "pushed new", "", "v1"),
        ("gitlab:7:hook:w", "7", 70, "created", "WikiPage::Meta", ""),
    ]
    assert {fact["_id"]: fact["branch"] for fact in facts if fact["branch"]} == {"gitlab:7:hook:p": "main"}
    assert {fact["instance"] for fact in facts} == {"gitlab"}


def test_times_are_read_in_all_the_spellings_of_webhooks_and_else_are_those_of_the_receipt() -> None:
    spellings = {
        "2026-03-01T10:00:09Z": 9,
        "2026-03-01T10:00:09.999Z": 9,
        "2026-03-01 10:00:09 UTC": 9,
        "2026-03-01 18:00:09 +0800": 9,
        "2026-03-01T05:00:09-05:00": 9,
        "2026-03-01 10:00:09": 77,
        "soon": 77,
        "0001-01-01T00:00:00Z": 77,
        "2106-02-07T06:28:15Z": 77,
        "": 77,
    }
    for written, after in spellings.items():
        assert told(("d+77", issue("close", 0, updated_at=written))) == [("hook:d", after, "closed")]
    assert told(("d+77", issue("close", 0, updated_at=None))) == [("hook:d", 77, "closed")]


def test_several_deliveries_of_one_happening_are_one_fact_of_the_first() -> None:
    # The hook of a project and that of its group, with ids of their own.
    found = derived(("b", issue("close", 5)), ("a", issue("close", 5)), ("c", issue("close", 6)))
    assert sorted(fact["_id"] for fact in found.facts) == ["gitlab:7:hook:a", "gitlab:7:hook:c"]
    assert found.gone == {"gitlab:7:hook:b"}
    assert told(("a+0", push(A, B)), ("b+600", push(A, B))) == [("hook:a", 0, "pushed to")]
    # Pushed away and back again: the commits before are others, or it is much later.
    assert told(("a+0", push(A, B)), ("b+5", push(C, B)), ("c+601", push(A, B))) == [
        ("hook:a", 0, "pushed to"),
        ("hook:b", 5, "pushed to"),
        ("hook:c", 601, "pushed to"),
    ]


def test_each_row_of_the_list_takes_the_one_delivery_that_is_nearest_in_time() -> None:
    opened = listed(1, 2, "opened", "Issue", target_id=90)
    again = listed(2, 302, "opened", "Issue", target_id=90)
    first, second = ("a", issue("open", 1)), ("b", issue("reopen", 301))
    assert told(first, second) == [("hook:a", 1, "opened"), ("hook:b", 301, "opened")]
    assert told(("", opened), first, second) == [("1", 2, "opened"), ("hook:b", 301, "opened")]
    assert told(("", again), first, second) == [("2", 302, "opened"), ("hook:a", 1, "opened")]
    assert told(("", opened), ("", again), first, second) == [("1", 2, "opened"), ("2", 302, "opened")]


def test_a_row_far_from_a_delivery_is_another_happening_unless_it_is_a_push() -> None:
    late = issue("close", 0)
    for after_s, count in ((600, 1), (601, 2)):
        assert len(told(("", listed(1, after_s, "closed", "Issue", target_id=90)), ("d", late))) == count
    # A delivery says when it came: the commits tell which push it was.
    assert told(("", pushed(1, 0, A, B)), ("d+90000", push(A, B))) == [("1", 0, "pushed to")]


def test_a_branch_that_is_deleted_again_is_deleted_twice() -> None:
    once = pushed(1, 0, A, NONE, "tmp")
    assert told(("", once), ("a+0", push(A, NONE, "refs/heads/tmp"))) == [("1", 0, "deleted")]
    # Of what became of other commits only a webhook has told so far.
    assert told(("", once), ("b+90000", push(B, NONE, "refs/heads/tmp"))) == [
        ("1", 0, "deleted"),
        ("hook:b", 90000, "deleted"),
    ]
    again = pushed(2, 90000, B, NONE, "tmp")
    assert told(("", once), ("", again), ("b+90000", push(B, NONE, "refs/heads/tmp"))) == [
        ("1", 0, "deleted"),
        ("2", 90000, "deleted"),
    ]


def test_who_left_did_so_when_the_webhook_came() -> None:
    left = {"event_name": "user_remove_from_team", "project_id": 7, "user_id": 64}
    # The times are those of the membership.
    left |= {"created_at": clock(-9_000_000), "updated_at": clock(-9_000_000)}
    assert told(("d+30", left)) == [("hook:d", 30, "left")]
    assert told(("d+30", left), ("", listed(1, 29, "left", author_id=64))) == [("1", 29, "left")]


def test_a_happening_that_was_told_twice_takes_one_row_only() -> None:
    twice = [("a", issue("close", 5)), ("b", issue("close", 5))]
    rows = [("", listed(n, 5 + n, "closed", "Issue", target_id=90)) for n in (1, 2)]
    assert told(*twice, rows[0]) == [("1", 6, "closed")]
    assert told(*twice, *rows) == [("1", 6, "closed"), ("2", 7, "closed")]


def test_the_order_of_the_records_does_not_matter() -> None:
    records: list[tuple[str, Any]] = [
        *((f"a{n}+{n * 40}", push(A, B)) for n in range(20)),
        *((f"b{n}", issue("close", n * 300)) for n in range(5)),
        *(("", listed(n, n * 290, "closed", "Issue", target_id=90)) for n in range(4)),
        ("", pushed(9, 3, A, B)),
    ]
    expected = told(*records)
    for seed in range(20):
        random.Random(seed).shuffle(records)
        assert told(*records) == expected


def test_a_system_or_a_group_tells_of_no_project() -> None:
    assert project_of_hook({"project": {"path_with_namespace": "a/b"}, "object_attributes": {"id": 1}}) == ""
    assert project_of_hook({"object_attributes": {"target_project_id": 9, "project_id": 8}}) == "9"
    assert project_of_hook({"project": {"id": 5}, "object_attributes": {"project_id": 14}}) == "5"
    merge = issue("merge", 0, "merge_request")
    del merge["project"]
    assert derived(("d", merge)) == Derived()
