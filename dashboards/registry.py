"""The registry of dashboards: what `python -m dashboards build` builds."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync

import dashboards
from dashboards import variables

Filler = Callable[[Dashboard], Dashboard]
# The highest schema that Grafana 9.4 need not migrate from; newer Grafanas migrate it on loading.
SCHEMA_VERSION = 36


class Registry:
    """The dashboards by file name without its suffix; refuses duplicates of name and title."""

    def __init__(self) -> None:
        self._fillers: dict[str, tuple[str, str, Filler]] = {}

    def dashboard(self, slug: str, title: str, description: str) -> Callable[[Filler], Filler]:
        """Register the decorated function, which adds panels to an empty dashboard.

        `slug` names the file and ends the uid. Raises ValueError for a slug that is no
        lower-case word with dashes, or a slug or title already taken.
        """

        def register(fill: Filler) -> Filler:
            if not re.fullmatch(r"[a-z]+(-[a-z]+)*", slug):
                raise ValueError(f"dashboard {slug!r}: a slug is lower-case words joined by dashes")
            if slug in self._fillers or title in {taken for taken, _, _ in self._fillers.values()}:
                raise ValueError(f"dashboard {slug!r} ({title!r}) is registered twice")
            self._fillers[slug] = (title, description, fill)
            return fill

        return register

    def __iter__(self) -> Iterator[tuple[str, Dashboard]]:
        """Yield (slug, dashboard) in the order of slugs; no kind of datasource is chosen yet."""
        for slug, (title, description, fill) in sorted(self._fillers.items()):
            yield slug, fill(_empty(slug, title, description))


def _empty(slug: str, title: str, description: str) -> Dashboard:
    board = (
        Dashboard(title)
        .uid(slug)
        .description(description)
        .time("now-90d", "now")
        .timezone("browser")
        .week_start("monday")
        .refresh("5m")
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(variables.datasource())
        .with_variable(variables.product())
        .link(variables.siblings())
    )
    for mark in variables.marks():
        board.annotation(mark)
    board.build().schema_version = SCHEMA_VERSION
    return board


REGISTRY = Registry()


def load() -> Registry:
    """Import every module of this package, which registers its dashboards, and return the registry."""
    for module in pkgutil.iter_modules(dashboards.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"{dashboards.__name__}.{module.name}")
    return REGISTRY
