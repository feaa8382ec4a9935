"""The workspace Shop Web: most of what can happen to a bug, one case after the other."""

from typing import Any

from tests.reference.wire import Record, Workspace

from .records import WEB, change, iteration, numbered, removal, row, walk

V0: dict[str, Any] = {"version_report": "v1.0.0"}
V1: dict[str, Any] = {"version_report": "v1.1.0"}

STATUS_MAP = {
    "new": "新",
    "in_progress": "接受/处理",
    "status_2": "Waiting #3",
    "resolved": "已解决",
    "verified": "已验证",
    "reopened": "重新打开",
    "rejected": "已拒绝",
    "closed": "已关闭",
    "status_9": "已归档",
}

ROWS: list[Record] = [
    row("W1", "03-02 09:00", "03-05 15:00", "closed", **V0, severity="serious", module="登录, 注册")
    | {"label": "阻塞|重点"},
    row("W2", "03-02 10:00", "03-10 10:00", "closed", **V0),
    row("W3", "03-03 09:00", "03-09 15:00", "resolved", **V0, severity="serious", module="登录, 注册"),
    row("W4", "03-03 15:00", "03-04 15:00", "closed", **V1),
    row("W5", "03-04 10:00", "03-05 11:00", "rejected", **V0, severity="prompt"),
    row("W6", "03-04 12:00", "03-11 10:00", "closed", **V0),
    row("W7", "03-05 09:00", "03-06 09:30", "in_progress", **V0, severity="advice"),
    row("W8", "03-02 16:00", "03-05 16:00", "closed", **V1),
    row("W9", "03-05 14:00", "03-05 14:00", "new", **V0, severity="fatal"),
    row("W10", "03-03 10:00", "03-04 10:00", "in_progress", **V0, severity="serious"),
    row("W11", "03-02 11:00", "03-03 18:00", "closed", **V0),
    row("W12", "03-06 10:00", "03-06 10:00", "new", **V1, severity="serious"),
    row("W13", "03-07 23:59:59", "03-12 00:00:00", "closed", **V1),
    row("W14", "03-04 09:30", "03-12 10:00", "closed", **V1),
    row("W15", "03-02 13:00", "03-09 13:00", "closed", **V1, severity="prompt"),
    row("W16", "03-05 10:30", "03-12 15:00", "closed", **V0),
    row("W17", "03-06 08:00", "03-06 08:00", "new", module=None),
    row("W18", "03-07 09:00", "03-13 09:00", "closed", version_report="R&D #1, beta+", severity="serious"),
    row("W19", "03-08 15:00", "03-10 10:00", "in_progress", **V1),
    row("W20", "03-03 08:00", "03-09 08:00", "closed", **V0, label="重点"),
    row("W21", "03-05 08:00", "03-12 09:30", "resolved", **V0),
    row("W22", "03-10 09:00", "03-10 09:00", "closed", **V1, severity="advice"),
    row("W23", "03-10 09:30", "03-10 09:30", "resolved", **V1, severity="prompt"),
    # W24 and W25 were deleted before anybody looked: they have no rows.
    row("W26", "02-20 09:00", "02-25 09:00", "closed", **V0),
    row("W27", "02-27 10:00", "03-13 18:00", "closed", **V0, severity="serious"),
    row("W28", "03-04 14:00", "03-05 14:30", "in_progress", **V1, severity="serious"),
]

