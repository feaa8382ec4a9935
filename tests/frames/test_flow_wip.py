"""Work in progress and its limits, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from metrics_api.core.config import Config, Product
from metrics_api.core.sections import Stages
from metrics_api.frames import ItemFrame
from metrics_api.topics import STORIES
from tests.frames import dozen, seven
from tests.frames.facts import answers

WIP = "@tapd.bugs.flow.wip"
# Answers the same question from the segments, where the cube would answer it otherwise.
BY_SEGMENTS = "module=N/A"


def asked(target: str, frame: ItemFrame) -> dict[str, list[Any]]:
    return answers(frame, [target])[0]


@pytest.fixture(scope="module")
def bugs() -> ItemFrame:
    """The seven bugs in their stages."""
    return seven.frame_of(seven.seven())


# On Tuesday the second is fixed, which is still work in progress; the third is sent back on Wednesday, the
# sixth is in no stage on Thursday, the fourth is deleted on Friday.
def test_work_in_progress_runs_from_the_first_active_stage_to_done(bugs: ItemFrame) -> None:
    assert asked(WIP, bugs) == {"all": [1, 4, 3, 3, 3], "limit": [5] * 5}
    assert asked(f"{WIP}/{BY_SEGMENTS}", bugs) == {"all": [1, 4, 3, 3, 3]}
    assert asked(f"{WIP}/deleted=exclude", bugs)["all"] == [1, 3, 2, 2, 3]


def test_each_stage_has_its_limit_beside_it(bugs: ItemFrame) -> None:
    lines = {
        "fixing": [1, 3, 3, 3, 2],
        "fixed": [0, 1, 0, 0, 1],
        "limit/fixing": [2] * 5,
        "limit/fixed": [3] * 5,
    }
    assert asked(f"{WIP}/by=stage", bugs) == lines
    assert list(asked(f"{WIP}/by=stage", bugs)) == list(lines)
    assert asked(f"{WIP}/by=stage,stage=fixed", bugs) == {"fixed": lines["fixed"], "limit/fixed": [3] * 5}
    assert asked(f"{WIP}/stage=fixing", bugs) == {"all": lines["fixing"], "limit": [2] * 5}
    # The backlog is no work in progress, so nobody is in it.
    assert asked(f"{WIP}/stage=new", bugs) == {"all": [0] * 5}


def test_limits_are_left_out_where_they_are_not_of_what_is_counted(bugs: ItemFrame) -> None:
    assert asked(f"{WIP}/severity=fatal", bugs) == {"all": [1, 2, 1, 1, 1]}
    assert asked(f"{WIP}/by=severity", bugs) == {"fatal": [1, 2, 1, 1, 1], "N/A": [0, 2, 2, 2, 2]}
    # By today's stage: of those in work on Tuesday one was closed since, two are being fixed, one is deleted.
    assert asked(f"{WIP}/by=stage,asof=now", bugs) == {
        "fixing": [1, 3, 1, 3, 2],
        "fixed": [0, 0, 1, 0, 1],
        "closed": [0, 1, 1, 0, 0],
    }


def test_the_limits_of_products_add_up_where_all_have_one() -> None:
    second = [elsewhere(one) for one in seven.seven()]
    facts = [*seven.seven(), *second]
    unlimited = tuple(one.model_copy(update={"limit": None}) for one in seven.STAGES)

    def both(stages: tuple[Any, ...]) -> ItemFrame:
        products = (*seven.CONFIG.product, Product(name="B", workspaces=("2",), stages=Stages(bugs=stages)))
        config = Config(timezone=seven.CONFIG.timezone, product=products)
        return seven.frame_of(facts, config)

    alike = both(seven.STAGES)
    assert asked(WIP, alike) == {"all": [2, 8, 6, 6, 6], "limit": [10] * 5}
    assert asked(f"{WIP}/by=stage", alike)["limit/fixing"] == [4] * 5
    assert asked(f"{WIP}/by=product", alike)["limit/B"] == [5] * 5
    unlike = both(unlimited)
    assert asked(WIP, unlike) == {"all": [2, 8, 6, 6, 6]}
    assert [name for name in asked(f"{WIP}/by=stage", unlike) if "limit" in name] == []
    assert asked(f"{WIP}/by=product", unlike) == {
        "A": [1, 4, 3, 3, 3],
        "B": [1, 4, 3, 3, 3],
        "limit/A": [5] * 5,
    }
    assert asked(f"{WIP}/product=A", unlike)["limit"] == [5] * 5


def test_a_workflow_without_an_active_stage_has_no_work_in_progress() -> None:
    waiting = tuple(one.model_copy(update={"flag": "waiting"}) for one in seven.STAGES[:3])
    stages = Stages(bugs=(*waiting, *seven.STAGES[3:]))
    config = Config(
        timezone=seven.CONFIG.timezone, product=(Product(name="A", workspaces=("1",), stages=stages),)
    )
    assert asked(WIP, seven.frame_of(seven.seven(), config)) == {"all": [0] * 5}


# The dozen's bands: developing, 测试中, and 评审, which comes after the first active stage of all types.
def test_stories_count_as_leaves_parents_or_all() -> None:
    stories = seven.frame_of(dozen.dozen(), topic=STORIES)
    target = "@tapd.stories.flow.wip"
    assert asked(target, stories) == {"all": [1, 3, 5, 5, 4]}
    assert asked(f"{target}/level=parent", stories) == {"all": [0, 2, 2, 2, 2]}
    assert asked(f"{target}/level=all,by=stage", stories) == {
        "developing": [1, 5, 6, 6, 5],
        "测试中": [0, 0, 0, 1, 1],
        "评审": [0, 0, 1, 0, 0],
    }


def elsewhere(fact: dict[str, Any]) -> dict[str, Any]:
    """The same bug in another workspace."""
    segments = fact["segments"] | {"workspace": ["2"] * len(fact["segments"]["start"])}
    return fact | {"_id": f"tapd:2:{fact['id']}", "segments": segments}


def test_a_stage_that_only_one_of_two_workspaces_works_in_is_counted_there() -> None:
    late = (
        seven.STAGES[0],
        seven.STAGES[1].model_copy(update={"flag": "waiting"}),
        seven.STAGES[2].model_copy(update={"flag": "active"}),
        *seven.STAGES[3:],
    )
    products = (*seven.CONFIG.product, Product(name="B", workspaces=("2",), stages=Stages(bugs=late)))
    config = Config(timezone=seven.CONFIG.timezone, product=products)
    frame = seven.frame_of([*seven.seven(), *map(elsewhere, seven.seven())], config)
    assert asked(f"{WIP}/by=product", frame)["B"] == [0, 1, 0, 0, 1]
    assert asked(f"{WIP}/by=product,{BY_SEGMENTS}", frame)["B"] == [0, 1, 0, 0, 1]
