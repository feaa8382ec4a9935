"""What every part of a workspace's records builds on: items, workflows, ids, and who is told of changes."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from simulator.shapes import (
    BUG_FIRST_STEP,
    BUG_LAST_STEPS,
    BUG_STATUS_MAP,
    STORY_FIRST_STEP,
    STORY_LAST_STEPS,
    STORY_STATUS_MAP,
    Record,
)
from simulator.work_shapes import WORKITEM_TYPE_DEFAULTS

Entity = Literal["bug", "story", "task", "iteration"]


@dataclass
class Workflow:
    """One kind of item's statuses: code to label, in the workspace's order; its ends and its beginning."""

    status_map: dict[str, str]
    last_steps: dict[str, str]
    first_step: dict[str, str]
    workflow_id: str = ""


@dataclass(frozen=True)
class TapdHappening:
    """Something that a webhook tells of: an item's row before (None: created) and after (None: deleted).

    ``at`` is the Beijing time of it, ``by`` whoever did it.
    """

    workspace: str
    entity: Entity
    before: Record | None
    after: Record | None
    at: str
    by: str


@dataclass
class Items:
    """The rows of one kind of item by id, their change rows, and the rows that are gone.

    Change rows are append-only, as upstream: they are reached by their Beijing day and by item. ``key`` is
    the field that names the item in a change row.
    """

    key: str
    rows: dict[str, Record] = field(default_factory=dict)
    by_day: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    by_item: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    removed: list[Record] = field(default_factory=list)
    bin: dict[str, Record] = field(default_factory=dict)

    @property
    def changes(self) -> list[Record]:
        """Every change row, in the order it was written for its item."""
        return [row for rows in self.by_item.values() for row in rows]

    def log(self, row: Record) -> Record:
        """Append a change row."""
        self.by_day[str(row["created"])[:10]].append(row)
        self.by_item[str(row[self.key])].append(row)
        return row

    def take_out(self, item_id: str, removed: Record) -> Record:
        """Move a row into the recycle bin and list it as removed; its change rows stay. Returns the row."""
        row = self.bin[item_id] = self.rows.pop(item_id)
        self.removed.append(removed)
        return row

    def put_back(self, item_id: str) -> Record:
        """Take a row out of the recycle bin again; KeyError when it is not there."""
        row = self.rows[item_id] = self.bin.pop(item_id)
        self.removed[:] = [gone for gone in self.removed if gone["id"] != item_id]
        return row

    def known(self, item_id: str) -> Record:
        """The item's row, gone or not; an empty one for an item that was never there."""
        return self.rows.get(item_id) or self.bin.get(item_id) or {}


def _standard(system: str, workflow_id: str) -> Workflow:
    parts = (
        (BUG_STATUS_MAP, BUG_LAST_STEPS, BUG_FIRST_STEP)
        if system == "bug"
        else (STORY_STATUS_MAP, STORY_LAST_STEPS, STORY_FIRST_STEP)
    )
    status_map, last_steps, first_step = map(dict, parts)
    return Workflow(status_map, last_steps, first_step, workflow_id)


@dataclass
class WorkspaceStore:
    """A workspace's row, its items and what describes them.

    ``workflows`` go by system (``bug`` or ``story``) and workitem type; that of bugs, and of stories of no
    type, has the type ``""``. ``statuses`` are the changes of status by kind and item, told or not: when,
    from what, to what. ``listeners`` are told of everything a webhook tells of.
    """

    record: Record
    bug_items: Items = field(default_factory=lambda: Items("bug_id"))
    story_items: Items = field(default_factory=lambda: Items("story_id"))
    task_items: Items = field(default_factory=lambda: Items("task_id"))
    iterations: dict[str, Record] = field(default_factory=dict)
    iteration_changes: list[Record] = field(default_factory=list)
    releases: dict[str, Record] = field(default_factory=dict)
    categories: dict[str, Record] = field(default_factory=dict)
    story_bugs: list[Record] = field(default_factory=list)
    workitem_types: list[Record] = field(default_factory=list)
    custom_fields: list[Record] = field(default_factory=list)
    users: dict[str, Record] = field(default_factory=dict)
    timesheets: dict[str, Record] = field(default_factory=dict)
    statuses: dict[tuple[str, str], list[tuple[str, object, object]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    workflows: dict[tuple[str, str], Workflow] = field(default_factory=dict)
    listeners: Sequence[Callable[[TapdHappening], None]] = ()
    _serials: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        for system in ("bug", "story"):
            self.workflows[system, ""] = _standard(system, self.next_id("workflow"))

    @property
    def id(self) -> str:
        """The workspace id, a string of digits."""
        return str(self.record["id"])

    def next_id(self, kind: str) -> str:
        """A new id as TAPD builds them: 19 digits, 20 for a bug's changes (above a signed 64-bit integer).

        Ids are unique among things of one kind only: a story and a bug may have the same one.
        """
        self._serials[kind] += 1
        digits = 10 if kind == "change" else 9
        first = 1_000_000 if kind in {"bug", "story", "task", "workitem_change"} else 1_000
        return f"11{int(self.id):08d}{first + self._serials[kind]:0{digits}d}"

    def set_workflow(
        self,
        *,
        status_map: Mapping[str, str] | None = None,
        last_steps: Mapping[str, str] | None = None,
        first_step: Mapping[str, str] | None = None,
        system: str = "bug",
        workitem_type_id: str = "",
    ) -> None:
        """Replace the given parts of a workflow; the others stay as they are."""
        workflow = self.workflows[system, workitem_type_id]
        workflow.status_map = dict(workflow.status_map if status_map is None else status_map)
        workflow.last_steps = dict(workflow.last_steps if last_steps is None else last_steps)
        workflow.first_step = dict(workflow.first_step if first_step is None else first_step)

    def add_workitem_type(
        self,
        record: Mapping[str, object],
        *,
        status_map: Mapping[str, str] | None = None,
        last_steps: Mapping[str, str] | None = None,
        first_step: Mapping[str, str] | None = None,
    ) -> Record:
        """Add a kind of stories (``name`` is required) with TAPD's default workflow or the given one."""
        row = WORKITEM_TYPE_DEFAULTS | {"workspace_id": self.id} | dict(record)
        row["id"] = row["id"] or self.next_id("workitem_type")
        name = str(row["id"])
        self.workflows["story", name] = _standard(
            "story", str(row["workflow_id"] or self.next_id("workflow"))
        )
        row["workflow_id"] = self.workflows["story", name].workflow_id
        self.set_workflow(
            status_map=status_map,
            last_steps=last_steps,
            first_step=first_step,
            system="story",
            workitem_type_id=name,
        )
        row["modified"] = row["modified"] or row["created"]
        self.workitem_types.append(row)
        return row

    def workflow_of(self, story: Mapping[str, object]) -> Workflow:
        """The workflow of a story's type; that of stories of no type where the type is not known."""
        name = str(story.get("workitem_type_id") or "")
        return self.workflows.get(("story", name)) or self.workflows["story", ""]

    def tell(self, entity: Entity, before: Record | None, after: Record | None, at: str, by: str) -> None:
        """Tell the listeners; rows are copied, because the stored ones change."""
        for listener in self.listeners:
            old, new = (None if row is None else dict(row) for row in (before, after))
            listener(TapdHappening(self.id, entity, old, new, at, by))

    def before(self, row: Record) -> Record | None:
        """A copy of a row for telling of its change later; None when nobody listens."""
        return dict(row) if self.listeners else None
