"""What panels ask, before it is said to which kind of datasource: see datasources.py."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import AnnotationTarget, DataSourceRef

# The dashboard variable that chooses the datasource, see variables.py.
SOURCE = DataSourceRef(uid="${Datasource}")


class Query(Dataquery):
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
            # The visual editors, Graphite's and falcon-plus's, cannot read an expression that begins with
            # "@"; Graphite's would wipe it.
            "textEditor": True,
        }


class Expression(Builder[Dataquery]):
    """Builder of a `Query`, to be handed to a panel's `with_target`.

    Names are written with dots: `#A` would be a reference to query A.
    """

    def __init__(self, target: str, ref_id: str = "A") -> None:
        self._query = Query(ref_id, target)

    def build(self) -> Dataquery:
        """Return the query row."""
        return self._query


class Tagged(AnnotationTarget):
    """An annotation's question for events that carry every one of `tags`."""

    def to_json(self) -> dict[str, object]:
        """Return the tags alone."""
        return {"tags": self.tags}
