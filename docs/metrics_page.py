"""The page docs/metrics.md: every metric of the catalog in its own words, with a question and its answer."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime

from docs.example import Example, Examples
from metrics_api.catalog import Metric, choices, load_catalog
from metrics_api.core.days import DAY_S, zone
from metrics_api.falcon import wire_number
from metrics_api.series import Series

# Beyond so many lines an answer says no more about what the metric is.
MAX_LINES = 12
ANYTHING = {"tz": "an IANA zone", "by": "one of the filters", "q": "percentiles, as `50,85,95`"}
PAGES = re.compile(r"Definition:\s+docs/definitions\.md,\s+(sections? [\d, and]+)\.")

HEAD = """\
# Metrics

Everything that may be asked for, from the catalog in the code: `python -m docs` writes this page. How
questions are written is told in [expressions.md](expressions.md), what the numbers mean in full in
[definitions.md](definitions.md). A running API lists the same at `GET /api/v1/metrics`, and answers each as
JSON lines at `GET /api/v1/metrics/NAME`.

The examples are real answers about a small company, the one the tests work out by hand: Shop & Co, with the
workspaces Web and Mobile, and 引擎 C++ in Berlin. `–` is null: nothing is known, or nothing to measure.
"""


def page() -> str:
    """The whole page."""
    metrics = load_catalog().metrics.values()
    examples = Examples()
    try:
        parts = [HEAD, _contents(metrics), *(_section(one, examples.of(one)) for one in metrics)]
    finally:
        examples.close()
    return "\n".join(parts)


def _contents(metrics: Collection[Metric]) -> str:
    lines = ["| metric | what it is | unit |", "| --- | --- | --- |"]
    for one in metrics:
        lines.append(f"| [`{one.name}`](#{one.name.replace('.', '')}) | {_cell(one.help)} | {one.unit} |")
    return "\n".join(lines) + "\n"


def _section(metric: Metric, example: Example) -> str:
    named = ", ".join(f"`{one}`" for one in metric.filters)
    lines = [f"## `{metric.name}`", "", metric.help]
    if metric.definition:
        lines += ["", PAGES.sub(r"Definition: [definitions.md](definitions.md), \1.", metric.definition)]
    lines += ["", *_facts(metric, named), "", f"    {example.target}", "", *_answer(example), ""]
    return "\n".join(lines)


def _facts(metric: Metric, named: str) -> Iterator[str]:
    yield f"- **Unit**: {metric.unit}"
    splits = [*metric.splits, *(["`by`"] if "by" in metric.options else [])]
    yield f"- **Splits**: {', '.join(splits) or 'none'}"
    yield f"- **Filters**: {named}"
    yield f"- **Options**: {'; '.join(_option(metric, one) for one in metric.options)}"
    if metric.last_only:
        yield "- One point, at the end of the window."


def _option(metric: Metric, option: str) -> str:
    values = ANYTHING.get(option) or ", ".join(f"`{one}`" for one in choices(metric, option))
    return f"`{option}`{' (required)' if option in metric.required else ''}: {values}"


def _answer(example: Example) -> Iterator[str]:
    """The answer as a table, a line per series."""
    series = [one for one in example.series if one.timestamps]
    if not series:
        yield f"Refused: {example.refused}." if example.refused else "The company has nothing of the kind."
        return
    first = series[0]
    yield "| | " + " | ".join(_day(first, at) for at in first.timestamps) + " |"
    yield "| --- |" + " ---: |" * len(first.timestamps)
    for one in series[:MAX_LINES]:
        yield f"| {_cell(one.endpoint)} | " + " | ".join(_number(value) for value in one.values) + " |"
    if len(series) > MAX_LINES:
        yield ""
        yield f"… and {len(series) - MAX_LINES} more series."


def _day(series: Series, at: int) -> str:
    """The day on which a bucket begins: in the zone that makes midnight of it."""
    for name in ("Asia/Shanghai", "Europe/Berlin"):
        found = datetime.fromtimestamp(at, zone(name))
        if found.hour == found.minute == 0:
            return f"{'week of ' if series.step == 7 * DAY_S else ''}{found:%m-%d}"
    raise ValueError(f"{series.name}: {at} is no midnight")


def _number(value: float | None) -> str:
    number = wire_number(value)
    return "–" if number is None else f"{number:.4g}" if isinstance(number, float) else str(number)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
