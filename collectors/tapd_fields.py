"""The custom fields of TAPD's workspaces: what `custom_field_one` and its like are called."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from collectors import Identity, Page, Since, collector
from collectors.tapd import HOUR_S, PerWorkspace, named
from collectors.tapd_client import inside
from metrics_api.core.errors import Skippable
from metrics_api.core.raw import Dating

ADDRESSES: Final = {"bug": "/bugs", "story": "/stories", "task": "/tasks"}


@collector
class CustomFields(PerWorkspace):
    """The settings of the custom fields of a workspace's bugs, stories and tasks."""

    name = "tapd.custom_fields"
    collection = "raw_tapd_custom_field"
    topics = ("custom_fields",)
    order = 28
    pause_s = HOUR_S

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """A page for each kind of item, with all of its fields.

        A kind that is not there keeps none of the others; raises Skippable at the end.
        """
        missing: Skippable | None = None
        for entity, address in ADDRESSES.items():
            try:
                rows = await self.client.listed(f"{address}/custom_fields_settings", {"workspace_id": scope})
            except Skippable as error:
                missing = missing or error
                continue
            key = f"{scope}:{entity}"
            records = [inside(row, "CustomFieldConfig") for row in rows]
            yield Page(records, about={"entity": entity, "key": key}, complete=(key,))
        if missing:
            raise missing

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """By TAPD's name of the field; it belongs to the kind of item in its workspace."""
        return Identity(f"{about['entity']}:{named(record, 'custom_field')}", about["key"])

    def dating(self) -> Dating | None:
        """Settings have no time of their own."""
        return None
