"""Single bugs under a filter: what the ledger, the arrivals and the edges of what is known make of them."""

from dataclasses import replace

import pytest

from tests.company.records import MOBILE, WEB, change, numbered, removal, row, walk
from tests.reference.answers import answer
from tests.reference.histories import histories
from tests.reference.questions import BACKLOG, CHANGES, FLOW, Query
from tests.reference.told import instant
from tests.reference.wire import Company, Record, Workspace

STATUSES = {
    "new": "新",
    "in_progress": "处理",
    "resolved": "已解决",
    "rejected": "已拒绝",
    "closed": "已关闭",
}


def at(text: str) -> int:
    found = instant(f"2026-{text}")
    assert found is not None
    return found


V1 = {"version": frozenset(["v1"])}
DAY = Query(CHANGES, at("03-03 12:00:00"), at("03-03 12:00:00"), at("03-20 00:00:00"), V1)


def company(rows: list[Record], changes: list[Record], removed: list[Record] | None = None) -> Company:
    """Web with these records; W9 has been there, closed, since February."""
    old = row("W9", "02-02 09:00", "02-02 09:00", "closed")
    web = Workspace(WEB, "Web", [old, *rows], numbered(WEB, changes), removed or [], status_map=STATUSES)
    return Company([web, Workspace(MOBILE, "Mobile", status_map=STATUSES)])


def ledger(found: Company, query: Query = DAY) -> dict[str, int | None]:
    """The moves of one day that are not 0."""
    return {name: points[0][1] for name, points in answer(found, query) if points[0][1] != 0}


# What a bug is at first and what one second makes of it; what the ledger of version v1 then says.
IN, OUT = "v1", "v2"


@pytest.mark.parametrize(
    ("before", "after", "moves"),
    [
        ((IN, "new"), (OUT, "new"), ["moved_out"]),
        ((IN, "new"), (OUT, "closed"), ["moved_out"]),
        ((IN, "closed"), (OUT, "closed"), []),
        ((IN, "closed"), (OUT, "new"), []),
        ((OUT, "new"), (IN, "new"), ["moved_in"]),
        ((OUT, "new"), (IN, "closed"), []),
        ((OUT, "closed"), (IN, "closed"), []),
        ((OUT, "closed"), (IN, "new"), ["moved_in"]),
        ((OUT, "new"), (IN, "resolved"), ["moved_in"]),
        ((OUT, "resolved"), (IN, "new"), ["moved_in"]),
        ((IN, "new"), (IN, "resolved"), ["resolved"]),
        ((IN, "closed"), (IN, "resolved"), ["reopened", "resolved"]),
        ((IN, "resolved"), (IN, "in_progress"), ["returned"]),
        ((IN, "resolved"), (IN, "status_77"), []),
        ((IN, "status_77"), (IN, "closed"), ["closed"]),
        ((IN, "rejected"), (IN, "closed"), []),
        ((IN, "rejected"), (IN, "new"), ["reopened"]),
        ((IN, "resolved"), (IN, "rejected"), ["closed"]),
    ],
)
def test_one_second_in_the_ledger_of_a_version(
    before: tuple[str, str], after: tuple[str, str], moves: list[str]
) -> None:
    changes = []
    if before[0] != after[0]:
        changes.append(change("W1", "03-03 09:00", "version_report", before[0], after[0]))
    if before[1] != after[1]:
        changes += walk("W1", f"03-03 09:00 {before[1]}>{after[1]}")
    bug = row("W1", "03-01 09:00", "03-03 09:00", after[1], version_report=after[0])
    assert ledger(company([bug], changes)) == dict.fromkeys(moves, 1)


@pytest.mark.parametrize(
    ("status", "kind", "moves"),
    [
        ("new", "delete", ["removed"]),
        ("new", "merge", ["removed"]),
        ("new", "move", ["moved_out"]),
        ("closed", "delete", ["removed_closed"]),
        ("closed", "merge", ["removed_closed"]),
        ("closed", "move", []),
    ],
)
def test_removals_in_the_ledger(status: str, kind: str, moves: list[str]) -> None:
    bug = row("W1", "03-01 09:00", "03-01 09:00", status, version_report="v1")
    found = company([bug], [], [removal("W1", "03-01 09:00", "03-03 09:00", kind, to="X1")])
    assert ledger(found) == dict.fromkeys(moves, 1)
    assert ledger(found, replace(DAY, deleted="exclude")) == {}


@pytest.mark.parametrize(
    ("status", "moves"),
    [("new", ["created"]), ("closed", ["created", "closed"]), ("resolved", ["created", "resolved"])],
)
def test_births_in_the_ledger(status: str, moves: list[str]) -> None:
    bug = row("W1", "03-03 09:00", "03-03 09:00", status, version_report="v1")
    assert ledger(company([bug], [])) == dict.fromkeys(moves, 1)


def test_a_bug_arrives_in_a_selection_with_the_highest_place_it_ever_had() -> None:
    bug = row("W1", "03-01 09:00", "03-03 09:00", "in_progress", version_report="v1")
    changes = [
        *walk("W1", "03-01 10:00 new>closed", "03-02 10:00 closed>in_progress"),
        change("W1", "03-03 09:00", "version_report", "v2", "v1"),
    ]
    query = replace(DAY, metric=FLOW, start=at("03-02 12:00:00"), mode="arrivals")
    answered = {stage: [n for _, n in points] for stage, points in answer(company([bug], changes), query)}
    stages = ("new", "in_progress", "resolved", "closed")
    assert answered == {stage: [0, 1] for stage in stages}


def test_a_change_in_the_second_of_a_move_belongs_to_the_new_workspace() -> None:
    web = company(
        [row("W1", "03-01 09:00", "03-03 09:00", "in_progress")],
        # The feed of the old workspace may even go on, of which nothing counts.
        walk("W1", "03-03 09:00 new>in_progress", "03-03 10:00 in_progress>rejected"),
        [removal("W1", "03-01 09:00", "03-03 09:00", "move", to="M1")],
    )
    web.workspaces[1].bugs = [row("M1", "03-01 09:00", "03-04 09:00", "closed")]
    web.workspaces[1].changes = numbered(MOBILE, walk("M1", "03-04 09:00 in_progress>closed"))
    [item] = [item for item in histories(web) if item.id.endswith("000001")]
    assert [(start, values["workspace"], values["status"]) for start, values in item.spans] == [
        (at("03-01 09:00:00"), WEB, "new"),
        (at("03-03 09:00:00"), MOBILE, "in_progress"),
        (at("03-04 09:00:00"), MOBILE, "closed"),
    ]


def test_the_first_record_and_the_last_look_draw_the_line_to_the_second() -> None:
    found = company([row("W1", "02-02 00:00:00", "02-02 00:00:00", "new")], [])
    query = replace(DAY, metric=BACKLOG, filters={"workspace": frozenset([WEB])})
    window = replace(query, start=at("02-01 12:00:00"), until=at("02-04 12:00:00"))

    def values(known: str) -> list[int | None]:
        return [n for _, n in answer(found, window, {WEB: at(known)})[0][1]]

    assert values("02-03 00:00:00") == [None, 1, 1, None]
    assert values("02-02 23:59:59") == [None, 1, None, None]
