"""The accounts that take part in TAPD's workspaces: under pseudonyms, unless people are enabled."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from collectors import Identity, Page, Since, collector
from collectors.pseudonyms import Pseudonyms, pseudonyms
from collectors.tapd import HOUR_S, PerWorkspace, named
from collectors.tapd_client import inside
from metrics_api.core.raw import Dating
from metrics_api.core.store import translated

# What an account is asked for by its name, and what of it says nothing about who it is.
NAMED = "user,user_id,role_id,name,email"
UNNAMED = "user,role_id"
HARMLESS = (
    "role_id",
    "status",
    "allocation",
    "join_project_time",
    "real_join_time",
    "leave_project_time",
)


@collector
class Users(PerWorkspace):
    """The accounts of a workspace, which come all at once.

    Without `[people] enabled` neither names nor addresses are asked for, and the name by which an account is
    known gives way to a pseudonym before anything is stored. What is stored of the other kind, from before
    the setting was changed, is deleted.
    """

    name = "tapd.users"
    collection = "raw_tapd_user"
    topics = ()
    order = 62
    pause_s = HOUR_S

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """One page with all of them; those that are stored and not on it take part no more."""
        enabled = self.client.people
        rows = await self.client.listed(
            "/workspaces/users", {"workspace_id": scope, "fields": NAMED if enabled else UNNAMED}
        )
        found = [inside(row, "UserWorkspace") for row in rows]
        if not enabled:
            known = await pseudonyms(self.store)
            found = [self._unnamed(record, known) for record in found]
        await self._forget_the_other_kind()
        yield Page(found, about={"workspace": scope}, complete=(scope,))

    def _unnamed(self, record: Any, known: Pseudonyms) -> dict[str, Any]:
        """The account without what says who it is; nothing of a row that names none."""
        try:
            user = named(record, "user")
        except (TypeError, ValueError):
            # It goes to quarantine, which is no place for names either.
            return {}
        kept = {name: record[name] for name in HARMLESS if name in record}
        return {"pseudonym": known.of(self.instance, user), **kept}

    async def _forget_the_other_kind(self) -> None:
        field = "pseudonym" if self.client.people else "user"
        named_so = await self.store.all(self.collection, {f"data.{field}": {"$exists": True}}, {"_id": 1})
        await self.store.remove(self.collection, [one["_id"] for one in named_so])
        if not self.client.people:
            with translated():
                await self.store.collection("quarantine").delete_many({"collection": self.collection})

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """By the pseudonym or the name; it belongs to its workspace."""
        known = isinstance(record, dict) and "pseudonym" in record
        return Identity(named(record, "pseudonym" if known else "user"), about["workspace"])

    def dating(self) -> Dating | None:
        """An account has no time of its own."""
        return None
