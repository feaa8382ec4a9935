"""Workflows, events and the other topics from raw records, by hand."""

from __future__ import annotations

from typing import Any

from collectors.derive import DERIVATIONS
from metrics_api.core.days import BEIJING


def stored(scope: str, key: str, data: Any, n: int = 1, name: str = "") -> dict[str, Any]:
    return {
        "_id": f"x:{scope}:{name or key}",
        "n": n,
        "instance": "x",
        "scope": scope,
        "key": key,
        "data": data,
    }


def test_the_status_maps_of_stories_are_joined_in_the_types_order_and_keep_the_first_meaning() -> None:
    key = "991:story"
    raw = {
        "raw_tapd_status_map": [
            stored("991", key, {"planning": "Planned", "status_4": "Testing"}, 2, "story:2"),
            stored("991", key, {"planning": "规划中", "resolved": "已实现"}, 1, "story:1"),
            stored("991", "991:bug", {"new": "新", "odd": None}, 3, "bug"),
        ],
        "raw_tapd_last_steps": [
            stored("991", key, {"resolved": "已实现"}, 1, "story:1"),
            stored("991", key, {"resolved": "Done", "status_4": "Testing"}, 2, "story:2"),
        ],
        "raw_tapd_first_step": [stored("991", key, {"planning": "规划中"}, 1, "story:1")],
    }
    story, bug = sorted(
        DERIVATIONS["workflows"].derive(raw, BEIJING).facts, key=lambda fact: -len(fact["_id"])
    )
    assert story == {
        "_id": "x:991:story",
        "instance": "x",
        "workspace": "991",
        "entity": "story",
        "statuses": [["planning", "规划中"], ["resolved", "已实现"], ["status_4", "Testing"]],
        "last_steps": ["resolved", "status_4"],
        "first_step": "planning",
        "types": [
            {
                "type": "1",
                "statuses": [["planning", "规划中"], ["resolved", "已实现"]],
                "last_steps": ["resolved"],
                "first_step": "planning",
            },
            {
                "type": "2",
                "statuses": [["planning", "Planned"], ["status_4", "Testing"]],
                "last_steps": ["resolved", "status_4"],
                "first_step": None,
            },
        ],
    }
    assert bug["types"] == [
        {"type": "", "statuses": [["new", "新"], ["odd", "odd"]], "last_steps": [], "first_step": None}
    ]
    assert (bug["statuses"], bug["last_steps"], bug["first_step"]) == (
        [["new", "新"], ["odd", "odd"]],
        [],
        None,
    )


def test_events_keep_the_words_of_the_response_and_their_instants_whatever_the_offset() -> None:
    raw = {
        "raw_gitlab_event": [
            stored(
                "7",
                "1",
                {
                    "action_name": "pushed to",
                    "target_type": None,
                    "created_at": "2026-03-01T08:00:00.469+08:00",
                    "push_data": {"ref": "main", "ref_type": "branch", "commit_count": 2},
                },
            ),
            stored(
                "8",
                "2",
                {"action_name": "opened", "target_type": "Issue", "created_at": "2026-03-01T00:00:00Z"},
            ),
            stored("7", "3", {"action_name": "opened", "created_at": "2026-03-01T00:00:00"}),
            stored("7", "4", {"created_at": "2026-03-01T00:00:00Z"}),
            stored("7", "5", {"action_name": "pushed to", "created_at": None}),
        ],
    }
    derived = DERIVATIONS["events"].derive(raw, BEIJING)
    assert derived.facts == [
        {
            "_id": "x:7:1",
            "instance": "x",
            "project": "7",
            "at": 1772323200,
            "action": "pushed to",
            "target_type": "",
            "ref": "main",
            "branch": "main",
        },
        {
            "_id": "x:8:2",
            "instance": "x",
            "project": "8",
            "at": 1772323200,
            "action": "opened",
            "target_type": "Issue",
            "ref": "",
            "branch": "",
        },
    ]
    assert [rejected.record["key"] for rejected in derived.rejected] == ["3", "4", "5"]


def test_one_record_that_cannot_be_understood_stops_no_other() -> None:
    iterations = [
        stored("991", "1", {"name": "A", "startdate": "2026-03-01", "enddate": "", "status": "open"}),
        stored("991", "2", {"name": "B", "startdate": "soon"}),
        stored("991", "3", {"name": "C", "created": 5}),
    ]
    derived = DERIVATIONS["iterations"].derive({"raw_tapd_iteration": iterations}, BEIJING)
    assert derived.facts == [
        {
            "_id": "x:991:1",
            "instance": "x",
            "workspace": "991",
            "id": "1",
            "name": "A",
            "names": [],
            "start": "2026-03-01",
            "end": None,
            "status": "open",
            "created": None,
            "removed_at": None,
        }
    ]
    assert [rejected.record["key"] for rejected in derived.rejected] == ["2", "3"]


def test_workspaces_and_projects_have_their_own_ids() -> None:
    workspaces = [stored("91", "91", {"name": "abc", "created": "2026-03-01 08:00:00"})]
    assert DERIVATIONS["workspaces"].derive({"raw_tapd_workspace": workspaces}, BEIJING).facts == [
        {"_id": "x:91", "instance": "x", "id": "91", "name": "abc", "created": 1772323200}
    ]
    projects = [stored("7", "7", {"path_with_namespace": "a/b", "name": "B", "default_branch": None})]
    assert DERIVATIONS["projects"].derive({"raw_gitlab_project": projects}, BEIJING).facts == [
        {
            "_id": "x:7",
            "instance": "x",
            "id": "7",
            "path": "a/b",
            "asked": "",
            "name": "B",
            "default_branch": "",
        }
    ]


def test_releases_and_workitem_types_have_the_ids_of_their_records() -> None:
    releases = [
        stored(
            "991", "5", {"name": "R1", "startdate": "2026-03-01", "enddate": "2026-03-20", "status": "open"}
        ),
        stored(
            "991", "6", {"name": "R2", "startdate": "", "enddate": None, "created": "2026-03-01 08:00:00"}
        ),
        stored("991", "7", {"name": "R3", "enddate": "later"}),
    ]
    found = DERIVATIONS["releases"].derive({"raw_tapd_release": releases}, BEIJING)
    place = {"instance": "x", "workspace": "991"}
    assert found.facts == [
        {"_id": "x:991:5", **place, "id": "5", "name": "R1", "start": "2026-03-01", "end": "2026-03-20"}
        | {"status": "open", "created": None},
        {"_id": "x:991:6", **place, "id": "6", "name": "R2", "start": None, "end": None}
        | {"status": "", "created": 1772323200},
    ]
    assert [rejected.record["key"] for rejected in found.rejected] == ["7"]
    types = [
        stored("991", "50", {"name": "需求", "entity_type": "story"}),
        stored("991", "51", {"name": "Tech"}),
    ]
    assert DERIVATIONS["workitem_types"].derive({"raw_tapd_workitem_type": types}, BEIJING).facts == [
        {"_id": "x:991:50", **place, "id": "50", "name": "需求", "entity": "story"},
        {"_id": "x:991:51", **place, "id": "51", "name": "Tech", "entity": "story"},
    ]