CHANGES: list[Record] = [
    # W26 and W27 are older than the two weeks: one ended, one open.
    *walk("W26", "02-25 09:00 new>closed"),
    *walk("W27", "02-28 10:00 new>in_progress", "03-13 18:00 in_progress>closed"),
    # W1 plain. Its creation is in the feed too (include_add_bug=1) and is no first change.
    change("W1", "03-02 09:00", "status", "", "new", change_type="create_bug"),
    *walk("W1", "03-03 10:00 new>in_progress", "03-04 11:00 in_progress>resolved"),
    *walk("W1", "03-05 10:00 resolved>verified", "03-05 15:00 verified>closed"),
    change("W1", "03-05 15:00", "current_owner", "user02;", "user03;"),
    # W2 reopened; soon after it loses its label.
    *walk("W2", "03-02 14:00 new>in_progress", "03-03 16:00 in_progress>resolved"),
    *walk("W2", "03-04 09:00 resolved>closed", "03-06 09:00 closed>reopened"),
    change("W2", "03-06 10:00", "label", "阻塞", "--"),
    *walk("W2", "03-09 10:00 reopened>resolved", "03-10 10:00 resolved>closed"),
    # W3 returned by the tester; its severity is changed while it is open.
    *walk("W3", "03-03 11:00 new>in_progress", "03-05 09:00 in_progress>resolved"),
    *walk("W3", "03-06 11:00 resolved>in_progress"),
    change("W3", "03-07 12:00", "severity", "fatal", "serious"),
    *walk("W3", "03-09 15:00 in_progress>resolved"),
    # W4 skips stages, W5 is rejected, W6 is rejected and then closed.
    *walk("W4", "03-04 15:00 new>closed"),
    *walk("W5", "03-05 11:00 new>rejected"),
    *walk("W6", "03-06 10:00 new>rejected", "03-11 10:00 rejected>closed"),
    # W7 is deleted while open, W8 when closed.
    *walk("W7", "03-06 09:30 new>in_progress"),
    change("W7", "03-09 10:00", "delete_bug", "--", "--", memo="delete bug"),
    *walk("W8", "03-05 16:00 new>closed"),
    change("W8", "03-10 16:00", "delete_bug", "--", "--", memo="delete bug"),
    # W10 is moved to Mobile while open, W11 when closed, W28 to Engine, another product.
    *walk("W10", "03-04 10:00 new>in_progress"),
    *walk("W11", "03-03 18:00 new>closed"),
    *walk("W28", "03-05 14:30 new>in_progress"),
    # W13 moves in the first and last seconds of Beijing's days.
    *walk("W13", "03-09 00:00:00 new>in_progress", "03-10 23:59:59 in_progress>resolved"),
    *walk("W13", "03-12 00:00:00 resolved>closed"),
    # W14 changes its version while open, W15 when closed.
    change("W14", "03-06 15:00", "version_report", "v1.0.0", "v1.1.0"),
    *walk("W14", "03-06 16:00 new>in_progress", "03-12 10:00 in_progress>closed"),
    *walk("W15", "03-03 13:00 new>closed"),
    change("W15", "03-09 13:00", "version_report", "v1.0.0", "v1.1.0"),
    # W16 changes version and status within one second, twice.
    change("W16", "03-09 09:00", "version_report", "v1.0.0", "v1.1.0"),
    *walk("W16", "03-09 09:00 new>resolved", "03-12 15:00 resolved>closed"),
    change("W16", "03-12 15:00", "version_report", "v1.1.0", "v1.0.0"),
    # W18 goes through statuses of the workspace's own; both closed and status_9 are done.
    *walk("W18", "03-08 09:00 new>status_2", "03-11 09:00 status_2>status_9", "03-13 09:00 status_9>closed"),
    # W19 has rows of a parallel workflow under its status.
    change("W19", "03-09 11:00", "status", "", "3"),
    change("W19", "03-09 12:00", "status", "12", "--"),
    change("W19", "03-10 09:00", "status", "in_progress", "closed", is_step_change="1"),
    *walk("W19", "03-10 10:00 new>in_progress"),
    # W20's chain is broken in the middle (in_progress, then from resolved), W21's at its end (now resolved).
    change("W20", "03-05 12:00", "label", "", "重点"),
    *walk("W20", "03-04 08:00 new>in_progress", "03-09 08:00 resolved>closed"),
    *walk("W21", "03-06 08:30 new>in_progress"),
    # W24 and W25: all that is left of them.
    change("W24", "03-05 12:00", "severity", "serious", "fatal"),
    *walk("W25", "03-05 20:00 new>in_progress", "03-06 20:00 in_progress>closed"),
]

REMOVED: list[Record] = [
    removal("W7", "03-05 09:00", "03-09 10:00", "delete"),
    removal("W8", "03-02 16:00", "03-10 16:00", "delete"),
    removal("W9", "03-05 14:00", "03-06 17:00", "merge", to="W3"),
    removal("W10", "03-03 10:00", "03-07 10:00", "move", to="M10"),
    removal("W11", "03-02 11:00", "03-08 10:00", "move", to="M11"),
    removal("W12", "03-06 10:00", "03-11 11:00", "move", to="X1"),
    removal("W24", "03-03 12:00", "03-08 20:00", "delete"),
    removal("W25", "03-04 20:00", "03-11 20:00", "delete"),
    removal("W28", "03-04 14:00", "03-10 15:00", "move", to="E4"),
]

ITERATIONS = [
    iteration(WEB, 1, "v1.0.0", "02-16", "03-01"),
    iteration(WEB, 2, "v1.1.0", "03-02", "03-15"),
    iteration(WEB, 3, "R&D #1, beta+", "03-09", "03-22"),
]


def workspace() -> Workspace:
    return Workspace(
        id=WEB,
        name="Shop Web",
        bugs=[dict(record) for record in ROWS],
        changes=numbered(WEB, CHANGES),
        removed=[dict(record) for record in REMOVED],
        iterations=ITERATIONS,
        status_map=STATUS_MAP,
        last_steps={"resolved": "已解决", "rejected": "已拒绝", "status_9": "已归档"},
        first_step="new",
    )
