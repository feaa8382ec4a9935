"""The stock Graphite datasource, which every Grafana has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboards.compatibility import renames


class Graphite:
    """Builds for the Graphite datasource; read by default."""

    plugin = "graphite"
    name = "engmetrics"
    title = "{}"
    folder = "dashboards"

    def annotation(self, tags: Sequence[str]) -> dict[str, Any]:
        """Return a target with the tags, which Graphite annotations have since Grafana 8.3."""
        target = {"fromAnnotations": True, "queryType": "tags", "refId": "Anno", "tags": list(tags)}
        return {"target": target}

    def names(self, panel: dict[str, Any]) -> None:
        """Name series by the tag `series`, which holds the endpoint; they come as `<endpoint>.<counter>`."""
        if not renames(panel):
            panel["fieldConfig"]["defaults"]["displayName"] = "${__field.labels.series}"

    def received(self, target: str) -> str:
        """Return the target: it goes out as typed."""
        return target
