"""Grafana's own Graphite datasource, its server side: alerting, expressions, backend mode.

`GraphiteGoWrapped` is 9.4 to 12.x, `GraphiteGo` the newest. Go's JSON decoder is strict about types: a flag
that is `true` instead of `1` fails the whole answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from tests.replay.graphite_94 import event_time
from tests.replay.wire import (
    Answer,
    Choice,
    ClientError,
    Mark,
    PanelSeries,
    Query,
    TimeRange,
    Values,
    Wire,
    go_form,
    interpolate,
    interval_text,
)

NO_VARIABLES: Mapping[str, Values] = {}


class GraphiteGo:
    """The newest server side: one request per query, targets as typed."""

    # What a find carries in its URL when the variable does not refresh with the range.
    no_range = ""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._wire = Wire(session, url)

    async def save_and_test(self) -> None:
        """Ask for a constant line over the last hour, as the health check does."""
        time = TimeRange(1795278380_000, 1795281980_000)
        body = render_body(["constantLine(100)"], time, 100)
        self._frames(await self._wire.post("/render", body), {"A": "A"}, "A")

    async def variable(
        self, query: str, variables: Mapping[str, Values] = NO_VARIABLES, time: TimeRange | None = None
    ) -> list[Choice]:
        """Return the options of a variable; `time` when it refreshes with the range."""
        asked = interpolate(query, variables)
        if not asked:
            raise ClientError("query is required")
        range_query = self.no_range
        if time is not None:
            range_query = f"?from={time.start_ms // 1000}&until={time.end_ms // 1000}"
        answer = await self._wire.post("/metrics/find" + range_query, go_form({"query": [asked]}))
        return [_choice(item) for item in _array(answer.json(), "find")]

    async def panel(
        self,
        queries: Sequence[Query],
        time: TimeRange,
        variables: Mapping[str, Values] = NO_VARIABLES,
        max_data_points: int = 500,
    ) -> list[PanelSeries]:
        """Return the frames of all queries; alert rules interpolate nothing, panels do so before they ask."""
        found = []
        for query in queries:
            target = interval_text(interpolate(query.target, variables))
            if target:
                answer = await self._wire.post("/render", render_body([target], time, max_data_points))
                found += self._frames(answer, {}, query.ref_id)
        return found

    async def annotations_of_events(
        self, tags: str, time: TimeRange, variables: Mapping[str, Values] = NO_VARIABLES
    ) -> list[Mark]:
        """Return a mark for every event with these tags."""
        fields = {
            "from": [event_time(time.raw_start, time.start_ms, False)],
            "until": [event_time(time.raw_end, time.end_ms, True)],
        }
        asked = interpolate(tags, variables)
        if asked:
            fields["tags"] = [asked]
        answer = await self._wire.get("/events/get_data?" + go_form(fields))
        return [_mark(event) for event in _array(answer.json(), "events")]

    async def alert(self, query: Query, time: TimeRange) -> list[PanelSeries]:
        """Return what an alert rule evaluates; series must be told apart by their labels alone."""
        series = await self.panel([query], time)
        seen = []
        for one in series:
            if one.labels in seen:
                raise ClientError(
                    "frame cannot uniquely be identified by its labels: has duplicate results with labels"
                    f" {one.labels}"
                )
            seen.append(one.labels)
        return series

    def _frames(self, answer: Answer, references: Mapping[str, str], ref_id: str) -> list[PanelSeries]:
        del references  # Nothing is wrapped: the request was about one query.
        return [_frame(row, row_target(row), ref_id, row_target(row)) for row in _rows(answer.json())]


class GraphiteGo122(GraphiteGo):
    """12.2 and 12.3 in backend mode: a missing range goes out as the text `undefined`."""

    no_range = "?from=undefined&until=undefined"


class GraphiteGoWrapped(GraphiteGo):
    """9.4 to 12.x: one request for all queries, each wrapped in aliasSub without a space after the comma."""

    async def panel(
        self,
        queries: Sequence[Query],
        time: TimeRange,
        variables: Mapping[str, Values] = NO_VARIABLES,
        max_data_points: int = 500,
    ) -> list[PanelSeries]:
        """Return the frames of all queries; `max_data_points` is always 500 here."""
        del max_data_points
        letters = {query.ref_id.replace(" ", "_"): query.ref_id for query in queries}
        targets = []
        for query in queries:
            target = interval_text(interpolate(query.target, variables))
            if target:
                letter = query.ref_id.replace(" ", "_")
                targets.append(f'aliasSub({target},"(^.*$)","\\1 {letter}")')
        if not targets:
            raise ClientError("no query target found for the alert rule")
        return self._frames(await self._wire.post("/render", render_body(targets, time, 500)), letters, "")

    async def save_and_test(self) -> None:
        """Ask for a constant line; these versions test in the browser, so this is an expression's query."""
        await self.panel([Query("constantLine(100)")], TimeRange(1795278380_000, 1795281980_000))

    def _frames(self, answer: Answer, references: Mapping[str, str], ref_id: str) -> list[PanelSeries]:
        found = []
        for row in _rows(answer.json()):
            target = row_target(row)
            name, space, letter = target.rpartition(" ")
            if not space:
                raise ClientError(f"received graphite response with invalid target format: {target}")
            # An unknown letter belongs to no query: an alert would see no data.
            found.append(_frame(row, name, references.get(letter, letter), None))
        return found


