"""What may be exported: the workspaces and projects of the context, each with its product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import web

from metrics_api.core.security import Principal
from metrics_api.routes.keys import EVALUATOR, SETTINGS, STORE

# (instance, id), as raw records are stamped.
Scope = tuple[str, str]

Parameter = Literal["workspace_id", "project_id"]

COLLECTIONS: Final[dict[Parameter, str]] = {
    "workspace_id": "raw_tapd_workspace",
    "project_id": "raw_gitlab_project",
}


@dataclass(frozen=True)
class Exportable:
    """One scope, the names it may be asked by (the last is shown) and its product, "" for none."""

    scope: Scope
    names: tuple[str, ...]
    product: str


async def exportable(
    app: web.Application, parameter: Parameter, asked: Sequence[str], principal: Principal
) -> list[Exportable]:
    """What a principal may export: the context's scopes of its products.

    Who may read everything may also have what has no product yet: scopes that the configuration lists, and
    asked ids that were collected but are not in the context, as in the second before it is read anew.
    """
    context = app[EVALUATOR].reader.world.context
    if parameter == "workspace_id":
        found = [
            Exportable((_instance(one.key), one.id), (one.id,), one.product)
            for one in context.workspaces.values()
        ]
        found += [
            Exportable((instance.name, identifier), (identifier,), "")
            for instance in app[SETTINGS].config.tapd
            for identifier in instance.workspaces
            if f"{instance.name}:{identifier}" not in context.workspaces
        ]
    else:
        found = [
            Exportable((_instance(one.key), one.id), (one.id, one.path), one.product)
            for one in context.projects.values()
        ]
    if principal.products is not None:
        return [one for one in found if one.product and principal.may_read(one.product)]
    scopes = {one.scope for one in found}
    fields = {"instance": 1, "key": 1}
    for document in await app[STORE].matching(COLLECTIONS[parameter], "key", asked, fields):
        scope = document["instance"], document["key"]
        if scope not in scopes:
            found.append(Exportable(scope, (document["key"],), ""))
    return found


def _instance(key: str) -> str:
    return key.partition(":")[0]
