"""The hand-written company: Shop & Co with the workspaces Web and Mobile, 引擎 C++ with Engine."""

from tests.reference.wire import Company, Config, Product, Project, StageRule, Workspace

from . import shop_web
from .records import ENGINE, MOBILE, WEB, change, event, iteration, numbered, row, walk

SHOP, CPP = "Shop & Co", "引擎 C++"

DEFAULT_STATUSES = {
    "new": "新",
    "in_progress": "接受/处理",
    "resolved": "已解决",
    "verified": "已验证",
    "reopened": "重新打开",
    "rejected": "已拒绝",
    "closed": "已关闭",
}
SPRINT_1 = iteration(MOBILE, 1, "Sprint 1", "03-02", "03-08")
SPRINT_2 = iteration(MOBILE, 2, "Sprint 2, final", "03-09", "03-15")


def mobile() -> Workspace:
    """Two bugs that were moved in, and four of its own."""
    v0, v1 = {"version_report": "v1.0.0"}, {"version_report": "v1.1.0"}
    rows = [
        row("M10", "03-03 10:00", "03-10 12:00", "resolved", **v0, severity="serious"),
        row("M11", "03-02 11:00", "03-08 10:00", "closed", **v0),
        row("M1", "03-10 04:00", "03-12 08:00", "resolved", **v0, severity=None, label="重点|"),
        row("M2", "03-03 00:00:00", "03-09 09:00", "reopened", **v1, severity="fatal"),
        row("M3", "03-06 14:00", "03-10 14:00", "new", **v1, iteration_id=SPRINT_2["id"]),
        row("M4", "03-07 14:00", "03-11 14:00", "in_progress", severity="advice", version_report="")
        | {"iteration_id": SPRINT_2["id"]},
    ]
    changes = [
        *walk("M10", "03-10 12:00 in_progress>resolved"),
        # M1 happens between midnight and eight in Beijing: in UTC on the day before.
        *walk("M1", "03-11 07:59:59 new>in_progress", "03-12 08:00:00 in_progress>resolved"),
        # M2 begins and ends at a day's edge, and is reopened after it was rejected.
        *walk("M2", "03-05 23:59:59 new>rejected", "03-09 09:00 rejected>reopened"),
        # The feed names iterations; 迭代旧 is what Sprint 2 was called on the 9th.
        change("M3", "03-10 14:00", "iteration_id", "Sprint 1", "Sprint 2, final"),
        change("M4", "03-09 14:00", "iteration_id", "--", "迭代旧"),
        *walk("M4", "03-11 14:00 new>in_progress"),
    ]
    return Workspace(
        id=MOBILE,
        name="Shop Mobile",
        bugs=rows,
        changes=numbered(MOBILE, changes),
        iterations=[SPRINT_1, SPRINT_2],
        status_map=DEFAULT_STATUSES,
        last_steps={"resolved": "已解决", "rejected": "已拒绝"},
        first_step="new",
    )


def engine() -> Workspace:
    """Three bugs of its own and W28, which becomes E4; status_7 is in no configured stage."""
    rows = [
        row("E1", "03-02 15:00", "03-05 15:00", "closed", version_fix="2.0"),
        row("E2", "03-03 06:00", "03-06 16:00", "new", severity="fatal", version_fix=None),
        row("E3", "03-04 16:30", "03-10 16:30", "in_progress", severity="serious", version_fix="2.0"),
        row("E4", "03-04 14:00", "03-12 16:00", "closed", severity="serious", version_report="v1.1.0"),
    ]
    changes = [
        *walk("E1", "03-03 15:00 new>in_progress", "03-04 15:00 in_progress>resolved"),
        *walk("E1", "03-05 15:00 resolved>closed"),
        # E2 is sent back to the very start.
        *walk("E2", "03-04 16:00 new>in_progress", "03-05 16:00 in_progress>resolved"),
        *walk("E2", "03-06 16:00 resolved>new"),
        *walk("E3", "03-06 16:30 new>status_7", "03-10 16:30 status_7>in_progress"),
        *walk("E4", "03-12 16:00 in_progress>closed"),
    ]
    return Workspace(
        id=ENGINE,
        name="Engine",
        bugs=rows,
        changes=numbered(ENGINE, changes),
        status_map={**DEFAULT_STATUSES, "status_7": "挂起"},
        last_steps={"rejected": "已拒绝", "closed": "已关闭"},
        first_step="new",
    )


