"""The bugs of a company as a query sees them: spans with product, version and stage, and who is selected."""

from dataclasses import dataclass, replace

from .histories import Item, histories, link
from .questions import BUG_FILTERS, Query, meant
from .stages import NOWHERE, UNMAPPED, Stage, merged, workflow
from .wire import Company, Workspace

NA = "N/A"
# Weights of metrics.md's DI: the heaviest first.
SEVERITIES = ("fatal", "serious", "normal", "prompt", "advice")


@dataclass(frozen=True)
class Span:
    """A stretch [start, end) of one bug's life in which nothing changed; end None: it lasts.

    `entered` is when the present visit to the stage began, whatever else changed since.
    """

    start: int
    end: int | None
    fields: dict[str, str]
    stage: Stage
    entered: int


@dataclass(frozen=True)
class Bug:
    """`why` it ended: deleted, merged, moved, or None; `ended` the instant."""

    id: str
    spans: tuple[Span, ...]
    ended: int | None
    why: str | None

    def before(self, end: int) -> Span | None:
        """The span of the last instant before `end`; None where the bug did not exist."""
        for span in self.spans:
            if span.start < end and (span.end is None or span.end >= end):
                return span
        return None


class Population:
    """All bugs of a company, the values its fields take, and the natural order of these."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.workspaces = {workspace.id: workspace for workspace in company.workspaces}
        self.workflows = {w.id: workflow(company, w) for w in company.workspaces}
        self.bugs = [self.bug(item) for item in histories(company)]
        self.known: dict[str, set[str]] = {name: set() for name in BUG_FILTERS}
        for bug in self.bugs:
            for span in bug.spans:
                for name in BUG_FILTERS:
                    self.known[name].add(span.fields[name])
        self.known["workspace"] |= set(self.workspaces)
        self.known["product"] |= {product.name for product in company.products()}
        self.known["stage"] |= {s.name for w in self.workflows.values() for s in w.stages}
        self.known["status"] |= {code for w in company.workspaces for code in w.status_map}

    def bug(self, item: Item) -> Bug:
        spans: list[Span] = []
        for n, (start, values) in enumerate(item.spans):
            end = item.spans[n + 1][0] if n + 1 < len(item.spans) else item.ended
            stage = self.workflows[values["workspace"]].stage(values["status"])
            stays = bool(spans) and spans[-1].stage.name == stage.name
            entered = spans[-1].entered if stays else start
            spans.append(Span(start, end, self.fields(values, stage), stage, entered))
        return Bug(item.id, tuple(spans), item.ended, item.why)

    def fields(self, values: dict[str, str], stage: Stage) -> dict[str, str]:
        """What filters and splits look at: names for ids, N/A for what is empty."""
        workspace = self.workspaces[values["workspace"]]
        product = self.company.product_of(workspace.id)
        iteration = iteration_name(workspace, values["iteration_id"])
        version = iteration if product.version_field == "iteration" else values[product.version_field]
        seen = {name: values[name] for name in ("status", "severity", "priority", "module")}
        seen |= {"product": product.name, "workspace": workspace.id, "stage": stage.name}
        seen |= {"version": version, "iteration": iteration}
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
        """The stages of the workspaces asked for, and `unmapped` where a bug of theirs ever was.

        Decision: with asof=now also those of other workspaces that selected bugs were in before they came.
        """
        asked = self.asked_workspaces(query)
        selection = Selection(self, query)
        visited = []
        if query.asof == "now":
            visited = [
                span.fields["workspace"]
                for bug in self.bugs
                if selection.has(bug, bug.spans[-1])
                for span in bug.spans
            ]
        scopes = list(dict.fromkeys([*asked, *visited]))
        found = merged([self.workflows[scope] for scope in scopes])
        if any(
            s.stage.name == UNMAPPED for b in self.bugs for s in b.spans if s.fields["workspace"] in scopes
        ):
            found.append(NOWHERE)
        return found

    def ordered(self, name: str, values: set[str], query: Query) -> list[str]:
        """Values of a field in their natural order; N/A comes last."""
        stages = [stage.name for stage in self.stages(replace(query, by=None))]
        starts: dict[str, str] = {}
        for workspace in self.workspaces.values():
            for row in workspace.iterations:
                start = str(row.get("startdate") or "9999")
                starts[row["name"]] = min(start, starts.get(row["name"], "9999"))

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


class Selection:
    """Whether a query's filters select a bug in one of its spans.

    as of then by the values of that span; as of now by the bug's last ones, a removed bug's last known.
    deleted=exclude leaves out whatever ended by removal: deleted, merged, or moved to where nobody collects.
    """

    def __init__(self, population: Population, query: Query) -> None:
        self.query = query
        self.filters = {name: population.filter_values(query, name) for name in query.filters}

    def has(self, bug: Bug, span: Span) -> bool:
        if self.query.deleted == "exclude" and bug.why is not None:
            return False
        judged = bug.spans[-1] if self.query.asof == "now" else span
        return all(values is None or judged.fields[name] in values for name, values in self.filters.items())
