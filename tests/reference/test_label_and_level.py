"""What must hold of labels and of parents among stories for any company, in the reference's answers."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from .days import buckets
from .questions import BACKLOG, CHANGES, FLOW, STORY_FLOW, Query
from .strategies import scenarios
from .test_identities import CAMPAIGN, lines
from .told import parts
from .wire import Company

MANY = ("阻塞", "重点关注", "R&D, #1", "gold")


@CAMPAIGN
@given(st.sampled_from((FLOW, STORY_FLOW, BACKLOG, CHANGES)).flatmap(lambda metric: scenarios(metric, False)))
def test_each_label_has_the_line_of_its_filter(scenario: tuple[Company, Query]) -> None:
    company, asked = scenario
    query = replace(asked, by=None, filters={n: v for n, v in asked.filters.items() if n != "label"})
    split = lines(company, replace(query, by="label"))
    for label in (*MANY, "N/A"):
        alone = lines(company, replace(query, filters={**query.filters, "label": frozenset([label])}))
        for endpoint, values in alone.items():
            key = label if endpoint == "all" else f"{label}/{endpoint}"
            assert split.get(key, [0] * len(values)) == values or not any(values)


@CAMPAIGN
@given(st.sampled_from((FLOW, STORY_FLOW, BACKLOG)).flatmap(lambda metric: scenarios(metric, False)))
def test_any_label_and_none_are_everything_and_labels_may_exceed_it(
    scenario: tuple[Company, Query],
) -> None:
    company, asked = scenario
    # At the end of a bucket; ever is another question.
    query = replace(asked, by=None, filters={}, mode="bands")
    everything = lines(company, query)
    some = lines(company, replace(query, filters={"label": frozenset(MANY)}))
    none = lines(company, replace(query, filters={"label": frozenset(["N/A"])}))
    each = [lines(company, replace(query, filters={"label": frozenset([label])})) for label in MANY]
    for endpoint, whole in everything.items():
        for n, value in enumerate(whole):
            if value is not None:
                labelled = some[endpoint][n] or 0
                assert value == labelled + (none[endpoint][n] or 0)
                assert sum(one[endpoint][n] or 0 for one in each) >= labelled


@CAMPAIGN
@given(scenarios(STORY_FLOW, settled=False))
def test_leaves_and_parents_are_all_stories(scenario: tuple[Company, Query]) -> None:
    company, asked = scenario
    leaf, parent, every = (lines(company, replace(asked, level=level)) for level in ("leaf", "parent", "all"))
    assert leaf.keys() | parent.keys() == every.keys()
    for endpoint, values in every.items():
        nothing = [None if value is None else 0 for value in values]
        pairs = zip(leaf.get(endpoint, nothing), parent.get(endpoint, nothing), strict=True)
        assert values == [None if None in pair else sum(n or 0 for n in pair) for pair in pairs]


@CAMPAIGN
@given(scenarios(STORY_FLOW, settled=False))
def test_bands_of_stories_sum_to_those_created_and_not_removed(scenario: tuple[Company, Query]) -> None:
    company, asked = scenario
    query = replace(asked, by=None, mode="bands", done_from="all", step="1d", filters={}, deleted="until")
    query = replace(query, tz="UTC", level="all")
    lives = {
        one.id: (one.created, one.removal.at if one.removal else None)
        for workspace in company.workspaces
        for one in parts(workspace, "stories")
    }
    rows = list(zip(*lines(company, query).values(), strict=True))
    for (_, end), row in zip(buckets(query.start, query.until, query.now, "1d", "UTC"), rows, strict=True):
        if None not in row:
            there = [1 for born, gone in lives.values() if born < end and (gone is None or gone >= end)]
            assert sum(value or 0 for value in row) == len(there)
