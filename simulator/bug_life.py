"""How one generated bug comes into the world and what happens to it, written into the workspace's records."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from simulator.clock import beijing, beijing_day
from simulator.custom_fields import answered
from simulator.plan_life import current_iteration, next_iteration
from simulator.plots import Plotter, deck, severity
from simulator.products import PRODUCTS, Product, bug_title, person
from simulator.records import Company, TapdWorkspaceRecords
from simulator.steps import Course, Step, due, labelled, unlabelled

_PRIORITY = {
    "fatal": ("urgent", "紧急"),
    "serious": ("high", "高"),
    "normal": ("medium", "中"),
    "prompt": ("low", "低"),
    "advice": ("insignificant", "无关紧要"),
}
_RESOLUTIONS = ("fixed", "fixed", "fixed", "fixed", "external", "duplicated", "hold")
_REFUSALS = ("duplicated", "intentional", "unclear", "ignore", "failed")
_FOUND = ("测试环境", "测试环境", "测试环境", "预发布", "生产环境")


@dataclass
class BugLife:
    """The course of one bug; where it stands now (workspace and id) changes when it moves."""

    product: Product
    rng: Random
    start: date
    bug_id: str = ""
    steps: list[Step] = field(default_factory=list)
    developer: str = ""
    tester: str = ""

    def due(self, after: datetime) -> datetime | None:
        """When the next step happens, given when the last one did; None when nothing more does."""
        return due(self.steps, after, self.rng)

    def step(self, company: Company, at: datetime) -> Sequence[Course]:
        """Let the next step happen at that instant."""
        step, now = self.steps.pop(0), beijing(at)
        workspace = company.workspaces[self.product.workspace_id]
        if step.kind != "restore" and self.bug_id not in workspace.bugs:
            self.steps.clear()  # removed by somebody else
        elif step.kind == "restore":
            workspace.restore_bug(self.bug_id, at=now, operator=self.tester)
        elif step.kind == "delete":
            workspace.delete_bug(self.bug_id, at=now, operator=self.tester)
        elif step.kind == "merge":
            survivor = _older_bug(workspace, self.bug_id)
            if survivor is not None:
                workspace.merge_bug(self.bug_id, survivor, at=now, operator=self.tester)
        elif step.kind == "move":
            target = next(other for other in PRODUCTS if other is not self.product)
            self.bug_id = company.move_bug(
                self.bug_id,
                source=self.product.workspace_id,
                target=target.workspace_id,
                at=now,
                operator=self.tester,
            )
            self.product = target
            self.developer = person(self.rng, target)
        elif step.kind == "parallel":
            self._parallel_rows(workspace, now)
        elif step.kind == "relation":
            row = {"bug_id": self.bug_id, "author": self.developer, "field": "source_commit", "created": now}
            workspace.add_change(
                row | {"new_value": f"{self.rng.getrandbits(160):040x}", "memo": "link commit"}
            )
        else:
            self._save(workspace, step, at)
        return ()

    def _parallel_rows(self, workspace: TapdWorkspaceRecords, now: str) -> None:
        row = {"bug_id": self.bug_id, "author": self.developer, "field": "status", "created": now}
        number = str(self.rng.randrange(1, 9))
        workspace.add_change(row | {"old_value": "", "new_value": number, "is_step_change": "1"})
        entry = {"field": "status", "value_before": number, "value_after": "", "is_step_change": 1}
        workspace.add_change(row | {"old_value": number, "new_value": "", "field_changes": [entry]})

    def _save(self, workspace: TapdWorkspaceRecords, step: Step, at: datetime) -> None:
        fields: dict[str, str | None] = {}
        bug = workspace.bugs[self.bug_id]
        author = self.developer
        if step.status is not None:
            author = self._status_fields(step.status, fields, at)
        planned_for = bug.get("iteration_id", "0") != "0"
        if step.status not in {None, "rejected"} and self.rng.random() < 0.5 and not planned_for:
            current = current_iteration(workspace, beijing(at))
            if current is not None:
                fields["iteration_id"] = current
        for extra in step.extras:
            fields |= self._extra_fields(extra, workspace, at)
        fields |= answered(self.product, bug, step.status)
        recorded = step.kind != "unrecorded"
        workspace.change_bug(self.bug_id, fields, at=beijing(at), author=author, recorded=recorded)

    def _status_fields(self, status: str, fields: dict[str, str | None], at: datetime) -> str:
        fields["status"] = status
        if status in {"resolved", "rejected"}:
            fields["current_owner"] = f"{self.tester};"
            if status == "rejected":
                fields["resolution"] = self.rng.choice(_REFUSALS)
                return self.developer
            fields["resolution"] = self.rng.choice(_RESOLUTIONS)
            fields["version_fix"] = self.product.version(
                self.product.release_index(beijing_day(at), self.start)
            )
            fields["fixer"] = self.developer
            return self.developer
        if status in {"verified", "closed"}:
            fields["current_owner"] = None
            if status == "closed":
                fields["closer"] = self.tester
            return self.tester
        if status in {"in_progress", "reopened", "status_2"}:
            fields["current_owner"] = f"{self.developer};"
            fields["de"] = f"{self.developer};"
        return self.tester if status == "reopened" else self.developer

    def _extra_fields(
        self, extra: str, workspace: TapdWorkspaceRecords, at: datetime
    ) -> dict[str, str | None]:
        bug = workspace.bugs[self.bug_id]
        day = beijing_day(at)
        if extra == "version":
            index = self.product.release_index(day, self.start)
            names = [self.product.version(number) for number in (index, index + 1, max(index - 1, 0))]
            return {"version_report": next(name for name in names if name != bug.get("version_report"))}
        if extra == "severity":
            return {"severity": self.rng.choice([code for code in _PRIORITY if code != bug["severity"]])}
        if extra == "priority":
            others = [pair for pair in _PRIORITY.values() if pair[1] != bug.get("priority_label")]
            code, label = self.rng.choice(others)
            return {"priority": code, "priority_label": label}
        if extra == "module":
            return {"module": self.rng.choice(self.product.modules)}
        if extra in {"label", "unlabel"}:
            change = labelled if extra == "label" else unlabelled
            return {"label": change(self.rng, bug.get("label"))}
        if extra == "due":
            return {"due": (day + timedelta(days=self.rng.randrange(3, 21))).isoformat()}
        following = next_iteration(workspace, str(bug.get("iteration_id", "0")), beijing(at))
        return {} if following is None else {"iteration_id": following}


def born(company: Company, product: Product, seed: int, serial: int, start: date, at: datetime) -> BugLife:
    """Enter a new bug into its workspace at that instant and return the life that lies before it."""
    rng = Random(f"{seed}/{product.workspace_id}/bug/{serial}")
    plot = deck(f"{seed}/{product.workspace_id}/deck/{serial // 100}")[serial % 100]
    workspace = company.workspaces[product.workspace_id]
    code = severity(rng)
    priority, label = _PRIORITY[code]
    life = BugLife(product, rng, start, developer=person(rng, product), tester=person(rng, product))
    life.steps = _with_labels(Plotter(rng, product, code).steps(plot), rng)
    day, now = beijing_day(at), beijing(at)
    unknown = plot in {"no_version", "moved"}
    title = bug_title(rng, product)
    bug = workspace.add_bug(
        {
            "title": title,
            "description": f"<div>{title}</div><div>步骤、预期与实际结果见附件。</div>",
            "created": now,
            "reporter": life.tester,
            "lastmodify": life.tester,
            "te": life.tester,
            "participator": f"{life.tester};{life.developer}",
            "current_owner": f"{life.developer};",
            "severity": code,
            "priority": priority,
            "priority_label": label,
            "version_report": "" if unknown else product.reported_version(rng, day, start),
            "module": None if unknown or rng.random() < 0.08 else rng.choice(product.modules),
            "bugtype": rng.choice(("代码错误", "界面优化", "性能问题", "设计缺陷", "")),
            "source": rng.choice(("功能测试", "回归测试", "用户反馈", "")),
            "originphase": rng.choice(("系统测试", "集成测试", "线上", "")),
            "custom_field_one": rng.choice(_FOUND),
            "deadline": (day + timedelta(days=rng.randrange(4, 25))).isoformat()
            if rng.random() < 0.4
            else None,
            "due": (day + timedelta(days=rng.randrange(4, 30))).isoformat() if rng.random() < 0.3 else None,
        }
    )
    life.bug_id = str(bug["id"])
    if plot in {"reopened", "iteration_changed"} and rng.random() < 0.6:
        iteration = current_iteration(workspace, now)
        bug["iteration_id"] = iteration or "0"
    if serial % 150 == 17 and life.steps and life.steps[0].status is not None:
        # An imported bug: its first change carries a time before the bug's own creation.
        early = beijing(at - timedelta(seconds=rng.randrange(60, 900)))
        first = life.steps.pop(0)
        workspace.change_bug(life.bug_id, {"status": first.status}, at=now, author=life.tester, rows_at=early)
    return life


def _with_labels(steps: list[Step], rng: Random) -> list[Step]:
    """The steps with, now and then, a label put on and taken off again."""
    if len(steps) > 1 and rng.random() < 0.1:
        steps.insert(1, Step(rng.uniform(0.2, 8), extras=("label",)))
        if rng.random() < 0.6:
            steps.insert(rng.randrange(2, len(steps) + 1), Step(rng.uniform(0.5, 12), extras=("unlabel",)))
    return steps


def _older_bug(workspace: TapdWorkspaceRecords, bug_id: str) -> str | None:
    """The youngest bug that is older than this one: what a duplicate is merged into."""
    older = [name for name in workspace.bugs if name < bug_id]
    return max(older) if older else None
