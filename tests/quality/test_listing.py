"""`engmetrics status --quality` after a collection, as somebody types it and word by word."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from collectors.scheduler import collect
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from simulator import TapdAccount, running
from tests.collectors.conftest import HASTY
from tests.quality.test_quality import company

TOKEN = {"ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token}
# That bug 9 vanished, and what bug 4 did before it was created, is found in the night.
LISTED = [
    "broken chain: a change begins with another value than the one before ended with; it "
    "counts from its own time on",
    "  -> read the changes again with `engmetrics collect --backfill --since DAY`; what TAPD "
    "has not stays so",
    "  workspace     of    field   count  first",
    "  tapd:991 One  bugs  status  1      1 bug 1",
    "repaired end: the last change does not lead to the present value, which counts from the "
    "last modification on",
    "  -> read the changes again with `engmetrics collect --backfill --since DAY`; what TAPD "
    "has not stays so",
    "  workspace     of    field   count  first",
    "  tapd:991 One  bugs  status  1      2 bug 2",
    "unmapped status: items are or were in a status that the workspace's workflow does not "
    "know, counted as `unmapped`",
    "  -> put the status into a stage of the product ([[product.stages.bugs]] or [[product.stages.stories]])",
    "  workspace     of    field     count  first",
    "  tapd:991 One  bugs  status_9  1      6 bug 6",
    "ambiguous status: a status means different things in the workspace's types of stories; "
    "its first meaning counts",
    "  -> rename one of them in TAPD, or put the status into the stage you mean ([[product.stages.stories]])",
    "  workspace     of       field     count  first",
    "  tapd:991 One  stories  resolved  1      resolved 已实现 / 已上线",
    "completed without change: no change tells when the story was done; where its status is "
    "done, its own `completed` is the time",
    "  -> read the changes again with `engmetrics collect --backfill --since DAY`; what TAPD "
    "has not stays so",
    "  workspace     of       field  count  first",
    "  tapd:991 One  stories  -      1      21 story 21",
    "ended before created: the item's own time of its end is before its creation; lead times "
    "come from its changes instead",
    "  -> correct the time in TAPD before you compute with exported rows",
    "  workspace     of    field     count  first",
    "  tapd:991 One  bugs  resolved  1      5 bug 5",
    "unreadable: a date of the item cannot be read; it counts as not given",
    "  -> correct it in TAPD",
    "  workspace     of    field  count  first",
    "  tapd:991 One  bugs  due    1      10 bug 10",
    "moved away: the bug moved to a workspace that is not collected; it counts here until then",
    "  -> collect that workspace too if its work is yours",
    "  workspace     of    field  count  first",
    "  tapd:991 One  bugs  -      1      7 bug 7",
    "moved: the bug came from another workspace, and its history came along",
    "  -> nothing, unless the numbers look wrong to those who know the work",
    "  workspace     of    field  count  first",
    "  tapd:991 One  bugs  -      1      121 bug 12",
    "merged: the bug was merged into another; it counts until then",
    "  -> nothing, unless the numbers look wrong to those who know the work",
    "  workspace     of    field  count  first",
    "  tapd:991 One  bugs  -      1      8 bug 8",
    "renamed: a change names an iteration by a name that none has or had as far as is known; the name counts",
    "  -> nothing if that iteration is gone; else see that tapd.iteration_changes runs (`engmetrics status`)",
    "  workspace     of    field      count  first",
    "  tapd:991 One  bugs  iteration  1      11 bug 11",
    "renamed iteration: the iteration had other names, which the changes of items go by; it "
    "counts under today's",
    "  -> nothing",
    "  workspace     of          field  count  first",
    "  tapd:991 One  iterations  -      1      51 迭代1 -> 迭代一 on 2026-03-09",
    "parallel step: steps of a parallel workflow stand among the changes of status; they are left out",
    "  -> nothing, unless the numbers look wrong to those who know the work",
    "  workspace     of    field  count  first",
    "  tapd:991 One  bugs  -      1      3 bug 3",
]


async def test_the_command_lists_every_oddity_of_a_collected_company(
    store: Store, mongodb_url: str, database_name: str, tmp_path: Path
) -> None:
    async with running(company(), tapd_quota=None) as servers:
        instance = TapdInstance(url=servers.tapd_url, workspaces=("991", "992"), quota_per_minute=100_000)
        await collect(Settings(Config(tapd=(instance,)), TOKEN), store, once="all", patience=HASTY)
    lines = ["[store]", f"uri = {json.dumps(mongodb_url)}", f'database = "{database_name}"', "[[tapd]]"]
    (tmp_path / "engmetrics.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ENGMETRICS_")}
    kept.pop("MONGODB_URI", None)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "metrics_api", "status", "--quality"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert out.decode().splitlines() == LISTED
