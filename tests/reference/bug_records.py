"""Plans of bugs as the wire records they come to: rows, change rows, removals."""

from dataclasses import dataclass
from typing import Any

from .moments import wire_time
from .plans import BugPlan, CompanyPlan, Step
from .vocabulary import CUSTOM, CUSTOM_FIELDS, EMPTIES, FIELDS, POOLS, STRANGE_STATUS, WORKSPACES
from .wire import Record, Workspace


@dataclass
class BugWriter:
    """Writes the records of one company's bugs into its workspaces."""

    plan: CompanyPlan
    workspaces: list[Workspace]

    def text(self, moment: int) -> str:
        return wire_time(self.plan.base, moment)

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
            record: dict[str, Any] = {"change_type": "", "field": self.wire_name(place, step.field)}
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

    def wire_name(self, place: int, name: str) -> str:
        if name == CUSTOM:
            return CUSTOM_FIELDS[self.plan.homes[place]]
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
            record[self.wire_name(place, name)] = self.value(place, name, shown[name], in_row=True)
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
