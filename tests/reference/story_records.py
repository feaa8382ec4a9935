"""Plans of stories as the wire records they come to: rows, change rows of several fields, removals."""

from dataclasses import dataclass
from typing import Any

from .moments import wire_time
from .plans import CompanyPlan, Step, StoryPlan
from .vocabulary import PRIORITIES, STORY_FIELDS, STORY_POOLS, STRANGE_STATUS, WORKSPACES
from .wire import Record, Workspace

# The first story of a plan; a story's number among the plan's and this make the serial in its id.
FIRST_SERIAL = 10
# How the feed says that a field is or was empty, and how it flags a step of a parallel workflow.
EMPTIES: tuple[Any, ...] = ("", 0, None, "--")
PRIORITY_WORDS = {"": "", "1": "Nice To Have", "2": "Low", "3": "Middle", "4": "High"}
FLAGS: tuple[Any, ...] = ("1", 1, True)
# What comes along in change rows and is nobody's field.
NOISE: tuple[Record, ...] = (
    {"field": "custom_field_9", "value_before": {"a": 1}, "value_after": {"a": 1, "b": [2]}},
    {"field": "tapd_request_id", "value_before": "", "value_after": "a116c37fd6ff39318eb3387fe1d25e45"},
    {"field": "size", "value_before": 0, "value_after": 2},
)


def type_id(workspace: str, number: int) -> str:
    """The id of a workspace's n-th workitem type."""
    return f"1{workspace}009{number:06d}"


def tells(row: Record, field: str) -> bool:
    """Whether a change row has an entry of a field already."""
    return any(entry["field"] == field for entry in row["field_changes"])


