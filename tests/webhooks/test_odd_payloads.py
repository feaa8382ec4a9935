"""Recorded payloads with odd values in their places: understood, or refused as what goes to quarantine."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.derive import DERIVATIONS
from collectors.webhooks import READ, UNREADABLE
from metrics_api.core.envelopes import enveloped

ODD = [
    *(None, True, 0, -1, 1.5, 2**63, 10**25, float("nan"), "", "--", "0000-00-00", "x", "a" * 300),
    *("2013-12-03T17:23:34", "2013-12-03T17:23:34Z", "9999-99-99 00:00:00", "0001-01-01 00:00:00"),
    *([], [1], {}, {"id": {"a": 1}}, "\0", "\ud800", "push", "note", "bug::update", "|"),
]
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def places(payload: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every place in a payload, outer ones first."""
    for name, value in payload.items():
        yield (*at, name)
        if isinstance(value, dict):
            yield from places(value, (*at, name))


def changed(payload: Any, place: tuple[str, ...], value: Any) -> None:
    """Put a value in its place, where that still is one."""
    for name in place[:-1]:
        payload = payload[name] if isinstance(payload, dict) and name in payload else None
    if isinstance(payload, dict):
        payload[place[-1]] = copy.deepcopy(value)


def test_no_payload_however_odd_is_more_than_refused(recorded: Path) -> None:
    payloads = [
        (upstream, payload, list(places(payload)))
        for upstream in READ
        for file in sorted((recorded / f"{upstream}_webhooks").iterdir())
        for payload in [json.loads(file.read_bytes())]
    ]

    @settings(derandomize=True, max_examples=600, deadline=None, database=None)
    @given(st.data())
    def read_and_derived(data: st.DataObject) -> None:
        upstream, original, known = data.draw(st.sampled_from(payloads))
        payload = copy.deepcopy(original)
        for place in data.draw(st.lists(st.sampled_from(known), max_size=3)):
            changed(payload, place, data.draw(st.sampled_from(ODD)))
        body = json.dumps(payload).encode()
        try:
            collection, record = READ[upstream](
                {"_id": "k", "instance": "i", "received": 1, "about": {}, "size": 1, "body": body}
            )
        except UNREADABLE:
            return
        raw = {collection: [enveloped("i", record, NOW, None)]}
        for derivation in DERIVATIONS.values():
            if collection in derivation.inputs:
                derivation.wanted({record.key}, raw)
                derivation.derive(raw, "Asia/Shanghai")

    read_and_derived()