def projects() -> list[Project]:
    """25 events; their offsets differ, and some lie at the edges of days."""
    web = [
        event(1, 11, "2026-03-02T01:00:00.123Z", "pushed to", None, commit_count=3),
        event(2, 11, "2026-03-02T15:59:59.999Z", "pushed to", None, commit_count=1),
        event(3, 11, "2026-03-02T16:00:00.000Z", "pushed new", None, action="created", ref="feature/a #1"),
        event(4, 11, "2026-03-03T10:00:00.000+08:00", "opened", "MergeRequest"),
        event(5, 11, "2026-03-03T03:00:00.000Z", "commented on", "Note"),
        event(6, 11, "2026-03-03T23:30:00.000+08:00", "commented on", "DiffNote"),
        event(7, 11, "2026-03-04T02:00:00.000Z", "accepted", "MergeRequest"),
        event(8, 11, "2026-03-04T02:00:00.000Z", "deleted", None, action="removed", ref="feature/a #1"),
        event(9, 11, "2026-03-04T02:00:01.000Z", "pushed to", None, commit_count=2),
        event(10, 11, "2026-03-05T00:30:00.000+08:00", "opened", "Issue"),
        event(11, 11, "2026-03-06T09:00:00.000Z", "closed", "Issue"),
        event(12, 11, "2026-03-09T08:00:00.000Z", "pushed to", None, commit_count=0, ref=None, ref_count=5),
        event(13, 11, "2026-03-10T16:30:00.000Z", "approved", "MergeRequest"),
        event(14, 11, "2026-03-12T05:00:00.000Z", "accepted", "MergeRequest"),
        event(15, 11, "2026-03-16T01:00:00.000Z", "pushed to", None, commit_count=1),
    ]
    core = [
        event(16, 12, "2026-03-02T08:00:00.000+01:00", "pushed to", None, commit_count=1),
        event(17, 12, "2026-03-03T00:30:00.000+01:00", "pushed to", None, commit_count=1),
        event(18, 12, "2026-03-03T23:59:59.500+01:00", "commented on", "Note"),
        event(19, 12, "2026-03-05T12:00:00.000Z", "opened", "MergeRequest"),
        event(20, 12, "2026-03-06T12:00:00.000Z", "accepted", "MergeRequest"),
        event(21, 12, "2026-03-09T23:00:00.000Z", "pushed to", None, commit_count=1),
        event(22, 12, "2026-03-10T10:00:00.000Z", "opened", "Issue"),
        event(23, 12, "2026-03-11T10:00:00.000Z", "commented on", "Note"),
        event(24, 12, "2026-03-12T10:00:00.000Z", "closed", "Issue"),
        event(25, 12, "2026-03-01T10:00:00.000Z", "created", None),
    ]
    return [Project(11, "shop/web", web), Project(12, "engine/core-c++", core)]


def company() -> Company:
    shop = Product(SHOP, workspaces=(WEB, MOBILE), projects=("shop/web",))
    cpp = Product(
        CPP,
        workspaces=(ENGINE,),
        projects=("engine/core-c++",),
        zone="Europe/Berlin",
        version_field="version_fix",
        stages=(
            StageRule("todo", "waiting", ("new",)),
            StageRule("dev", "active", ("in_progress", "reopened")),
            StageRule("test", "waiting", ("resolved",), resolved=True),
            StageRule("done", "done", ("verified", "closed")),
            StageRule("dropped", "dropped", ("rejected",)),
        ),
    )
    config = Config(products=(shop, cpp))
    return Company([shop_web.workspace(), mobile(), engine()], projects(), config)
