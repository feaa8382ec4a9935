"""Grafana's own Graphite datasource, its browser side from 11.6 on: every target wrapped in aliasSub."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.replay.graphite_94 import SERIES_REFERENCE, Graphite94, labels, points
from tests.replay.wire import ClientError, PanelSeries, Query, Values, interpolate, interval_text


class Graphite116(Graphite94):
    """The requests of 9.4 with the query's letter put behind each series name, and taken off again."""

    def _targets(self, queries: Sequence[Query], variables: Mapping[str, Values]) -> dict[str, str]:
        written = {query.ref_id: query.target for query in queries}
        wrapped = {query.ref_id: interval_text(interpolate(_wrapped(query), variables)) for query in queries}
        for query in queries:
            text = _resolved(wrapped[query.ref_id], query.ref_id, wrapped, written)
            wrapped[query.ref_id] = interpolate(text, variables)
        return wrapped

    def _series(self, row: Mapping[str, Any], references: Mapping[str, str]) -> PanelSeries:
        # The last word is always taken for the query's letter.
        name, _, letter = row["target"].rpartition(" ")
        if not name:
            return PanelSeries(row["target"], points(row), None, labels(row))
        return PanelSeries(name, points(row), references.get(letter), labels(row))


def _wrapped(query: Query) -> str:
    letter = query.ref_id.replace(" ", "_")
    return f'aliasSub({query.target}, "(^.*$)", "\\1 {letter}")'


def _resolved(text: str, own: str, wrapped: Mapping[str, str], written: Mapping[str, str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        letter = match.group(1)
        if letter == own:
            return wrapped[letter] or match.group()
        if letter not in written:
            raise ClientError("Cannot read properties of undefined (reading 'replace')")
        return SERIES_REFERENCE.sub(replaced, written[letter]) or match.group()

    return SERIES_REFERENCE.sub(replaced, text)
