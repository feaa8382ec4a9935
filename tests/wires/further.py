"""What no panel asks of the numbers of flow: all their options in a few questions each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_api.catalog import load_catalog

# What else is asked of the numbers of flow, as far as they know the options: days of another zone, in which
# clocks are put back, months, the whole window, today's values, without what was deleted, split, in hours of
# work, other percentiles, all levels.
FURTHER = (
    "tz=America/New_York,deleted=exclude",
    "step=1M,asof=now,{some}",
    "step=all,by=product,calendar=work",
    "step=1w,by=priority,asof=now,tz=Europe/Berlin",
    "step=1w,calendar=work,q={{10,50,99}},level=all",
    "mode=arrivals,step=1M,tz=America/New_York,asof=now,{some}",
    "done_from=range,step=1w,deleted=exclude,tz=UTC",
    "since=first,step=1w,deleted=exclude",
    "of=bugs,step=1M,deleted=exclude",
)


def pairs(target: str) -> dict[str, str]:
    """The filters and options of an expression."""
    _, _, text = target.partition("/")
    return dict(one.split("=", 1) for one in re.split(r",(?![^{]*\})", text) if one)


def further(metric: str, some: str) -> Iterator[str]:
    """The further questions without the options that a metric does not know."""
    known = load_catalog().metrics[metric]
    for text in FURTHER:
        told = pairs(f"@/{text.format(some=some)}")
        kept = {name: value for name, value in told.items() if name in (*known.options, *known.filters)}
        yield ",".join(f"{name}={value}" for name, value in kept.items())
