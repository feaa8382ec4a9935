"""An iteration without items is known all the same: the variables offer it."""

from __future__ import annotations

import pytest

from metrics_api.context import Context, Flow, Iteration, Workspace
from metrics_api.core.config import Product
from metrics_api.known import ends_of_pair, known_values
from metrics_api.topics import ITEM_TOPICS
from metrics_api.world import World

NAME = "迭代 7, 修复=稳定"


def workspace(id: str, product: str, bug_version: str) -> Workspace:
    flows = dict.fromkeys(ITEM_TOPICS, Flow())
    return Workspace(f"tapd:{id}", id, product, "Asia/Shanghai", bug_version, flows, Product(name=product))


PLACES = (
    workspace("1", "A", "version_report"),
    workspace("2", "B", "iteration"),
    workspace("3", "C", "iteration"),
)
ITERATIONS = tuple(Iteration(f"tapd:{id}", f"50{id}", NAME, None, None, removed=False) for id in "12")
WORLD = World(Context("Asia/Shanghai", {one.key: one for one in PLACES}, iterations=ITERATIONS))


@pytest.mark.parametrize(
    ("topic", "field", "products"),
    [
        ("bugs", "iteration", "AB"),
        ("stories", "iteration", "AB"),
        # The version of a story is its iteration, that of a bug only where the product says so.
        ("stories", "version", "AB"),
        ("bugs", "version", "B"),
    ],
)
def test_a_fresh_iteration_is_a_known_value_in_its_products_alone(
    topic: str, field: str, products: str
) -> None:
    assert WORLD.values(topic, None)[field] == {NAME}
    for product in "ABC":
        known = {NAME} if product in products else frozenset()
        assert WORLD.values(topic, frozenset(product))[field] == known


def test_its_name_is_taken_whole_whatever_stands_in_it() -> None:
    text = f"iteration={NAME},by=status"
    known = known_values(WORLD.values("bugs", None)["iteration"])
    assert known.match(text, len("iteration="), ends_of_pair) == (NAME, text.index(",by="))
