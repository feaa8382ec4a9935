"""The simulated records have every field that recorded responses of TAPD have, unset in the same way."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from simulator.shapes import BUG_DEFAULTS, CHANGE_DEFAULTS, ITERATION_DEFAULTS, WORKSPACE_DEFAULTS


def recorded(name: str) -> list[dict[str, Any]]:
    folder = os.environ.get("ENGMETRICS_RECORDED")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ENGMETRICS_RECORDED names no folder of recorded responses")
    rows = json.loads((Path(folder) / "tapd" / f"{name}.json").read_text("utf-8"))
    return [next(iter(row.values())) for row in rows]


@pytest.mark.parametrize(
    "name, defaults",
    [
        ("bugs", BUG_DEFAULTS),
        ("bug_changes", CHANGE_DEFAULTS),
        ("iterations", ITERATION_DEFAULTS),
        ("workspaces_projects", WORKSPACE_DEFAULTS),
    ],
)
def test_every_recorded_field_is_served(name, defaults) -> None:
    assert {key for row in recorded(name) for key in row} - defaults.keys() == set()


def test_a_field_that_is_null_in_recordings_is_null_here_and_an_empty_one_empty() -> None:
    rows = recorded("bugs")
    for key in BUG_DEFAULTS.keys() & rows[0].keys():
        values = {row[key] for row in rows}
        if None in values:
            assert BUG_DEFAULTS[key] is None, key
        if "" in values:
            assert BUG_DEFAULTS[key] == "", key
