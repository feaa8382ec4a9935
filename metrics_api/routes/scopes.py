"""Which workspaces and projects there are to export, and which product each belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from metrics_api.routes.keys import SETTINGS, STORE

# (instance, id), as raw records are stamped.
Scope = tuple[str, str]


@dataclass(frozen=True)
class Exportable:
    """One scope, the names it may be asked by (the last is shown) and its product, None for none."""

    scope: Scope
    names: tuple[str, ...]
    product: str | None


async def workspaces(app: web.Application) -> list[Exportable]:
    """The TAPD workspaces that were collected or configured, asked for by id."""
    config = app[SETTINGS].config
    names: dict[Scope, str] = {
        (instance.name, identifier): identifier
        for instance in config.tapd
        for identifier in instance.workspaces
    }
    for document in await app[STORE].all("raw_tapd_workspace"):
        identifier = str(document["data"].get("id", document["key"]))
        names[document["instance"], identifier] = str(document["data"].get("name", identifier))
    products = {
        config.workspace_key(text): product.name for product in config.product for text in product.workspaces
    }
    # A workspace no product names is a product of its own, called as TAPD calls it.
    return [
        Exportable(scope, (scope[1],), products.get(":".join(scope), name)) for scope, name in names.items()
    ]


async def projects(app: web.Application) -> list[Exportable]:
    """The GitLab projects that were collected, asked for by id or by path with namespace."""
    config = app[SETTINGS].config
    products = {
        config.project_key(text): product.name for product in config.product for text in product.projects
    }
    found = []
    for document in await app[STORE].all("raw_gitlab_project"):
        identifier = str(document["data"].get("id", document["key"]))
        path = str(document["data"].get("path_with_namespace", identifier))
        product = products.get(f"{document['instance']}:{path}")
        found.append(Exportable((document["instance"], identifier), (identifier, path), product))
    return found
