"""What must hold between the numbers of defects, whatever the company and whatever is asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.reference.defect_events import INVALID_RATE, REOPEN_COUNT, RESPONSE_TIME
from tests.reference.defect_scenarios import defect_scenarios
from tests.reference.defects import (
    AGE,
    DI,
    DI_INTRODUCED,
    DISTRIBUTION,
    MATRIX,
    OVERDUE,
    WEIGHTS,
    DefectQuery,
)
from tests.reference.questions import BACKLOG, CHANGES
from tests.reference.wire import Company, last_look
from tests.system.in_memory import answered, as_answer, world_of

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
FEW = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=SLOW,
    derandomize=True,
)
Lines = dict[str, list[float | None]]


class Asked:
    """One company and the plain form of a question, asked for several metrics."""

    def __init__(self, scenario: tuple[Company, DefectQuery]) -> None:
        company, query = scenario
        self.query = replace(query, by=None, of="backlog", split="all", since="first", weights={})
        self.world = world_of(last_look(company), query.now)

    def lines(self, metric: str, **options: str) -> Lines:
        query = replace(self.query, metric=metric, **options)  # type: ignore[arg-type]
        series = as_answer(asyncio.run(answered(self.world, query)))
        return {endpoint: [value for _, value in points] for endpoint, points in series}


def summed(lines: Lines, length: int) -> list[float]:
    """The sum of all lines in each bucket, nothing as 0; a line without points has nothing to show."""
    return [sum(line[at] or 0 for line in lines.values() if line) for at in range(length)]


@FEW
@given(st.sampled_from((AGE, DISTRIBUTION)).flatmap(defect_scenarios))
def test_every_way_to_part_the_backlog_adds_up_to_it(scenario: tuple[Company, DefectQuery]) -> None:
    asked = Asked(scenario)
    backlog = asked.lines(BACKLOG)["all"]
    whole = [value or 0 for value in backlog]
    assert summed(asked.lines(DISTRIBUTION, by="severity"), len(whole)) == whole
    assert summed(asked.lines(DISTRIBUTION, by="label", split="first"), len(whole)) == whole
    for since in ("first", "last"):
        assert summed(asked.lines(AGE, since=since), len(whole)) == whole
    overdue = asked.lines(OVERDUE)
    if backlog:
        assert all(
            late <= all_open for late, all_open in zip(summed(overdue, len(whole)), whole, strict=True)
        )
    if asked.query.step == "1d" and any(whole):
        assert summed(asked.lines(MATRIX), 1) == [whole[-1]]
    created = [value or 0 for value in asked.lines(CHANGES).get("created", [])]
    assert summed(asked.lines(DISTRIBUTION, by="severity", of="created"), len(created)) == created


@FEW
@given(st.sampled_from((DI, DI_INTRODUCED)).flatmap(defect_scenarios))
def test_the_index_is_the_distribution_by_severity_times_the_weights(
    scenario: tuple[Company, DefectQuery],
) -> None:
    asked = Asked(scenario)
    for metric, of in ((DI, "backlog"), (DI_INTRODUCED, "created")):
        severities = asked.lines(DISTRIBUTION, by="severity", of=of)
        index = asked.lines(metric)
        for at, value in enumerate(index["all"]):
            if value is not None:
                weights = sum(
                    WEIGHTS.get(name, 0) * (line[at] or 0) for name, line in severities.items() if line
                )
                assert value == pytest.approx(weights)
        unknown = {name: line for name, line in severities.items() if name not in WEIGHTS and line}
        told = [value or 0 for value in index.get("unknown", [0] * len(index["all"]))]
        assert summed(unknown, len(index["all"])) == told


@FEW
@given(defect_scenarios(INVALID_RATE))
def test_rates_are_those_of_the_throughput_and_the_ledger(scenario: tuple[Company, DefectQuery]) -> None:
    asked = Asked(scenario)
    ended = asked.lines("tapd.bugs.flow.throughput")
    rate = asked.lines(INVALID_RATE)["all"]
    for at, value in enumerate(rate):
        done, dropped = (ended[name][at] for name in ("all", "dropped"))
        if done is not None and dropped is not None:
            assert value == (dropped / (done + dropped) if done + dropped else None)
    changes = asked.lines(CHANGES)
    if "reopened" in changes:
        assert asked.lines(REOPEN_COUNT)["all"] == changes["reopened"]
    times = asked.lines(RESPONSE_TIME)
    removed = asked.lines(DISTRIBUTION, by="workspace", of="created")
    for at in range(len(times.get("n", []))):
        told = sum(times[name][at] or 0 for name in ("n", "pending_n", "skipped_n", "negative_n"))
        assert told <= sum(line[at] or 0 for line in removed.values() if line)
