"""Plans of small random companies, and the wire records they come to.

A plan is plain numbers, so that hypothesis can make it small; `wire_company` turns it into records.
"""

from dataclasses import dataclass, field
from typing import Any

from .event_plans import EventPlan, project_path, wire_projects
from .moments import A_DAY, clock
from .wire import Company, Config, Product, Record, StageRule, Workspace

DEFAULT = {
    "new": "新",
    "in_progress": "接受/处理",
    "resolved": "已解决",
    "verified": "已验证",
    "reopened": "重新打开",
    "rejected": "已拒绝",
    "closed": "已关闭",
}
EXTENDED = {
    "new": "新",
    "reopened": "重新打开",
    "status_2": "Waiting, #2",
    "in_progress": "处理",
    "resolved": "已解决",
    "status_9": "已归档",
    "rejected": "已拒绝",
    "closed": "已关闭",
}
OWN = {"status_1": "草稿", "status_3": "R&D", "resolved": "已解决", "status_5": "完成"}
WORKFLOWS: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
    (DEFAULT, {"resolved": "已解决", "rejected": "已拒绝"}),
    (EXTENDED, {"status_9": "已归档", "rejected": "已拒绝"}),
    (OWN, {"status_5": "完成"}),
)
STAGES = (
    StageRule("to do", "waiting", ("new", "status_1")),
    StageRule("dev", "active", ("in_progress", "reopened", "status_3")),
    StageRule("test", "waiting", ("resolved",), resolved=True),
    StageRule("done", "done", ("verified", "closed", "status_5", "status_9")),
    StageRule("dropped", "dropped", ("rejected",)),
)
STRANGE_STATUS = "status_77"

PRODUCTS = ("Alpha #1", "产品 B+")
WORKSPACES = ("20100001", "20100002", "20100003")
ZONES = ("Asia/Shanghai", "UTC", "Europe/Berlin", "America/New_York")
VERSION_FIELDS = ("version_report", "version_fix", "iteration")
VERSIONS = ("", "v1.0.0", "v1.1.0", "R&D #1, beta+", "二期")
SEVERITIES = ("normal", "", "fatal", "serious", "prompt", "advice", "S9")
PRIORITIES = ("", "high", "低", "medium")
MODULES = ("", "登录", "pay, out")
ITERATIONS = (("Sprint 2", "2024-03-11"), ("Sprint 10, final", "2024-03-01"), ("v1.1.0", "2024-02-20"))
EMPTIES = (None, "", "--")
POOLS: dict[str, tuple[str, ...]] = {
    "version_report": VERSIONS,
    "version_fix": VERSIONS,
    "severity": SEVERITIES,
    "priority": PRIORITIES,
    "module": MODULES,
    "iteration_id": ("", "0", "1", "2"),
}
FIELDS = ("status", *POOLS)


@dataclass(frozen=True)
class Step:
    """A change `after` moments later. quirk: "" none, broken (wrong old value), or a row that is no change:
    parallel (a number for a status), flagged (is_step_change), created (change_type create_bug)."""

    after: int
    field: str
    value: int
    quirk: str = ""


@dataclass(frozen=True)
class Move:
    """A move `after` moments later into the n-th workspace (itself: no move), and what happens there."""

    after: int
    to: int
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class BugPlan:
    """What befalls one bug; `first` are its first values in the order of FIELDS.

    `end`: "", delete, merge, move (to where nobody collects), restored. `unseen`: gone before the first
    look. `early`: its changes begin before its creation. `mend`: its row shows a status no change tells of.
    """

    created: int
    first: tuple[int, ...]
    steps: tuple[Step, ...] = ()
    workspace: int = 0
    moves: tuple[Move, ...] = ()
    end: str = ""
    end_after: int = 1
    unseen: bool = False
    early: bool = False
    mend: bool = False


