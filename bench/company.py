"""A skewed company that exists in numbers only: one of its six products holds 70 % of everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from metrics_api.core.config import Config, Product, Stage, Stages
from metrics_api.core.schema import FEEDS, LISTS
from metrics_api.core.sections import Escape
from metrics_api.core.store import Document

DAY_S = 86_400
BEGIN = 1_700_000_000
DAYS = 540
END = BEGIN + (DAYS + 20) * DAY_S
BUG_STAGES = (
    Stage(name="new", statuses=("new",), flag="waiting"),
    Stage(name="in_progress", statuses=("in_progress", "reopened"), flag="active"),
    Stage(name="blocked", statuses=("status_2",), flag="active"),
    Stage(name="resolved", statuses=("resolved",), flag="waiting", resolved=True),
    Stage(name="verified", statuses=("verified",), flag="waiting"),
    Stage(name="closed", statuses=("closed",), flag="done"),
    Stage(name="rejected", statuses=("rejected",), flag="dropped"),
)
STORY_STAGES = (
    Stage(name="planning", statuses=("planning",), flag="waiting"),
    Stage(name="developing", statuses=("developing",), flag="active"),
    Stage(name="testing", statuses=("status_3",), flag="active"),
    Stage(name="ready", statuses=("status_4",), flag="waiting"),
    Stage(name="done", statuses=("resolved",), flag="done"),
    Stage(name="rejected", statuses=("rejected",), flag="dropped"),
)
STAGES = {"bugs": BUG_STAGES, "stories": STORY_STAGES}
PRODUCTS = tuple(f"{number}" for number in range(1, 7))
WEIGHTS = (70, 10, 8, 6, 4, 2)
# Collectors run so often, and their records are kept for so long.
RUN_EVERY_S = 900
ITERATIONS = 40


def product_of(rng: Random) -> str:
    """The product of the next thing."""
    return rng.choices(PRODUCTS, WEIGHTS)[0]


def config() -> Config:
    """Six products of one workspace and one project each, seven stages of bugs and six of stories."""
    return Config(
        product=tuple(
            Product(
                name=f"Product {name}",
                workspaces=(name,),
                projects=(f"group/{name}",),
                stages=Stages(bugs=BUG_STAGES, stories=STORY_STAGES),
                escape=Escape(field="originphase", production=("production",)),
            )
            for name in PRODUCTS
        )
    )


def iterations() -> list[Document]:
    """Two weeks each, the same names in every product."""
    first = datetime.fromtimestamp(BEGIN, UTC).date()
    return [
        {
            "instance": "tapd",
            "workspace": product,
            "id": f"{product}{number:03d}",
            "tombstone": False,
            "name": f"Sprint {number}",
            "names": [],
            "status": "open",
            "created": BEGIN,
            "start": str(first + timedelta(days=14 * number)),
            "end": str(first + timedelta(days=14 * number + 13)),
            "removed_at": None,
        }
        for product in PRODUCTS
        for number in range(ITERATIONS)
    ]


def workspaces() -> list[Document]:
    """One for each product."""
    return [{"instance": "tapd", "id": one, "name": one, "tombstone": False} for one in PRODUCTS]


def projects() -> list[Document]:
    """One for each product."""
    return [
        {"instance": "gitlab", "id": one, "path": f"group/{one}", "name": one, "tombstone": False}
        for one in PRODUCTS
    ]


def places() -> list[tuple[str, str, str]]:
    """(collector, instance, scope) of all that is collected."""
    feeds = [name for names in FEEDS.values() for name in names]
    return [(name, name.split(".")[0], product) for name in feeds for product in PRODUCTS]


def watermarks() -> list[Document]:
    """All of it was read in the end."""
    at = datetime.fromtimestamp(END, UTC)
    lists = [(name, name.split(".")[0], "all") for name in sorted(set(LISTS.values()))]
    return [
        {"collector": collector, "instance": instance, "scope": scope, "started_at": at, "cursor": {}}
        for collector, instance, scope in [*places(), *lists]
    ]


def runs(after: datetime, upto: datetime) -> list[Document]:
    """The runs of some hours: one in a hundred failed."""
    first, last = int(after.timestamp()) // RUN_EVERY_S + 1, int(upto.timestamp()) // RUN_EVERY_S
    found: list[Document] = []
    for number in range(first, min(last, END // RUN_EVERY_S) + 1):
        at = datetime.fromtimestamp(number * RUN_EVERY_S, UTC)
        for place, (collector, instance, scope) in enumerate(places()):
            failed = (number + place) % 100 == 0
            found.append(
                {
                    "_id": f"{number}:{place}",
                    "collector": collector,
                    "instance": instance,
                    "scope": scope,
                    "state": "failed" if failed else "success",
                    "started_at": at,
                    "finished_at": at,
                    "seen": number % 7,
                    "error": "HTTP 502" if failed else None,
                    "interval_s": float(RUN_EVERY_S),
                }
            )
    return found


def stage_maps() -> list[Document]:
    """The stages as they were noted before."""
    return [
        {
            "_id": f"tapd:{product}:{topic}",
            "revision": 1,
            "versions": [
                {
                    "at": BEGIN,
                    "stages": [one.model_dump() | {"statuses": list(one.statuses)} for one in stages],
                }
            ],
        }
        for topic, stages in STAGES.items()
        for product in PRODUCTS
    ]
