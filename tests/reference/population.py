"""The bugs or the stories of a company as a query sees them: spans with product, version and stage."""

from dataclasses import dataclass, replace

from .histories import Item, histories
from .questions import BUG_FILTERS, OF_BUGS, STORY_FILTERS, Query, meant
from .stages import NOWHERE, UNMAPPED, Stage, merged, workflow
from .told import Kind, clean, instant_or, link
from .vocabulary import CUSTOM
from .wire import Company, Workspace

NA = "N/A"
# Weights of metrics.md's DI: the heaviest first.
SEVERITIES = ("fatal", "serious", "normal", "prompt", "advice")


@dataclass(frozen=True)
class Span:
    """A stretch [start, end) of one item's life in which nothing changed; end None: it lasts.

    `entered` is when the present visit to the stage began, whatever else changed since.
    """

    start: int
    end: int | None
    fields: dict[str, str]
    stage: Stage
    entered: int

    def values(self, name: str) -> frozenset[str]:
        """What an item has in a field: one value, but of labels and the custom field as many as it has."""
        several = name in ("label", CUSTOM)
        return frozenset(self.fields[name].split("|") if several else [self.fields[name]])


@dataclass(frozen=True)
class Member:
    """One item; `why` it ended: deleted, merged, moved, or None; `ended` the instant.

    `parent`: some item named it as its parent at some time. `early`: its status changed before its creation.
    `completed`: when it was completed by its row, where no change of status is as early.
    """

    id: str
    spans: tuple[Span, ...]
    ended: int | None
    why: str | None
    parent: bool = False
    early: bool = False
    completed: int | None = None

    def before(self, end: int) -> Span | None:
        """The span of the last instant before `end`; None where the item did not exist."""
        for span in self.spans:
            if span.start < end and (span.end is None or span.end >= end):
                return span
        return None


