"""Collectors: the only code that knows the upstreams.

A collector is one class: its name, the raw collection it fills, when it runs, `fetch` and `identify`. The
runner does the rest (lease, watermark, storing, deriving, run record). `registry` finds the classes in the
modules of this package; one that cannot be used stops the start.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from metrics_api.core.errors import ConfigError
from metrics_api.core.raw import Dating
from metrics_api.core.schema import RAW, TOPICS
from metrics_api.core.store import Store

# The scope of collectors that run once per instance.
WHOLE = "all"


@dataclass(frozen=True)
class Since:
    """Where a run begins: the start of the last successful run, and what its collector noted.

    `at` is None until a first run succeeded; `cursor` is then how far the runs before it came. `now` is the
    start of this run (aware UTC). `back` says that `at` is an earlier day, from which on a task reads again;
    such a walk is long, and its cursor keeps its place as that of a first one does.
    """

    at: datetime | None
    cursor: Mapping[str, Any]
    now: datetime
    back: bool = False


@dataclass(frozen=True)
class Removal:
    """What a record says about another's end: epoch seconds, why, and the item that lives on, if any."""

    at: int
    why: str
    target: str = ""


@dataclass(frozen=True)
class Identity:
    """Which record this is: its id in its scope, the item it belongs to, and the removal it tells of.

    `asked` is the name in the configuration that led to it, if one did.
    """

    id: str
    key: str
    scope: str = ""
    removal: Removal | None = None
    asked: str = ""


@dataclass(frozen=True)
class Page:
    """Records as one request brought them.

    `about` says what was asked where the records do not. `cursor` is noted in the watermark once these
    records are stored: a stopped first run begins there again. The last one of a run is noted with its
    success, when all is derived. `complete` are the keys of which all records are here: others that are
    stored are not there any more. `done` of `total` is how far the run is.
    """

    records: Sequence[Any]
    about: Mapping[str, str] = field(default_factory=dict)
    cursor: Mapping[str, Any] | None = None
    complete: Sequence[str] = ()
    done: int = 0
    total: int = 0
    unit: str = "pages"


@dataclass(frozen=True)
class Progress:
    """How far a run is, for a display."""

    collector: str
    instance: str
    scope: str
    done: int
    total: int
    unit: str
    records: int


class Instance(Protocol):
    """What the configuration says of an instance, as far as every upstream has it."""

    @property
    def interval_minutes(self) -> int:
        """How often it is read."""


class Reaching(Protocol):
    """A client of one instance."""

    @property
    def config(self) -> Instance:
        """The instance's part of the configuration."""


Report = Callable[[Progress], None]
Client = TypeVar("Client", bound=Reaching)


class Collector(ABC, Generic[Client]):
    """Reads one kind of record of one instance; made once per instance and process.

    `order` is its place in a round, lower first. `pause_s` is how long it rests at least between two
    successful runs of a scope. `topics` are the topics its records feed. `removes` is the raw collection
    whose records its `Removal`s are about. `whole` says that its only scope is `WHOLE`: it finds the
    scopes of the others, and notes those that are there as `scopes` in its cursor. `completed_by` names the
    collector without whose records these tell but half: they are derived once it has succeeded in the scope.
    """

    upstream: ClassVar[str]
    name: ClassVar[str]
    collection: ClassVar[str]
    topics: ClassVar[tuple[str, ...]]
    order: ClassVar[int]
    pause_s: ClassVar[float] = 0.0
    removes: ClassVar[str] = ""
    whole: ClassVar[bool] = False
    completed_by: ClassVar[str] = ""

    def __init__(self, instance: str, client: Client, store: Store) -> None:
        self.instance = instance
        self.client = client
        self.store = store

    @property
    def interval_s(self) -> float:
        """How often its scopes are read."""
        return self.client.config.interval_minutes * 60.0

    @property
    def on(self) -> bool:
        """Whether the configuration wants it at all."""
        return True

    @abstractmethod
    async def scopes(self) -> list[str]:
        """The scopes to collect now; `WHOLE` alone for what belongs to no workspace or project."""

    @abstractmethod
    def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """Read what changed in a scope, page by page; raises UpstreamError."""

    @abstractmethod
    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """Which record this is; pure. Raises KeyError, TypeError or ValueError when it does not say."""

    def dating(self) -> Dating | None:
        """How versions of a record are told apart; None: by when they were read."""
        return None


Unit = type[Collector[Any]]
_UNITS: dict[str, Unit] = {}
U = TypeVar("U", bound=Unit)


def collector(unit: U) -> U:
    """Register a collector; refuses one whose declaration cannot be used, and two of one name."""
    for attribute in ("upstream", "name", "collection", "topics", "order"):
        if not hasattr(unit, attribute):
            raise ConfigError(f"collector {unit.__qualname__} declares no {attribute}")
    if not re.fullmatch(rf"{unit.upstream}\.[a-z_]+", unit.name):
        raise ConfigError(f"collector {unit.__qualname__}: {unit.name!r} is not <upstream>.<entity>")
    for collection in filter(None, (unit.collection, unit.removes)):
        if collection not in RAW:
            raise ConfigError(f"collector {unit.name}: {collection!r} is not a raw collection")
    unknown = set(unit.topics) - set(TOPICS)
    if unknown:
        raise ConfigError(f"collector {unit.name}: unknown topics {', '.join(sorted(unknown))}")
    left: frozenset[str] = getattr(unit, "__abstractmethods__", frozenset())
    if left:
        raise ConfigError(f"collector {unit.name} lacks {', '.join(sorted(left))}")
    twin = _UNITS.get(unit.name)
    if twin is not None and twin is not unit:
        raise ConfigError(f"two collectors are named {unit.name}: {twin.__qualname__}, {unit.__qualname__}")
    _UNITS[unit.name] = unit
    return unit


@cache
def _load() -> None:
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)


def registry() -> dict[str, Unit]:
    """All collectors by name, in the order of a round; imports the modules of this package."""
    _load()
    return dict(sorted(_UNITS.items(), key=lambda item: (item[1].order, item[0])))
