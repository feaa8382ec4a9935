"""Recorded payloads with odd values in their places: understood, or refused as what goes to quarantine.

What facts they make, the API's frames can hold.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.derive import DERIVATIONS
from collectors.webhooks import READ, UNREADABLE
from metrics_api.context import Context
from metrics_api.core.envelopes import enveloped
from metrics_api.events import EventTable
from metrics_api.item_table import ItemTable
from metrics_api.topics import ITEM_TOPICS

ODD = [
    *(None, True, 0, -1, 1.5, 2**63, 10**25, float("nan"), "", "--", "0000-00-00", "x", "a" * 300),
    *("2013-12-03T17:23:34", "2013-12-03T17:23:34Z", "9999-99-99 00:00:00", "0001-01-01 00:00:00"),
    *([], [1], {}, {"id": {"a": 1}}, "\0", "\ud800", "push", "note", "bug::update", "|"),
]
# No instants that facts could hold, in the spellings of both upstreams.
ODD_TIMES = [
    *("0001-01-01 00:00:00", "1970-01-01 00:00:00", "2106-02-07 14:28:15", "9999-12-31 23:59:59"),
    *("0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "2106-02-07T06:28:15Z", "9999-12-31T23:59:59Z"),
]
TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def places(payload: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every place in a payload, outer ones first."""
    for name, value in payload.items():
        yield (*at, name)
        if isinstance(value, dict):
            yield from places(value, (*at, name))


def valued(payload: Any, place: tuple[str, ...]) -> Any:
    """What stands in a place of a payload."""
    for name in place:
        payload = payload[name]
    return payload


def changed(payload: Any, place: tuple[str, ...], value: Any) -> None:
    """Put a value in its place, where that still is one."""
    for name in place[:-1]:
        payload = payload[name] if isinstance(payload, dict) and name in payload else None
    if isinstance(payload, dict):
        payload[place[-1]] = copy.deepcopy(value)


def held(topic: str, facts: Sequence[Any]) -> None:
    """Take facts into a frame, where the topic has one."""
    context = Context("Asia/Shanghai")
    stamped: list[Any] = [{**fact, "generation": 1, "seq": 1, "tombstone": False} for fact in facts]
    if topic in ITEM_TOPICS:
        ItemTable(ITEM_TOPICS[topic], context).apply(stamped)
    elif topic == "events":
        EventTable(context).apply(stamped)


def recorded_payloads(recorded: Path) -> list[tuple[str, Any, list[tuple[str, ...]]]]:
    """Each payload with its upstream and all its places."""
    return [
        (upstream, payload, list(places(payload)))
        for upstream in READ
        for file in sorted((recorded / f"{upstream}_webhooks").iterdir())
        for payload in [json.loads(file.read_bytes())]
    ]


def read_and_derived(upstream: str, payload: Any) -> None:
    """Do with a payload what is done with a delivery, up to the frames."""
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
            held(derivation.topic, derivation.derive(raw, "Asia/Shanghai").facts)


def test_no_payload_however_odd_is_more_than_refused(recorded: Path) -> None:
    payloads = recorded_payloads(recorded)

    @settings(derandomize=True, max_examples=600, deadline=None, database=None)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        upstream, original, known = data.draw(st.sampled_from(payloads))
        payload = copy.deepcopy(original)
        for place in data.draw(st.lists(st.sampled_from(known), max_size=3)):
            changed(payload, place, data.draw(st.sampled_from(ODD)))
        read_and_derived(upstream, payload)

    holds()


def test_no_time_that_facts_cannot_hold_comes_into_them(recorded: Path) -> None:
    tried = 0
    for upstream, original, known in recorded_payloads(recorded):
        for place in known:
            if TIME.match(str(valued(original, place))):
                for time in ODD_TIMES:
                    payload = copy.deepcopy(original)
                    changed(payload, place, time)
                    read_and_derived(upstream, payload)
                    tried += 1
    assert tried > 500
