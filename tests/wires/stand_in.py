"""An evaluator over a hand-made world: it answers targets from a table and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metrics_api.context import build_context
from metrics_api.core.config import Config
from metrics_api.core.errors import BadRequest
from metrics_api.core.fact_types import ProjectFact, WorkspaceFact
from metrics_api.core.security import Principal
from metrics_api.core.store import Store
from metrics_api.evaluate import Evaluator, Rendered
from metrics_api.reader import Reader
from metrics_api.series import Annotation, Node, Series
from metrics_api.target import parse
from metrics_api.world import World

NOW = 1_700_200_000.7

DAILY = Series(
    endpoint="created",
    counter="bugs.change.daily",
    name="tapd.bugs.change.daily",
    step=86400,
    timestamps=[1700000000, 1700086400, 1700172800],
    values=[5.0, None, 0.5],
    tags={"product": "A", "name": "tapd.bugs.change.daily", "series": "created"},
)
CLOSED = Series(
    "closed", "bugs.change.daily", "tapd.bugs.change.daily", 86400, [1700000000], [2], {"series": "closed"}
)
EMPTY = Series("all", "bugs.backlog.daily", "tapd.bugs.backlog.daily", 86400, [], [], {"product": "nobody"})
VERSIONS = Series("产品 A", "product.version.bugs", "tapd.product.version.bugs", 86400, [1700000000], [3.0])
HOURS = range(1_699_000_000, 1_699_000_000 + 3600 * 5000, 3600)
LONG = Series("open", "bugs.long.hourly", "tapd.bugs.long.hourly", 3600, HOURS, [1.0] * 5000)

ANSWERS = {
    "tapd.bugs.change.daily": [DAILY, CLOSED],
    "tapd.bugs.backlog.daily": [EMPTY],
    "tapd.product.version.bugs": [VERSIONS],
    "tapd.bugs.long.hourly": [LONG],
}
KNOWN = {"product": {"A", "B", "R&D #1", "产品A"}, "version": {"v1.0.0", "v1.1.0"}}


class StandIn(Evaluator):
    """The evaluator with a table for metrics; `asked` holds the calls in order, `failure` is raised."""

    def __init__(self) -> None:
        super().__init__(Reader(Store("mongodb://127.0.0.1:9/", "nowhere"), Config()))
        self.reader.refreshed_at = NOW
        self.asked: list[tuple[object, ...]] = []
        self.failure: Exception | None = None

    async def render(self, targets: Sequence[str], start: int, until: int, principal: Principal) -> Rendered:
        self.asked.append(("render", list(targets), start, until, principal.name))
        if self.failure:
            raise self.failure
        answer = Rendered([], [])
        for text in targets:
            try:
                target = parse(text, lambda name, key: KNOWN.get(key, ()))
                if target.name not in ANSWERS:
                    raise BadRequest(f"unknown metric {target.name}")
                answer.series.append(ANSWERS[target.name])
            except BadRequest as error:
                answer.series.append([])
                answer.skipped.append(str(error))
        return answer

    async def find(self, query: str, principal: Principal) -> list[Node]:
        self.asked.append(("find", query))
        if self.failure:
            raise self.failure
        if query in ("", "*", ".*"):
            return [Node("gitlab", True), Node("tapd", True)]
        if query.lstrip("$@") == "product":
            return [Node("A", False), Node("B", False), Node("R&D #1", False)]
        return []

    async def annotations(
        self, start: int, until: int, tags: Sequence[str], principal: Principal
    ) -> list[Annotation]:
        self.asked.append(("annotations", start, until, list(tags)))
        return [Annotation(7, 1700000000, "v1.0.0 released", "by 产品A", ("release", "A"))]


def world_of(
    workspaces: Mapping[str, str], projects: Mapping[str, str] | None = None, config: Config | None = None
) -> World:
    """The world once workspaces (name by id) and projects (path by id) have been derived."""
    named: list[WorkspaceFact] = [
        {
            "_id": f"tapd:{identifier}",
            "generation": 1,
            "seq": seq,
            "tombstone": False,
            "instance": "tapd",
            "id": identifier,
            "name": name,
            "created": None,
        }
        for seq, (identifier, name) in enumerate(workspaces.items())
    ]
    paths: list[ProjectFact] = [
        {
            "_id": f"gitlab:{identifier}",
            "generation": 1,
            "seq": seq,
            "tombstone": False,
            "instance": "gitlab",
            "id": identifier,
            "path": path,
            "asked": "",
            "name": path,
            "default_branch": "main",
        }
        for seq, (identifier, path) in enumerate((projects or {}).items())
    ]
    return World(build_context(config or Config(), named, [], [], paths))