def render_body(targets: Sequence[str], time: TimeRange, max_data_points: int) -> str:
    """Return the render form in Go's order and encoding; times are whole seconds, rounded down."""
    return go_form(
        {
            "from": [str(time.start_ms // 1000)],
            "until": [str(time.end_ms // 1000)],
            "format": ["json"],
            "maxDataPoints": [str(max_data_points)],
            "target": targets,
        }
    )


def row_target(row: Mapping[str, Any]) -> str:
    """Return a row's `target`, which Go decodes as a string and takes as empty when absent."""
    target: str = _typed(row, "target", str, "")
    return target


def _rows(answer: Any) -> list[Mapping[str, Any]]:
    if isinstance(answer, dict) and isinstance(answer.get("series"), list):
        answer = answer["series"]
    return _array(answer, "render")


def _array(answer: Any, what: str) -> list[Any]:
    if not isinstance(answer, list | None):
        raise ClientError(f"{what}: json: cannot unmarshal into Go value of type []: {answer!r}")
    return answer or []


def _frame(row: Mapping[str, Any], name: str, ref_id: str, label: str | None) -> PanelSeries:
    found = []
    for point in row.get("datapoints") or []:
        value, timestamp = [*point, None, None][:2]
        for number in (value, timestamp):
            if isinstance(number, bool) or not isinstance(number, int | float | None):
                raise ClientError(f"json: cannot unmarshal {number!r} into Go value of type float64")
        if timestamp is None:
            raise ClientError("failed to parse data point timestamp")
        found.append((value, int(timestamp) * 1000))
    tags = _typed(row, "tags", dict, {})
    texts = {key: str(value) for key, value in tags.items() if isinstance(value, str | int | float)}
    if label is not None and "name" in texts:
        # The newest replaces this one label by the series name up to a semicolon.
        texts["name"] = label.partition(";")[0]
    return PanelSeries(name, found, ref_id, texts)


def _choice(item: Mapping[str, Any]) -> Choice:
    for flag in ("allowChildren", "expandable", "leaf"):
        _typed(item, flag, int, 0)
    _typed(item, "id", str, "")
    return Choice(_typed(item, "text", str, ""), bool(item.get("expandable")))


def _mark(event: Mapping[str, Any]) -> Mark:
    tags = _typed(event, "tags", list, [])
    if not all(isinstance(tag, str) for tag in tags):
        raise ClientError(f"json: cannot unmarshal tags {tags!r} into Go value of type string")
    when = _typed(event, "when", int, 0)
    return Mark(when * 1000, _typed(event, "what", str, ""), tuple(tags), _typed(event, "data", str, ""))


def _typed(item: Any, key: str, kind: type[Any], missing: Any) -> Any:
    if not isinstance(item, dict):
        raise ClientError(f"json: cannot unmarshal {item!r} into Go struct")
    value = item.get(key)
    if value is None:
        return missing
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ClientError(
            f"json: cannot unmarshal {value!r} into Go struct field {key} of type {kind.__name__}"
        )
    return value
