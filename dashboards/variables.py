"""The variables, annotations and links that every dashboard has."""

from __future__ import annotations

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

from dashboards.graphite import SOURCE, EventTags

TAG = "engmetrics"


def datasource() -> DatasourceVariable:
    """Return the choice among Graphite datasources, the provisioned one first."""
    return (
        DatasourceVariable("Datasource")
        .label("Data source")
        .type("graphite")
        .current(VariableOption(selected=True, text="engmetrics", value="engmetrics"))
    )


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


def iterations() -> AnnotationQuery:
    """Return the marks at starts and ends of iterations."""
    target = EventTags(tags=["iteration"])
    annotation = AnnotationQuery().name("Iterations").datasource(SOURCE).enable(True).icon_color("#5794F2")
    annotation.build().target = target
    return annotation


def siblings() -> DashboardLink:
    """Return the links to the other dashboards; the chosen values and the time range go along."""
    return (
        DashboardLink("engmetrics")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .include_vars(True)
        .keep_time(True)
    )


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
