"""The panel that says as of when the numbers beside it are."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models.dashboard import GridPos

from dashboards.panels import SECONDS, numbers
from dashboards.queries import Expression

AS_OF = """\
**Data as of** so long ago: the start of the last successful reading, of whatever was read longest ago of what
these numbers need, for each TAPD and GitLab.

What happened since then is not in the numbers. Without a value nothing was ever read. The dashboard Data
Health tells which collector it is, and why."""

BUGS = ("tapd.bugs", "tapd.bug_changes", "tapd.removed_bugs")
STORIES = ("tapd.stories", "tapd.story_changes", "tapd.removed_stories")


def as_of(number: int, collectors: Sequence[str], place: GridPos) -> stat.Panel:
    """Return the panel of how long ago these collectors last read everything of the chosen products."""
    panel = numbers(number, "Data as of … ago", AS_OF, place).unit(SECONDS).decimals(1)
    named = "{" + ",".join(collectors) + "}"
    asked = f"@health.collection.age/product=$Product,collector={named},by=instance,step=1h"
    return panel.with_target(Expression(asked))