@dataclass(frozen=True)
class CompanyPlan:
    """`workflows` and `configured` go by product; `homes` says which product each workspace is of."""

    base: int
    homes: tuple[int, ...]
    workflows: tuple[int, int]
    configured: tuple[bool, bool]
    zones: tuple[int, int]
    version_fields: tuple[int, int]
    labelled: bool
    bugs: tuple[BugPlan, ...]
    events: tuple[EventPlan, ...] = ()
    cornerstones: bool = True


@dataclass
class Writer:
    """Collects the records of one company."""

    plan: CompanyPlan
    workspaces: list[Workspace] = field(default_factory=list)

    def text(self, moment: int) -> str:
        """A moment as TAPD writes it."""
        return clock(self.plan.base, moment).strftime("%Y-%m-%d %H:%M:%S")

    def value(self, workspace: int, name: str, number: int, in_row: bool) -> str | None:
        """The wire's word for the n-th value of a field; empty ones are written in all ways there are."""
        if name == "status":
            codes = [*self.workspaces[workspace].status_map, STRANGE_STATUS]
            return codes[number % len(codes)]
        word = POOLS[name][number % len(POOLS[name])]
        if name == "iteration_id":
            if word == "":
                return ("0", None)[number % 2] if in_row else EMPTIES[number % 3]
            iteration = self.workspaces[workspace].iterations[int(word)]
            return str(iteration["id"] if in_row else iteration["name"])
        return word or EMPTIES[number % 3]

    def write(self, serial: int, plan: BugPlan) -> None:
        """The rows, changes and removals of one bug."""
        state = dict(zip(FIELDS, plan.first, strict=True))
        place = plan.workspace % len(self.workspaces)
        moment = plan.created - (1 if plan.early else 0)
        steps: tuple[Step, ...] = plan.steps
        moves = [m for m in plan.moves if m.to % len(self.workspaces) != place]
        for leg in range(len(moves) + 1):
            bug = f"1{WORKSPACES[place]}001{serial * 10 + leg:06d}"
            last = self.changes(place, bug, steps, state, moment)
            moment = max(moment, last)
            if leg == len(moves):
                break
            left = max(moment + moves[leg].after, plan.created + 1)
            target = moves[leg].to % len(self.workspaces)
            if target == place:
                break
            if not plan.unseen:
                self.row(place, bug, plan, state, max(moment, plan.created), mend=False)
            new_id = f"1{WORKSPACES[target]}001{serial * 10 + leg + 1:06d}"
            self.removal(place, bug, plan, left, "move", new_id)
            place, steps, moment = target, moves[leg].steps, left
        moment = max(moment, plan.created)
        if plan.mend:
            moment += 1
        ends = max(moment + plan.end_after, plan.created + 1)
        if plan.end == "restored":
            self.removal(place, bug, plan, ends, "delete", None)
            moment = ends + 1
        elif plan.end:
            self.removal(place, bug, plan, ends, plan.end, "1991000010010000001")
        if plan.end in ("", "restored") or not plan.unseen:
            self.row(place, bug, plan, state, moment, plan.mend)

    def changes(
        self, place: int, bug: str, steps: tuple[Step, ...], state: dict[str, int], moment: int
    ) -> int:
        """Writes the change rows of one stay in a workspace; answers the moment of the last."""
        for step in steps:
            moment += step.after
            record: dict[str, Any] = {"change_type": "", "field": self.wire_name(step.field)}
            old = self.value(place, step.field, state[step.field], in_row=False)
            new = self.value(place, step.field, step.value, in_row=False)
            if step.quirk == "broken":
                old = self.value(place, step.field, state[step.field] + 1, in_row=False)
            elif step.quirk == "parallel":
                old, new, record["field"] = (None, "12")[step.value % 2], ("7", "")[step.value % 2], "status"
            elif step.quirk == "flagged":
                record["is_step_change"], record["field"] = "1", "status"
                old, new = (
                    self.value(place, "status", 0, False),
                    self.value(place, "status", step.value, False),
                )
            elif step.quirk == "created":
                old, record["change_type"] = "", "create_bug"
            if step.quirk in ("", "broken"):
                state[step.field] = step.value
            record |= {"bug_id": bug, "old_value": old, "new_value": new, "created": self.text(moment)}
            record |= {"author": "user01", "memo": None, "workspace_id": WORKSPACES[place]}
            self.workspaces[place].changes.append(record)
        return moment

    def wire_name(self, name: str) -> str:
        return "priority_label" if name == "priority" and self.plan.labelled else name

    def row(
        self, place: int, bug: str, plan: BugPlan, state: dict[str, int], modified: int, mend: bool
    ) -> None:
        shown = dict(state)
        if mend:
            shown["status"] += 1
        record: Record = {
            "id": bug,
            "title": f"bug {bug[-3:]} <&>",
            "reporter": "user01",
            "created": self.text(plan.created),
            "modified": self.text(modified),
            "due": None,
            "priority": "",
            "workspace_id": WORKSPACES[place],
        }
        for name in FIELDS:
            record[self.wire_name(name)] = self.value(place, name, shown[name], in_row=True)
        self.workspaces[place].bugs.append(record)

    def removal(
        self, place: int, bug: str, plan: BugPlan, moment: int, kind: str, new_id: str | None
    ) -> None:
        url = f"https://tapd.example.com/bugtrace/bugs/view?bug_id={new_id}" if kind != "delete" else ""
        self.workspaces[place].removed.append(
            {
                "id": bug,
                "title": f"bug {bug[-3:]} <&>",
                "reporter": "user01",
                "created": self.text(plan.created),
                "operation_user": "user02",
                "modified": self.text(moment),
                "removed_comment": f'{{"action":"{kind}"}}',
                "type": kind,
                "new_bug_url": url,
            }
        )


