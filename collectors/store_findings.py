"""What the doctor finds about the store."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from collectors.findings import Finding, clocks, counted, doubtful, fine, wrong
from metrics_api.core.days import utc_now
from metrics_api.core.errors import StoreUnavailable
from metrics_api.core.schema import RAW
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store, translated

TIMEOUT_S = 15.0
# An empty store makes its collections first.
PREPARE_S = 60.0
OLDEST_VERSION = 7
# What the embedded store bears well, and when to say so.
EMBEDDED_RECORDS = 200_000
NEARLY = 0.75
FREE_BYTES = 2**30
# A clock is read once, somewhere within the request.
SLACK_S = 2.0


async def store_findings(
    settings: Settings, store: Store, clock: Callable[[], datetime] = utc_now
) -> list[Finding]:
    """Whether it answers, takes writes, is new enough and large enough, and whether its clock agrees."""
    section = settings.config.store
    place = _place(section.uri) if section.uri else f"embedded in {section.data}"
    found: list[Finding] = []
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await store.probe()
            version, embedded = await _version(store)
        found.append(fine("store", f"{place}: {'SecantusDB' if embedded else 'MongoDB'} {version} answers"))
        if not embedded and int(version.partition(".")[0]) < OLDEST_VERSION:
            found.append(doubtful("store", f"MongoDB {version} is not tested", "use MongoDB 7 or 8"))
        if not section.uri and shutil.disk_usage(section.data).free < FREE_BYTES:
            says = f"less than 1 GB is free where {section.data} is"
            found.append(doubtful("store", says, "make room: with a full disk reads fail as well"))
        found.append(await _written(store, place))
        if embedded:
            found.append(await _room(store))
        found.append(clocks("clock store", await _skew(store, clock), SLACK_S))
        found += await _quarantined(store)
    except (StoreUnavailable, TimeoutError) as error:
        says = str(error) or f"no answer within {TIMEOUT_S:.0f} s"
        todo = "start it, or mend the address, the user and the password in MONGODB_URI"
        found.append(wrong("store", f"{place}: {says}", todo))
    return found


def _place(uri: str) -> str:
    """Where a store is, without user, password and options."""
    return re.sub(r"^(mongodb(?:\+srv)?://)(?:[^/]*@)?([^/?]*).*$", r"\1\2", uri, flags=re.DOTALL)


async def _command(store: Store, name: str) -> dict[str, Any]:
    with translated():
        return dict(await store.collection("counters").database.command(name))


async def _version(store: Store) -> tuple[str, bool]:
    """The version, and whether it is the embedded one."""
    build = await _command(store, "buildInfo")
    if "secantusVersion" in build:
        return str(build["secantusVersion"]), True
    return str(build["version"]), False


async def _written(store: Store, place: str) -> Finding:
    """Write a document as those writes are made on which a watermark depends, and take it away."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(PREPARE_S):
            await store.prepare()
            began = time.monotonic()
            with translated():
                made = await store.durable("state_doctor").insert_one({})
                await store.durable("state_doctor").delete_one({"_id": made.inserted_id})
    except (StoreUnavailable, TimeoutError) as error:
        return wrong(
            "store",
            f"{place} takes no writes: {error or f'none within {PREPARE_S:.0f} s'}",
            "give the user the role readWrite on the database, and look for a full disk or a lost majority",
        )
    return fine("store", f"it takes writes ({(time.monotonic() - began) * 1000:.0f} ms)")


async def _room(store: Store) -> Finding:
    """How near the embedded store is to what it bears well."""
    keys = [f"n:{collection}" for collection in RAW]
    records = sum(int(one["n"]) for one in await store.matching("counters", "_id", keys))
    says = f"the embedded store holds {records} records; it is good for some {EMBEDDED_RECORDS}"
    todo = "for production give a MongoDB 7 or 8 as MONGODB_URI"
    return doubtful("store", says, todo) if records > NEARLY * EMBEDDED_RECORDS else fine("store", says, todo)


async def _quarantined(store: Store) -> list[Finding]:
    waiting = len(await store.all("quarantine", {}, {"_id": 1}))
    if not waiting:
        return []
    todo = "`engmetrics quarantine list` says why, `engmetrics quarantine retry --all` reads them again"
    return [doubtful("quarantine", f"{counted(waiting, 'record')} could not be understood or stored", todo)]


async def _skew(store: Store, clock: Callable[[], datetime]) -> float:
    """Seconds our clock is ahead of the store's."""
    before = clock()
    theirs: datetime = (await _command(store, "hello"))["localTime"]
    ours = before + (clock() - before) / 2
    return (ours - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))).total_seconds()
