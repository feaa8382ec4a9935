"""The way from a number to the items behind it: a link on every panel whose metric can name its items.

The link goes through the datasource, so Grafana knows who follows it and hands the API its token.
"""

from __future__ import annotations

import re
from typing import Any

from metrics_api.catalog import load_catalog

TITLE = "Items behind this number"
PLACE = "/api/datasources/proxy/uid/${Datasource}/items"
# Panels whose numbers stand for the end of the time range; the others have a time for each.
REDUCED = frozenset({"bargauge", "stat"})
# What a list of items cannot be asked with, for it is split by nothing and put in no order.
SHAPES = ("by", "order", "q")

_VARIABLE = re.compile(r"\$(\w+)")


def link(panel: dict[str, Any]) -> None:
    """Give the panel its link, if the metric of its first query can name items."""
    name, _, pairs = panel["targets"][0]["target"].removeprefix("@").partition("/")
    catalog = load_catalog()
    asked = dict(pair.split("=", 1) for pair in re.split(r",(?![^{]*})", pairs) if pair)
    # What ever arrived is no list of what there is.
    if name not in catalog.listed or asked.get("mode") == "arrivals":
        return
    by = asked.get("by", "")
    metric = catalog.metric(name)
    dropped = set(SHAPES) - set(metric.required)
    kept = {key: _VARIABLE.sub(r"${\1:percentencode}", asked[key]) for key in asked if key not in dropped}
    # Of a split the series' own items, where its name is the value of a filter.
    split = [by] if by else [one for one in metric.splits if one in metric.filters]
    if len(split) == 1 and (not by or metric.splits in ((), ("line",))):
        kept[split[0]] = "${__field.displayName:percentencode}"
    at = "${__to}" if panel["type"] in REDUCED else "${__value.time}"
    query = "&".join([f"metric={name}", *(f"{key}={value}" for key, value in kept.items()), f"at={at}"])
    # Where the number is of the whole time range.
    more = "&from=${__from}" if "done_from" in asked or asked.get("step") == "all" else ""
    panel["fieldConfig"]["defaults"]["links"] = [
        {"title": TITLE, "url": f"{PLACE}?{query}{more}&limit=100", "targetBlank": True}
    ]
