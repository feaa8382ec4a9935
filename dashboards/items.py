"""The way from a number to the items behind it: a link on every panel whose metric can name its items.

The link goes through the datasource, so Grafana knows who follows it and hands the API its token.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from metrics_api.catalog import load_catalog

TITLE = "Items behind this number"
COLLECTING = "What was collected"
PLACE = "/api/datasources/proxy/uid/${Datasource}/items"
SERIES = "${__field.displayName:percentencode}"
# Panels whose numbers stand for the end of the time range; the others have a time for each.
REDUCED = frozenset({"bargauge", "stat"})
# The order of lines says nothing of their items.
ORDER = "order"

_VARIABLE = re.compile(r"\$(\w+)")
# The line that an override is about, where it is about one.
_RENAMED = re.compile(r"/\^(\w+)\(")


def link(panel: dict[str, Any], health: str) -> None:
    """Give the panel's series their links, if the metrics of its queries can name items.

    Of two queries, the one that has a single line is that of the series which the panel renames. Lines that
    no items are behind lead nowhere. A panel on collecting leads to the dashboard about that, whose uid
    is `health`; "" where it is on it.
    """
    if health and panel["targets"][0]["target"].startswith("@health."):
        url = f"/d/{health}?${{__url_time_range}}&${{__all_variables}}"
        panel["links"] = [{"title": COLLECTING, "url": url, "targetBlank": True}]
    links = [_link(row["target"], panel["type"] in REDUCED) for row in panel["targets"]]
    several = [one for one in links if one and one["series"]]
    single = [one for one in links if one and not one["series"]]
    found = (several or single)[:1]
    if not found:
        return
    # Names that a panel works out are those of no line.
    named = "" if panel.get("transformations") else found[0]["series"]
    panel["fieldConfig"]["defaults"]["links"] = [_written(found[0], named)]
    if not found[0]["series"]:
        return
    for line in dict.fromkeys(line for row in panel["targets"] for line in _of_nobody(row["target"])):
        matcher = {"id": "byRegexp", "options": f"/^{line}(\\/|\\.|$)/"}
        override = {"matcher": matcher, "properties": [{"id": "links", "value": []}]}
        panel["fieldConfig"]["overrides"].append(override)
    for override in panel["fieldConfig"]["overrides"]:
        if any(one["id"] == "displayName" for one in override["properties"]):
            about = _RENAMED.match(override["matcher"]["options"])
            own = f"&series={about[1]}" if about and about[1] != "all" and not single else ""
            override["properties"].append({"id": "links", "value": [_written((single or found)[0], own)]})


def _link(target: str, reduced: bool) -> dict[str, str]:
    """(the address without and with what tells a series apart), nothing where no items can be named."""
    name, _, pairs = target.removeprefix("@").partition("/")
    catalog = load_catalog()
    asked = dict(pair.split("=", 1) for pair in re.split(r",(?![^{]*})", pairs) if pair)
    if name not in catalog.listed:
        return {}
    metric = catalog.metric(name)
    kept = {key: _encoded(value) for key, value in asked.items() if key != ORDER}
    # Of several lines each leads to its own items.
    own = f"&series={SERIES}" if asked.get("by") or metric.splits else ""
    at = "${__to}" if reduced else "${__value.time}"
    query = "&".join([f"metric={name}", *(f"{key}={value}" for key, value in kept.items()), f"at={at}"])
    return {"url": f"{PLACE}?{query}&from=${{__from}}&until=${{__to}}&limit=100", "series": own}


def _encoded(value: str) -> str:
    """A value as it stands in an address, its variables to be filled by Grafana."""
    return _VARIABLE.sub(r"${\1:percentencode}", value) if "$" in value else quote(value, safe="")


def _of_nobody(target: str) -> tuple[str, ...]:
    """The lines of a target's metric that no items are behind."""
    return load_catalog().listed.get(target.removeprefix("@").partition("/")[0], ())


def _written(found: dict[str, str], series: str) -> dict[str, Any]:
    return {"title": TITLE, "url": found["url"] + series, "targetBlank": True}