@dataclass
class StoryWriter:
    """Writes the records of one company's stories into its workspaces."""

    plan: CompanyPlan
    workspaces: list[Workspace]

    def text(self, moment: int) -> str:
        return wire_time(self.plan.base, moment)

    def word(self, place: int, story: str, name: str, number: int) -> str:
        """The n-th value of a field, links as ids; "" for none."""
        workspace = self.workspaces[place]
        if name == "status":
            codes = list(dict.fromkeys(code for one in workspace.types for code in one.status_map))
            return [*codes, STRANGE_STATUS][number % (len(codes) + 1)]
        pool = PRIORITIES if name == "priority" and self.plan.labelled else STORY_POOLS[name]
        word = pool[number % len(pool)]
        if name == "iteration_id" and word:
            return str(workspace.iterations[int(word)]["id"])
        if name == "workitem_type_id" and word:
            return type_id(workspace.id, int(word))
        if name == "parent_id" and word:
            parent = f"1{workspace.id}002{FIRST_SERIAL - 1 + int(word):06d}"
            return "" if parent == story else parent
        return word

    def shown(self, place: int, story: str, name: str, number: int) -> Any:
        """The value as a row has it."""
        word = self.word(place, story, name, number)
        if word or name in ("module", "label"):
            return word or (None, "")[number % 2]
        return ("0", None)[number % 2] if name.endswith("_id") else ""

    def told(self, place: int, story: str, name: str, number: int) -> Any:
        """The value as the change feed has it: iterations by name, some digits as numbers."""
        word = self.word(place, story, name, number)
        if not word:
            return EMPTIES[number % len(EMPTIES)]
        if name == "iteration_id":
            return next(row["name"] for row in self.workspaces[place].iterations if row["id"] == word)
        return int(word) if name == "priority" and word.isdigit() and number % 2 else word

    def entry(self, place: int, story: str, name: str, before: int | None, after: int) -> Record:
        """One field of a change row; iterations come with their ids now and then. `before` None: born."""
        old = "" if before is None else self.told(place, story, name, before)
        found = {"field": self.wire_name(name), "value_before": old}
        found |= {"value_after": self.told(place, story, name, after)}
        if name == "iteration_id" and before is not None and after % 2:
            for side, number in (("before", before), ("after", after)):
                found[f"{side}_iteration_id"] = self.word(place, story, name, number) or ("0", 0)[number % 2]
                found[f"{side}_iteration_name"] = ""
        return found

    def wire_name(self, name: str) -> str:
        return "priority_label" if name == "priority" and self.plan.labelled else name

    def write(self, serial: int, plan: StoryPlan) -> None:
        """The row, changes and removal of one story."""
        place = plan.workspace % len(self.workspaces)
        story = f"1{WORKSPACES[place]}002{serial:06d}"
        state = dict(zip(STORY_FIELDS, plan.first, strict=True))
        if plan.told:
            entries = [self.entry(place, story, name, None, state[name]) for name in STORY_FIELDS]
            self.change(place, story, plan.created, entries, state, change_type="create_story")
        moment = self.changes(place, story, plan.steps, state, plan.created - (1 if plan.early else 0))
        moment = max(moment, plan.created) + (1 if plan.mend else 0)
        ends = max(moment + plan.end_after, plan.created + 1)
        if plan.end:
            removal = {"id": story, "name": f"story {serial}", "creator": "user01"}
            removal |= {"created": self.text(plan.created), "operation_user": "user02"}
            removal |= {"deleted": self.text(ends), "is_archived": "0"}
            self.workspaces[place].removed_stories.append(removal)
        if plan.end == "restored":
            moment = ends + 1
        if plan.end != "delete" or not plan.unseen:
            self.row(place, story, plan, state, moment)

    def changes(
        self, place: int, story: str, steps: tuple[Step, ...], state: dict[str, int], moment: int
    ) -> int:
        """Writes the change rows; answers the moment of the last. Changes of a moment may share a row."""
        shared: Record | None = None
        for step in steps:
            moment += step.after
            if step.quirk in ("", "broken"):
                before = state[step.field] + (1 if step.quirk else 0)
                entry = self.entry(place, story, step.field, before, step.value)
                state[step.field] = step.value
                if shared and step.after == 0 and step.value % 3 and not tells(shared, entry["field"]):
                    shared["field_changes"].append(entry)
                else:
                    shared = self.change(place, story, moment, [entry, *NOISE[: step.value % 4]], state)
                continue
            shared = None
            if step.quirk == "created":
                entry = self.entry(place, story, step.field, None, step.value)
                self.change(place, story, moment, [entry], state, change_type="create_story")
            elif step.quirk == "parallel":
                sides = (("planning", 0), ("", "7"), ("3", "developing"))[step.value % 3]
                entry = {"field": "status", "value_before": sides[0], "value_after": sides[1]}
                self.change(place, story, moment, [entry], state)
            else:
                entry = self.entry(place, story, "status", step.value + 1, step.value)
                flag = {"is_step_change": FLAGS[step.value % 3]}
                on_row = step.value % 2 == 0
                row = self.change(place, story, moment, [entry | ({} if on_row else flag)], state)
                row |= flag if on_row else {}
        return moment

    def change(
        self,
        place: int,
        story: str,
        moment: int,
        entries: list[Record],
        state: dict[str, int],
        change_type: str = "manual_update",
    ) -> Record:
        """Writes one row of the feed."""
        row: Record = {
            "story_id": story,
            "workspace_id": WORKSPACES[place],
            "workitem_type_id": self.word(place, story, "workitem_type_id", state["workitem_type_id"]),
            "creator": "user01",
            "created": self.text(moment),
            "change_summary": None,
            "comment": None,
            "entity_type": "Story",
            "change_type": change_type,
            "change_type_text": "",
            "field_changes": entries,
        }
        self.workspaces[place].story_changes.append(row)
        return row

    def row(self, place: int, story: str, plan: StoryPlan, state: dict[str, int], modified: int) -> None:
        now = dict(state)
        if plan.mend:
            now["status"] += 1
        record: Record = {
            "id": story,
            "name": f"story {story[-3:]} <&>",
            "creator": "user01",
            "created": self.text(plan.created),
            "modified": self.text(modified),
            "completed": None if plan.completed is None else self.text(plan.completed),
            "due": None,
            "priority": "",
            "children_id": "|",
            "workspace_id": WORKSPACES[place],
        }
        for name in STORY_FIELDS:
            record[self.wire_name(name)] = self.shown(place, story, name, now[name])
        if not self.plan.labelled and plan.told:
            # TAPD gives the word beside the number, but its feed tells numbers only.
            record["priority_label"] = PRIORITY_WORDS[record["priority"]]
        self.workspaces[place].stories.append(record)
