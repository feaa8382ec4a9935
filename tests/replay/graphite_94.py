"""Grafana's own Graphite datasource, its browser side in 9.4 to 11.5."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from tests.replay.wire import (
    Choice,
    ClientError,
    Mark,
    PanelSeries,
    Query,
    TimeRange,
    Values,
    Wire,
    browser_query,
    interpolate,
    interval_text,
    uri_component,
)

NO_VARIABLES: Mapping[str, Values] = {}
SERIES_REFERENCE = re.compile(r"#([A-Z])")


def panel_seconds(milliseconds: int, round_up: bool) -> int:
    """Return the epoch second of a range's end; off a full minute it is widened by one second."""
    second = milliseconds // 1000
    if second % 60:
        second += 1 if round_up else -1
    return second


def event_time(raw: str | None, milliseconds: int, round_up: bool) -> str:
    """Return a range's end as the events request spells it: `now`, `-6h`, `-30min`, else epoch seconds."""
    if raw == "now":
        return raw
    if raw is not None and "now-" in raw and "/" not in raw:
        return raw[3:].replace("m", "min", 1).replace("M", "mon", 1)
    return str(panel_seconds(milliseconds, round_up))


class Graphite94:
    """One configured datasource; `url` as typed into Grafana, e.g. `http://host:port/graphite`."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._wire = Wire(session, url)

    async def save_and_test(self) -> None:
        """Ask for a constant line; raises ClientError where Grafana would show an error.

        Asked twice: Grafana's range is a date that some browsers cannot parse, and without a date the
        request goes out without from and until.
        """
        constant = [Query("constantLine(100)")]
        for time in (TimeRange(1795278380_000, 1795281980_000), None):
            answer = (await self._wire.post("/render", self.render_body(constant, time, {}, 300))).json()
            self._read(answer, {"A": "A"})

    async def variable(
        self, query: str, variables: Mapping[str, Values] = NO_VARIABLES, time: TimeRange | None = None
    ) -> list[Choice]:
        """Return the options of a variable of type Default; `time` when it refreshes with the range."""
        path = "/metrics/find"
        if time is not None:
            start, end = panel_seconds(time.start_ms, False), panel_seconds(time.end_ms, True)
            path += f"?from={start}&until={end}"
        # The browser code puts the query into the body as it is, not encoded.
        answer = (await self._wire.post(path, "query=" + interpolate(query, variables))).json()
        if not isinstance(answer, list | None):
            raise ClientError(f"find: not an array: {answer!r}")
        return [Choice(item["text"], bool(item["expandable"])) for item in answer or []]

    async def value_variable(
        self, target: str, time: TimeRange, variables: Mapping[str, Values] = NO_VARIABLES
    ) -> list[float]:
        """Return the options of a variable of type Value: the first series' truthy values."""
        series = await self.panel([Query(target)], time, variables)
        if not series:
            raise ClientError("Cannot read properties of undefined (reading 'fields')")
        return [value for value, _ in series[0].points if value]

    async def panel(
        self,
        queries: Sequence[Query],
        time: TimeRange,
        variables: Mapping[str, Values] = NO_VARIABLES,
        max_data_points: int = 500,
    ) -> list[PanelSeries]:
        """Return the series of a panel with these queries."""
        body = self.render_body(queries, time, variables, max_data_points)
        if not body:
            return []
        references = {query.ref_id.replace(" ", "_"): query.ref_id for query in queries}
        return self._read((await self._wire.post("/render", body)).json(), references)

    def render_body(
        self,
        queries: Sequence[Query],
        time: TimeRange | None,
        variables: Mapping[str, Values],
        max_data_points: int,
    ) -> str:
        """Return the form that asks for these queries, empty without a visible one."""
        targets = self._targets([query for query in queries if query.target], variables)
        shown = [targets[query.ref_id] for query in queries if query.target and not query.hide]
        if not shown:
            return ""
        fields = [("target", target) for target in shown]
        if time is not None:
            fields.append(("from", str(panel_seconds(time.start_ms, False))))
            fields.append(("until", str(panel_seconds(time.end_ms, True))))
        fields += [("format", "json"), ("maxDataPoints", str(max_data_points))]
        return "&".join(f"{key}={uri_component(value)}" for key, value in fields)

    async def annotations_of_metric(
        self, target: str, time: TimeRange, variables: Mapping[str, Values] = NO_VARIABLES
    ) -> list[Mark]:
        """Return a mark for every truthy value of the target."""
        series = await self.panel([Query(target, "Anno")], time, variables, 100)
        return [Mark(at_ms, row.name) for row in series for value, at_ms in row.points if value]

    async def annotations_of_events(
        self, tags: str, time: TimeRange, variables: Mapping[str, Values] = NO_VARIABLES
    ) -> list[Mark]:
        """Return a mark for every event with these tags; an answer that is no array gives none, silently."""
        start = event_time(time.raw_start, time.start_ms, False)
        end = event_time(time.raw_end, time.end_ms, True)
        path = f"/events/get_data?from={start}&until={end}"
        asked = interpolate(tags, variables)
        if asked:
            path += "&tags=" + browser_query(asked)
        answer = (await self._wire.get(path)).json()
        if not isinstance(answer, list):
            return []
        return [
            Mark(event["when"] * 1000, event["what"], _tags(event["tags"]), event["data"]) for event in answer
        ]

    def _targets(self, queries: Sequence[Query], variables: Mapping[str, Values]) -> dict[str, str]:
        targets = {query.ref_id: interval_text(interpolate(query.target, variables)) for query in queries}
        for query in queries:
            # "#A" stands for the text of query A, if there is one.
            targets[query.ref_id] = SERIES_REFERENCE.sub(
                lambda match: targets.get(match.group(1)) or match.group(), targets[query.ref_id]
            )
        return targets

    def _read(self, answer: Any, references: Mapping[str, str]) -> list[PanelSeries]:
        rows = answer.get("series", answer) if isinstance(answer, dict) else answer
        if not isinstance(rows, list):
            raise ClientError("Missing series in result")
        return [self._series(row, references) for row in rows]

    def _series(self, row: Mapping[str, Any], references: Mapping[str, str]) -> PanelSeries:
        del references  # Only 11.6 and later tell the series of several queries apart.
        return PanelSeries(row["target"], points(row), None, labels(row))


def points(row: Mapping[str, Any]) -> list[tuple[float | None, int]]:
    """Return a row's points in milliseconds; timestamps must be numbers."""
    if "datapoints" not in row:
        raise ClientError("Cannot read properties of undefined (reading 'length')")
    found = []
    for value, timestamp in row["datapoints"]:
        if isinstance(timestamp, bool) or not isinstance(timestamp, int | float):
            raise ClientError(f"Invalid date: {timestamp!r}")
        found.append((value, int(timestamp * 1000)))
    return found


def labels(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a row's tags as the labels of its field."""
    return {name: str(value) for name, value in (row.get("tags") or {}).items()}


def _tags(tags: str | Sequence[str]) -> tuple[str, ...]:
    if not isinstance(tags, str):
        return tuple(tags)
    return tuple(tags.split(",") if "," in tags else tags.split(" "))
