"""Queries to the stock Graphite datasource; the Foundation SDK has no class for them."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import AnnotationTarget, DataSourceRef

# The dashboard variable that chooses the datasource, see variables.py.
SOURCE = DataSourceRef(type_val="graphite", uid="${Datasource}")


class GraphiteQuery(Dataquery):
    """One query row of a panel: `target` is an engmetrics expression, `ref_id` a capital letter."""

    def __init__(self, ref_id: str, target: str) -> None:
        self.ref_id = ref_id
        self.target = target

    def to_json(self) -> dict[str, object]:
        """Return the row as Grafana stores it."""
        return {
            "datasource": SOURCE,
            "refId": self.ref_id,
            "target": self.target,
            # The visual editor cannot read an expression that begins with "@" and would wipe it.
            "textEditor": True,
        }


class Expression(Builder[Dataquery]):
    """Builder of a `GraphiteQuery`, to be handed to a panel's `with_target`."""

    def __init__(self, target: str, ref_id: str = "A") -> None:
        self._query = GraphiteQuery(ref_id, target)

    def build(self) -> Dataquery:
        """Return the query row."""
        return self._query


class EventTags(AnnotationTarget):
    """An annotation's question for events that carry every one of `tags`."""

    def to_json(self) -> dict[str, object]:
        """Return the annotation's target as the Graphite datasource stores it."""
        return {"fromAnnotations": True, "queryType": "tags", "refId": "Anno", "tags": self.tags}
