"""The release gate and grave defects that nobody touches, one bug at a time."""

from collections.abc import Iterator

from .days import Bucket
from .defects import WEIGHTS, DefectQuery, Series, Sight, Sights, answered, plain, standing
from .population import Member, Population
from .wire import Company

GATE, UNTOUCHED = "tapd.bugs.gate", "tapd.bugs.untouched"
GATES = (GATE, UNTOUCHED)
CONDITIONS = ("index", "fatal", "serious")
ALLOWED = (10, 0, 1)
DAYS = {"fatal": 3, "serious": 7}
UNKNOWN = -1


def gate_answer(company: Company, query: DefectQuery) -> Series:
    """The series of a question about the gate or about what nobody touches."""

    def compute(population: Population, grid: list[Bucket]) -> Series:
        observe, draw = (at_the_gate, verdict) if query.metric == GATE else (left_alone, number)
        return plain(query, population, grid, observe, draw)

    return answered(company, query, compute)


def left_alone(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """An open bug, and whether its last change is so many days ago; every change begins a span."""
    span = standing(query, bug, bucket)
    if span is None:
        return
    judged = bug.spans[-1] if query.asof == "now" else span
    days = query.untouched.get(judged.fields["product"], DAYS).get(judged.fields["severity"])
    if days is not None and min(bucket[1], query.now) - span.start >= days * 86_400:
        yield span, "", 1


def number(query: DefectQuery, name: str, sights: Sights) -> dict[str, float | None]:
    return {"": len(sights)}


def at_the_gate(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """An open bug: its product and severity, and what it weighs there."""
    span = standing(query, bug, bucket)
    if span is not None:
        fields = (bug.spans[-1] if query.asof == "now" else span).fields
        weight = query.weights.get(fields["product"], WEIGHTS).get(fields["severity"], UNKNOWN)
        yield span, f"{fields['product']}\n{fields['severity']}", weight


def verdict(query: DefectQuery, name: str, sights: Sights) -> dict[str, float | None]:
    """By how much each condition is exceeded in the product that is farthest over, and how many are."""
    worst: dict[str, float] = dict.fromkeys(CONDITIONS, 0)
    for product in {kind.partition("\n")[0] for kind, _ in sights}:
        own = [
            (kind.partition("\n")[2], weight) for kind, weight in sights if kind.startswith(f"{product}\n")
        ]
        have = (
            sum(weight for _, weight in own if weight != UNKNOWN),
            *(sum(1 for severity, _ in own if severity == one) for one in CONDITIONS[1:]),
        )
        for condition, found, allowed in zip(
            CONDITIONS, have, query.gates.get(product, ALLOWED), strict=True
        ):
            worst[condition] = max(worst[condition], round(found - allowed, 6))
    unsure = any(weight == UNKNOWN for _, weight in sights)
    failing = sum(1 for excess in worst.values() if excess > 0)
    lines: dict[str, float | None] = {"": None if unsure and not failing else failing, **worst}
    if unsure and not worst["index"]:
        lines["index"] = None
    return {kind: line for kind, line in lines.items() if query.of in ("backlog", kind)}
