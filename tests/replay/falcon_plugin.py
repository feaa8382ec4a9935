"""The openfalcon datasource plugin for Grafana: datasource.js, the part that talks to us."""

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


def fix_targets(text: str) -> str:
    """Rewrite every `.` to `#`, except between four numbers; runs before variables are put in."""
    return re.sub(r"([0-9]+)#([0-9]+)#([0-9]+)#([0-9]+)", r"\1.\2.\3.\4", text.replace(".", "#"))


def seconds(milliseconds: int) -> int:
    """Return whole epoch seconds, rounded up."""
    return -(-milliseconds // 1000)


class FalconPlugin:
    """One configured datasource; `url` as typed into Grafana, e.g. `http://host:port/api/v1/grafana`."""

    def __init__(self, session: aiohttp.ClientSession, url: str, render_method: str = "POST") -> None:
        self._wire = Wire(session, url)
        self._render_method = render_method

    async def save_and_test(self) -> None:
        """Ask for nothing in particular; any answer of the 2xx kind is a success."""
        (await self._wire.get("/metrics/find?query=")).json()

    async def variable(self, query: str, variables: Mapping[str, Values] = NO_VARIABLES) -> list[Choice]:
        """Return the options of a variable with this query, in the answer's order."""
        asked = interpolate(query, variables)
        if asked == "*":
            asked = ""
        answer = (await self._wire.get("/metrics/find?query=" + uri_component(asked))).json()
        if not isinstance(answer, list | None):
            raise ClientError(f"find: not an array: {answer!r}")
        return [Choice(item["text"], bool(item["expandable"])) for item in answer or []]

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
        if self._render_method == "GET":
            answer = (await self._wire.get("/render?" + body)).json()
        else:
            answer = (await self._wire.post("/render", body)).json()
        return [_series(row) for row in answer or [] if row.get("Values") is not None]

    def render_body(
        self, queries: Sequence[Query], time: TimeRange, variables: Mapping[str, Values], max_data_points: int
    ) -> str:
        """Return the form that asks for these queries, empty without a visible one."""
        shown = [
            interval_text(interpolate(fix_targets(query.target), variables))
            for query in queries
            if query.target and not query.hide
        ]
        if not shown:
            return ""
        fields = [("target", target) for target in shown]
        fields += [("from", str(seconds(time.start_ms))), ("until", str(seconds(time.end_ms)))]
        fields += [("format", "json"), ("maxDataPoints", str(max_data_points))]
        return "&".join(f"{key}={uri_component(value)}" for key, value in fields)

    async def annotations_of_metric(
        self, target: str, time: TimeRange, variables: Mapping[str, Values] = NO_VARIABLES
    ) -> list[Mark]:
        """Return a mark for every truthy value of the target."""
        body = self.render_body([Query(target)], time, variables, 100)
        answer = (await self._wire.post("/render", body)).json()
        if not answer:
            # The plugin gets a bare array where it expects an object and looks at its data.
            raise ClientError("Cannot read properties of undefined (reading 'length')")
        rows = [_series(row) for row in answer if row.get("Values") is not None]
        return [Mark(at_ms, row.name) for row in rows for value, at_ms in row.points if value]

    async def annotations_of_events(
        self, tags: str, time: TimeRange, variables: Mapping[str, Values] = NO_VARIABLES
    ) -> list[Mark]:
        """Return a mark for every event with these tags."""
        path = f"/events/get_data?from={seconds(time.start_ms)}&until={seconds(time.end_ms)}"
        asked = interpolate(tags, variables)
        if asked:
            path += "&tags=" + browser_query(asked)
        answer = (await self._wire.get(path)).json()
        return [
            Mark(event["when"] * 1000, event["what"], _tags(event["tags"]), event["data"]) for event in answer
        ]


def _series(row: Mapping[str, Any]) -> PanelSeries:
    points = [(point["value"], point["timestamp"] * 1000) for point in row["Values"]]
    return PanelSeries(f"{row['endpoint']}.{row['counter']}", points)


def _tags(tags: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(tags.split()) if isinstance(tags, str) else tuple(tags)