def wire_company(plan: CompanyPlan) -> Company:
    """The company a plan describes, change feeds in the order of time and numbered."""
    writer = Writer(plan)
    for place, home in enumerate(plan.homes):
        status_map, last_steps = WORKFLOWS[plan.workflows[home]]
        workspace = Workspace(WORKSPACES[place], f"Workspace {place}", first_step=next(iter(status_map)))
        workspace.status_map, workspace.last_steps = dict(status_map), dict(last_steps)
        workspace.iterations = [
            {"id": f"1{WORKSPACES[place]}00{n}", "name": name, "workspace_id": WORKSPACES[place]}
            | {"startdate": start, "enddate": None, "status": "open", "created": "2024-01-10 10:00:00"}
            | {"modified": "2024-01-10 10:00:00", "completed": None}
            for n, (name, start) in enumerate(ITERATIONS)
        ]
        writer.workspaces.append(workspace)
    for serial, bug in enumerate(plan.bugs):
        writer.write(serial + 10, bug)
    if plan.cornerstones:
        for place in range(len(plan.homes)):
            stone = BugPlan(created=-A_DAY, first=(0,) * len(FIELDS), workspace=place)
            writer.write(place + 1, stone)
    for workspace in writer.workspaces:
        workspace.changes.sort(key=lambda record: str(record["created"]))
        for n, record in enumerate(workspace.changes, 1):
            record["id"] = f"1{workspace.id}{n:011d}"
    products = tuple(
        Product(
            name,
            workspaces=tuple(WORKSPACES[place] for place, home in enumerate(plan.homes) if home == n),
            projects=(project_path(n),),
            zone=ZONES[plan.zones[n]],
            version_field=VERSION_FIELDS[plan.version_fields[n]],
            stages=STAGES if plan.configured[n] else (),
        )
        for n, name in enumerate(PRODUCTS)
        if n in plan.homes
    )
    return Company(
        writer.workspaces, wire_projects(plan.base, sorted(set(plan.homes)), plan.events), Config(products)
    )
