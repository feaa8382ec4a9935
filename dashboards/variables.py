"""The variables, annotations and links that dashboards share."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.queries import SOURCE, Tagged

# Of each kind of annotation: the name beside its switch, the tag its events carry, their colour.
MARKS = (
    ("Iterations", "iteration", "#5794F2"),
    ("Releases", "release", "#37872D"),
    ("Git tags", "tag", "#8F3BB8"),
    ("Not collected", "gap", "#F2495C"),
    ("Stages changed", "stages", "#FF9830"),
)


def datasource() -> DatasourceVariable:
    """Return the choice among the datasources of one kind."""
    return DatasourceVariable("Datasource").label("Data source")


def product() -> QueryVariable:
    """Return the choice among products.

    Its name has a capital: Grafana puts a variable's value wherever `$name` stands, and a variable called
    `product` would capture its own query `$product`.
    """
    return _filter(
        "Product", "$product", "Products as configured; All asks for every product as one population."
    )


def version() -> QueryVariable:
    """Return the choice among the versions of the chosen products' bugs."""
    return _filter(
        "Version",
        "$bugversion=$Product",
        "Versions among the chosen products' bugs. All includes bugs without a version, N/A is only those.",
    )


def iteration() -> QueryVariable:
    """Return the choice among the chosen products' iterations, which are the versions of stories."""
    return _filter(
        "Iteration",
        "$version=$Product",
        "Iterations of the chosen products, newest first. All includes stories that are in none.",
    )


def one_iteration() -> QueryVariable:
    """Return the choice of one iteration, the newest at first."""
    chosen = iteration().description("Iterations of the chosen products, newest first.")
    chosen = chosen.multi(False).include_all(False)
    variable = chosen.build()
    variable.all_value, variable.current = None, None
    return chosen


def collector() -> QueryVariable:
    """Return the choice among the collectors of the chosen products, those of no product included."""
    return _filter(
        "Collector",
        "$collector=$Product",
        "What reads one kind of record, as tapd.bugs; some read what belongs to no product.",
    )


def marks() -> Iterator[AnnotationQuery]:
    """Yield the annotations; only iterations are shown from the start, more lines would hide the numbers."""
    for name, tag, colour in MARKS:
        annotation = AnnotationQuery().name(name).datasource(SOURCE).icon_color(colour)
        annotation.enable(tag == "iteration").build().target = Tagged(tags=[tag])
        yield annotation


def siblings() -> DashboardLink:
    """Return the links to the other dashboards; the chosen values and the time range go along."""
    return DashboardLink("engmetrics").type(DashboardLinkType.DASHBOARDS).include_vars(True).keep_time(True)


def _filter(name: str, query: str, description: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(name)
        .description(description)
        .query(query)
        .datasource(SOURCE)
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .regex("")
        # The API sorts, with N/A last.
        .sort(VariableSort.DISABLED)
        .multi(True)
        .include_all(True)
        .all_value("*")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
