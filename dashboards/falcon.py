"""The falcon-plus datasource: open-falcon's plugin grafana-openfalcon-datasource."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from dashboards.compatibility import renames

# Four numbers with dots between them stay as they are: the plugin takes them for an address.
_ADDRESS = re.compile(r"([0-9]+)#([0-9]+)#([0-9]+)#([0-9]+)")


class Falcon:
    """Builds for the falcon-plus plugin; not read by default."""

    plugin = "fastweb-openfalcon-datasource"
    name = "engmetrics-falcon"
    title = "{} (falcon-plus)"
    folder = "falcon/dashboards"

    def annotation(self, tags: Sequence[str]) -> dict[str, Any]:
        """Return the tags as one text beside the annotation's name, where the plugin looks for them."""
        return {"tags": " ".join(tags)}

    def names(self, panel: dict[str, Any]) -> None:
        """Cut the counters off the names, which come as `<endpoint>.<counter>` and without labels.

        An endpoint may hold dots itself, so the panel's own counters are named.
        """
        if renames(panel):
            return
        counters = dict.fromkeys(counter(row["target"]) for row in panel["targets"])
        regex = f"/^(.*)\\.({'|'.join(re.escape(one) for one in counters)})$/"
        options = {"regex": regex, "renamePattern": "$1"}
        rename = {"id": "renameByRegex", "options": options}
        panel["transformations"] = [rename, *panel.get("transformations", [])]

    def received(self, target: str) -> str:
        """Return the target with the dots outside addresses as `#`: the plugin rewrites what was typed."""
        return _ADDRESS.sub(r"\1.\2.\3.\4", target.replace(".", "#"))


def counter(target: str) -> str:
    """Return what the names of a target's series end in: the metric's name without its source.

    The target is written with dots; `bugs.backlog.daily` for `@tapd.bugs.backlog.daily/by=module`.
    """
    return target.partition("/")[0].partition(".")[2]