class Population:
    """All items of a kind, the values their fields take, and the natural order of these."""

    def __init__(self, company: Company, kind: Kind = "bugs") -> None:
        self.company = company
        self.kind = kind
        self.workspaces = {workspace.id: workspace for workspace in company.workspaces}
        self.workflows = {w.id: workflow(company, w, kind) for w in company.workspaces}
        items = histories(company, kind)
        named = {parent for item in items for parent in item.parents}
        self.members = [self.member(item, item.id in named) for item in items]
        filters = BUG_FILTERS if kind == "bugs" else STORY_FILTERS
        self.known: dict[str, set[str]] = {name: set() for name in filters}
        for member in self.members:
            for span in member.spans:
                for name in filters:
                    self.known[name] |= span.values(name)
        if kind == "bugs":
            # TAPD's own, whether any bug has them or not.
            self.known["severity"] |= set(SEVERITIES)
        self.known["workspace"] |= set(self.workspaces)
        self.known["product"] |= {product.name for product in company.products()}
        self.known["stage"] |= {s.name for w in self.workflows.values() for s in w.stages}
        for one in company.workspaces:
            # Known before any item is in it.
            plans = {str(row["name"]) for row in one.iterations}
            self.known["iteration"] |= plans
            if kind == "stories" or company.product_of(one.id).version_field == "iteration":
                self.known["version"] |= plans
            for flow in [one] if kind == "bugs" else one.types:
                self.known["status"] |= set(flow.status_map)
            if kind == "stories":
                self.known["type"] |= {type_name(one, listed.id) for listed in one.types}

    def member(self, item: Item, parent: bool) -> Member:
        spans: list[Span] = []
        for n, (start, values) in enumerate(item.spans):
            end = item.spans[n + 1][0] if n + 1 < len(item.spans) else item.ended
            stage = self.workflows[values["workspace"]].stage(values["status"])
            stays = bool(spans) and spans[-1].stage.name == stage.name
            entered = spans[-1].entered if stays else start
            spans.append(Span(start, end, self.fields(values, stage), stage, entered))
        return Member(item.id, tuple(spans), item.ended, item.why, parent, item.early, item.completed)

    def fields(self, values: dict[str, str], stage: Stage) -> dict[str, str]:
        """What filters and splits look at: names for ids, N/A for what is empty; labels joined by `|`."""
        workspace = self.workspaces[values["workspace"]]
        product = self.company.product_of(workspace.id)
        iteration = iteration_name(workspace, values["iteration_id"])
        seen = {name: values[name] for name in ("status", "priority", "module", "label")}
        seen |= {"product": product.name, "workspace": workspace.id, "stage": stage.name}
        if self.kind == "bugs":
            field = product.version_field
            version = iteration if field == "iteration" else values[field]
            seen |= {"version": version, "iteration": iteration}
            seen |= {name: values[name] for name in OF_BUGS}
        else:
            kind = type_name(workspace, values["workitem_type_id"])
            seen |= {"version": iteration, "iteration": iteration, "type": kind}
        return {name: value or NA for name, value in seen.items()}

    def asked_workspaces(self, query: Query) -> list[str]:
        """The workspaces a query is about: those of its product and workspace filters, else all."""
        products = self.filter_values(query, "product")
        ids = self.filter_values(query, "workspace")
        return [
            w.id
            for w in self.company.workspaces
            if (ids is None or w.id in ids)
            and (products is None or self.company.product_of(w.id).name in products)
        ]

    def filter_values(self, query: Query, name: str) -> frozenset[str] | None:
        return meant(query.filters[name], self.known[name]) if name in query.filters else None

    def stages(self, query: Query) -> list[Stage]:
        """The stages of the workspaces asked for, and `unmapped` where an item of theirs ever was.

        Decision: with asof=now also those of other workspaces that selected bugs were in before they came.
        """
        asked = self.asked_workspaces(query)
        selection = Selection(self, query)
        visited = []
        if query.asof == "now":
            visited = [
                span.fields["workspace"]
                for member in self.members
                if selection.has(member, member.spans[-1])
                for span in member.spans
            ]
        scopes = list(dict.fromkeys([*asked, *visited]))
        found = merged([self.workflows[scope] for scope in scopes])
        spans = [span for member in self.members for span in member.spans]
        if any(s.stage.name == UNMAPPED and s.fields["workspace"] in scopes for s in spans):
            found.append(NOWHERE)
        return found

    def ordered(self, name: str, values: set[str], query: Query) -> list[str]:
        """Values of a field in their natural order; N/A comes last.

        Decision: iterations without a start come after all that have one, in the order in which they were
        made, and before versions that are no iteration.
        """
        stages = [stage.name for stage in self.stages(replace(query, by=None))]
        starts: dict[str, str] = {}
        for workspace in self.workspaces.values():
            for row in workspace.iterations:
                made = instant_or(row.get("created"), 0)
                start = str(row.get("startdate") or f"9999-made {made:020} {row['id']:0>20}")
                starts[row["name"]] = min(start, starts.get(row["name"], start))

        def key(value: str) -> tuple[bool, float, str, str]:
            place, start = 0, ""
            if name == "severity":
                place = SEVERITIES.index(value) if value in SEVERITIES else len(SEVERITIES)
            if name == "stage":
                place = stages.index(value) if value in stages else len(stages)
            if name in ("version", "iteration"):
                start = starts.get(value, "9999-unknown")
            return (value == NA, place, start, value)

        return sorted(values, key=key)


def iteration_name(workspace: Workspace, word: str) -> str:
    """Today's name of an iteration given by id; a name stays as it is. "" for none."""
    names = {row["id"]: str(row["name"]) for row in workspace.iterations}
    return names.get(link(word), link(word))


def type_name(workspace: Workspace, kind: str) -> str:
    """The name of a workitem type, its id where it has none. "" for none."""
    names = {one.id: clean(one.record["name"]) for one in workspace.types}
    return names.get(kind) or kind


class Selection:
    """Whether a query's filters select an item in one of its spans.

    as of then by the values of that span; as of now by the item's last ones, a removed item's last known.
    Of several labels one must be asked for. deleted=exclude leaves out whatever ended by removal: deleted,
    merged, or moved to where nobody collects. level goes by what was ever named as a parent.
    """

    def __init__(self, population: Population, query: Query) -> None:
        self.query = query
        self.filters = {name: population.filter_values(query, name) for name in query.filters}

    def has(self, member: Member, span: Span) -> bool:
        if self.query.deleted == "exclude" and member.why is not None:
            return False
        if self.query.level != "all" and member.parent != (self.query.level == "parent"):
            return False
        judged = member.spans[-1] if self.query.asof == "now" else span
        if self.query.within and self.query.within[1] not in judged.values(self.query.within[0]):
            return False
        return all(asked is None or judged.values(name) & asked for name, asked in self.filters.items())
