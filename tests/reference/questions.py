"""A query: which metric, of what, over which window; and which values its filters mean."""

from dataclasses import dataclass, field
from typing import Literal

from .vocabulary import CUSTOM

VERSION_BUGS = "tapd.product.version.bugs"
CHANGES = "tapd.bugs.change.daily"
BACKLOG = "tapd.bugs.backlog.daily"
FLOW = "tapd.bugs.flow.cumulative"
STORY_FLOW = "tapd.stories.flow.cumulative"
EVENTS = "gitlab.events.daily"

BUG_FILTERS = (
    "product",
    "workspace",
    "version",
    "iteration",
    "stage",
    "status",
    "severity",
    "priority",
    "module",
    "label",
    "bugtype",
    "source",
    CUSTOM,
)
OF_BUGS = ("severity", "bugtype", "source", "originphase", CUSTOM)
STORY_FILTERS = (*(name for name in BUG_FILTERS if name not in OF_BUGS), "type")
EVENT_FILTERS = ("product", "component", "ref")


@dataclass(frozen=True)
class Query:
    """One question. `start`, `until` and `now` are epoch seconds; a filter is a set of values as typed."""

    metric: str
    start: int
    until: int
    now: int
    filters: dict[str, frozenset[str]] = field(default_factory=dict)
    by: str | None = None
    step: Literal["1d", "1w", "1M", "all"] = "1d"
    tz: str | None = None
    asof: Literal["then", "now"] = "then"
    deleted: Literal["until", "exclude"] = "until"
    mode: Literal["bands", "arrivals"] = "bands"
    done_from: Literal["all", "range"] = "all"
    order: Literal["stages", "stacked"] = "stages"
    level: Literal["leaf", "parent", "all"] = "leaf"
    # One value of a field besides the filters, as a line of a split has it; nobody can ask for it.
    within: tuple[str, str] | None = None

    def target(self, separator: str = "#") -> str:
        """The expression that asks this; values that hold a comma go into braces."""
        pairs = []
        for name, values in self.filters.items():
            text = ",".join(sorted(values))
            pairs.append(f"{name}={{{text}}}" if "," in text else f"{name}={text}")
        defaults = {"by": None, "step": "1d", "tz": None, "asof": "then", "deleted": "until"}
        defaults |= {"mode": "bands", "done_from": "all", "order": "stages", "level": "leaf"}
        pairs += [
            f"{name}={getattr(self, name)}"
            for name, default in defaults.items()
            if getattr(self, name) != default
        ]
        head = "@" + separator.join(self.metric.split("."))
        return f"{head}/{','.join(pairs)}" if pairs else head


def folded(text: str) -> str:
    """A value with the characters that a data source may have exchanged taken as one."""
    return text.replace("#", ".").replace("~", ".")


def meant(asked: frozenset[str], known: set[str]) -> frozenset[str] | None:
    """The known values a filter selects; None for no filter (`*`). A value nobody knows selects nothing."""
    if "*" in asked:
        return None
    found: set[str] = set()
    for value in asked:
        if value in known:
            found.add(value)
        else:
            found |= {k for k in known if folded(k) == folded(value)}
    return frozenset(found)
