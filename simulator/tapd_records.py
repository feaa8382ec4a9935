"""What one TAPD workspace holds, in the upstream's own form.

Generated companies and tests fill the same store. Records are plain dictionaries whose values are served
exactly as they were given; keys that are missing are served with the unset value recorded for that field
(``shapes``, ``work_shapes``), so a record written by hand names only what matters.
"""

from simulator.tapd_bugs import BugRecords, bug_url
from simulator.tapd_effort import EffortRecords
from simulator.tapd_plans import PlanRecords
from simulator.tapd_store import Items, TapdHappening, Workflow
from simulator.tapd_workitems import WorkitemRecords

__all__ = ["Items", "TapdHappening", "TapdWorkspaceRecords", "Workflow", "bug_url"]


class TapdWorkspaceRecords(BugRecords, WorkitemRecords, PlanRecords, EffortRecords):
    """The records of one workspace and the few operations that keep them consistent."""
