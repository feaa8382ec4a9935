"""An evaluator without data: it answers every target from a table and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from metrics_api.core.errors import BadRequest
from metrics_api.core.security import Principal
from metrics_api.series import Annotation, Node, Series
from metrics_api.target import parse

DAILY = Series(
    endpoint="created",
    counter="bugs.change.daily",
    name="tapd.bugs.change.daily",
    step=86400,
    timestamps=[1700000000, 1700086400, 1700172800],
    values=[5.0, None, 0.5],
    tags={"series": "created", "product": "A"},
)
CLOSED = Series("closed", "bugs.change.daily", "tapd.bugs.change.daily", 86400, [1700000000], [2])
EMPTY = Series("all", "bugs.backlog.daily", "tapd.bugs.backlog.daily", 86400, [], [], {"product": "nobody"})
VERSIONS = Series("产品 A", "product.version.bugs", "tapd.product.version.bugs", 86400, [1700000000], [3.0])

ANSWERS = {
    "tapd.bugs.change.daily": [DAILY, CLOSED],
    "tapd.bugs.backlog.daily": [EMPTY],
    "tapd.product.version.bugs": [VERSIONS],
}
KNOWN = {"product": {"A", "B", "R&D #1", "产品A"}, "version": {"v1.0.0", "v1.1.0"}}


@dataclass(frozen=True)
class Answer:
    series: list[list[Series]]
    skipped: list[str]


@dataclass(frozen=True)
class Frame:
    topic: str
    rows: int
    refreshed_at: float | None


@dataclass
class StandIn:
    """Implements the evaluator's interface; `asked` holds the calls in order."""

    asked: list[tuple[object, ...]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    failure: Exception | None = None

    async def render(self, targets: Sequence[str], start: int, until: int, principal: Principal) -> Answer:
        self.asked.append(("render", list(targets), start, until, principal.name))
        if self.failure:
            raise self.failure
        answer = Answer([], [])
        for text in targets:
            try:
                target = parse(text, lambda key: KNOWN.get(key, ()))
                if target.name not in ANSWERS:
                    raise BadRequest(f"unknown metric {target.name}")
                answer.series.append(ANSWERS[target.name])
            except BadRequest as error:
                answer.series.append([])
                answer.skipped.append(str(error))
        return answer

    async def find(self, query: str, principal: Principal) -> list[Node]:
        self.asked.append(("find", query))
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

    def frame_states(self) -> list[Frame]:
        return self.frames
