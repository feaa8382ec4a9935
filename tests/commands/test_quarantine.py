"""Quarantine: what lies there is shown, and read again the way it came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors.deriving import Deriver
from collectors.quarantine import listed, purged, retried
from collectors.webhooks import Webhooks
from metrics_api.core.config import Config, GitlabInstance, TapdInstance
from metrics_api.core.days import utc_now
from metrics_api.core.errors import UnknownName
from metrics_api.core.facts import Facts
from metrics_api.core.inbox import Inbox
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore, Record, encoded
from metrics_api.core.schema import Delivery
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from tests.collectors.bug_records import row

# Nobody listens there: what is read again needs no request.
TAPD = TapdInstance(url="http://127.0.0.1:9")
GITLAB = GitlabInstance(url="http://127.0.0.1:9")
LOGIN = {"ENGMETRICS_TAPD_TAPD_TOKEN": "hush", "ENGMETRICS_GITLAB_GITLAB_TOKEN": "hush"}
SETTINGS = Settings(Config(tapd=(TAPD,), gitlab=(GITLAB,)), LOGIN)
AT = datetime(2026, 3, 10, 12, 0, 0, tzinfo=UTC)


def bug(name: str, **data: Any) -> dict[str, Any]:
    """A bug as TAPD sends it."""
    return dict(row(name, **data)["data"])


def deriver(store: Store) -> Deriver:
    return Deriver(store, Facts(store, Leases(store)), RawStore(store), {})


async def kept(store: Store, data: Any, collection: str = "raw_tapd_bug") -> str:
    """Put a record into quarantine, as an older version might have; returns its id."""
    body = data if isinstance(data, bytes) else encoded(data)
    await RawStore(store).quarantine(collection, "tapd", "991", "not identified", body, AT)
    (found,) = [one for one in await store.all("quarantine") if bytes(one["body"]) == body[: 8 * 2**20]]
    return str(found["_id"])


async def results(store: Store, only: str | None = None, settings: Settings = SETTINGS) -> dict[str, str]:
    return {name: reason async for name, reason in retried(settings, store, only)}


async def there(store: Store) -> list[str]:
    return sorted(one["_id"] for one in await store.all("quarantine"))


async def test_what_is_there_is_listed_the_latest_first(store: Store) -> None:
    raw = RawStore(store)
    for minutes, scope in ((1, "991"), (3, "992"), (2, "993")):
        at = AT + timedelta(minutes=minutes)
        await raw.quarantine("raw_tapd_bug", "tapd", scope, f"odd {minutes}", b'{"id": ' + b"9" * 500, at)
    await raw.quarantine("raw_gitlab_event", "gitlab", "7", "no id", b"[]", AT)
    found, total = await listed(store, limit=3)
    assert total == 4
    assert [one.reason for one in found] == ["odd 3", "odd 2", "odd 1"]
    latest = found[0]
    assert (latest.collection, latest.instance, latest.scope) == ("raw_tapd_bug", "tapd", "992")
    assert latest.at == AT + timedelta(minutes=3)
    assert found[0].beginning == b'{"id": ' + b"9" * 113
    only, total = await listed(store, "raw_gitlab_event")
    assert ([one.beginning for one in only], total) == ([b"[]"], 1)


async def test_a_record_that_is_understood_by_now_is_stored_derived_and_let_go(store: Store) -> None:
    name = await kept(store, bug("7", status="new"))
    assert await results(store, name) == {name: ""}
    assert await there(store) == []
    stored = await store.one("raw_tapd_bug", "tapd:991:7")
    assert stored is not None
    assert (stored["data"]["status"], stored["updated_at"]) == ("new", AT)
    (fact,) = await store.all("fact_bugs")
    assert fact["_id"] == "tapd:991:7"


async def test_a_later_version_that_is_stored_stays(store: Store) -> None:
    name = await kept(store, bug("7", status="new", modified="2026-03-09 08:00:00"))
    later = bug("7", status="closed", modified="2026-03-10 08:00:00")
    await RawStore(store).upsert("raw_tapd_bug", "tapd", [Record("991", "7", "7", later)], utc_now())
    assert await results(store, name) == {name: ""}
    stored = await store.one("raw_tapd_bug", "tapd:991:7")
    assert stored is not None
    assert stored["data"]["status"] == "closed"


async def test_what_is_still_not_understood_stays_and_says_why(store: Store) -> None:
    nameless = await kept(store, {"title": "who am I"})
    no_object = await kept(store, ["a", "list"])
    no_json = await kept(store, b"{broken")
    huge = await kept(store, b" " * (8 * 2**20 + 1))
    found = await results(store)
    assert found[nameless] == "ValueError: the record has no id"
    assert found[no_object] == "TypeError: the record is not an object"
    assert found[no_json].startswith("JSONDecodeError: ")
    assert found[huge] == "only its beginning is kept: it is too large"
    assert await there(store) == sorted([nameless, no_object, no_json, huge])


async def test_what_the_store_cannot_hold_stays(store: Store) -> None:
    name = await kept(store, bug("7", effort=2**70))
    (reason,) = (await results(store, name)).values()
    assert "8-byte ints" in reason
    assert await there(store) == [name]
    assert await store.all("raw_tapd_bug") == []


async def test_a_removal_is_carried_out_at_last(store: Store) -> None:
    await RawStore(store).upsert("raw_tapd_bug", "tapd", [Record("991", "7", "7", bug("7"))], AT)
    gone = {"id": "7", "created": "2026-03-01 08:00:00", "modified": "2026-03-10 08:00:00", "type": "delete"}
    name = await kept(store, gone, "raw_tapd_removed_bug")
    assert await results(store, name) == {name: ""}
    stored = await store.one("raw_tapd_bug", "tapd:991:7")
    assert stored is not None
    assert stored["removed_at"] == datetime(2026, 3, 10, 0, 0, 0, tzinfo=UTC)


async def test_what_was_asked_for_a_record_is_remembered(store: Store) -> None:
    raw = RawStore(store)
    about = {"workspace": "991", "system": "bug", "kind": ""}
    body = encoded({"new": "新"})
    await raw.quarantine("raw_tapd_status_map", "tapd", "991", "not identified", body, AT, about=about)
    assert list((await results(store)).values()) == [""]
    assert await store.one("raw_tapd_status_map", "tapd:991:bug") is not None


async def test_what_could_not_be_derived_stays_until_it_can(store: Store) -> None:
    raw = RawStore(store)
    wrong = {"id": "5", "name": "v1", "startdate": "soon", "modified": "2026-03-09 08:00:00"}
    await raw.upsert("raw_tapd_iteration", "tapd", [Record("991", "5", "5", wrong)], AT)
    await deriver(store).derive("raw_tapd_iteration", "tapd", ["5"])
    (name,) = await there(store)
    (reason,) = (await results(store, name)).values()
    assert reason.startswith("not derived for iterations: ")
    assert await there(store) == [name]
    mended = wrong | {"startdate": "2026-03-02", "modified": "2026-03-11 08:00:00"}
    await raw.upsert("raw_tapd_iteration", "tapd", [Record("991", "5", "5", mended)], utc_now())
    assert await results(store, name) == {name: ""}
    assert await there(store) == []
    assert [fact["_id"] for fact in await store.all("fact_iterations")] == ["tapd:991:5"]


async def test_whose_record_it_is_has_to_be_known_and_on(store: Store) -> None:
    name = await kept(store, bug("7"))
    off = Settings(Config(tapd=(TAPD,)), {})
    assert await results(store, name, off) == {
        name: "no tapd tapd that collects raw_tapd_bug is configured and on"
    }
    # As it was kept before instances were noted.
    await store.collection("quarantine").update_one({"_id": name}, {"$unset": {"instance": ""}})
    two = Config(tapd=(TAPD, TapdInstance(name="second", url="http://127.0.0.1:9")))
    settings = Settings(two, LOGIN | {"ENGMETRICS_TAPD_SECOND_TOKEN": "hush"})
    assert await results(store, name, settings) == {
        name: "which instance it came from is not known, and several are configured"
    }
    assert await results(store, name) == {name: ""}


async def test_an_id_that_is_not_there_is_told(store: Store) -> None:
    with pytest.raises(UnknownName, match="nothing in quarantine is called 'nobody'"):
        await results(store, "nobody")
    assert await results(store) == {}


def delivery(name: str, body: bytes) -> Delivery:
    return {
        "_id": name,
        "instance": "gitlab",
        "received": 1_772_323_200_000,
        "about": {"event": "Wiki Page Hook"},
        "size": len(body),
        "body": body,
    }


async def test_a_delivery_of_a_webhook_goes_through_its_inbox_again(store: Store) -> None:
    leases, raw = Leases(store), RawStore(store)
    inbox, webhooks = Inbox(store, "gitlab"), Webhooks("gitlab", store, leases, raw, deriver(store))
    await inbox.put(delivery("abc", b"{broken"))
    await webhooks.drain()
    assert await there(store) == ["gitlab:abc"]
    (found,), _ = await listed(store)
    assert (found.collection, found.instance, found.beginning) == ("raw_gitlab_hook", "gitlab", b"{broken")
    (reason,) = (await results(store, "gitlab:abc")).values()
    assert reason.startswith("not understood: ")
    assert await there(store) == ["gitlab:abc"]
    # What a newer version would make of it.
    whole = b'{"object_kind": "feature_flag", "project": {"id": 5}}'
    await store.collection("quarantine").update_one({"_id": "gitlab:abc"}, {"$set": {"body": whole}})
    assert await results(store) == {"gitlab:abc": ""}
    assert await there(store) == []
    assert [one["_id"] for one in await store.all("raw_gitlab_hook")] == ["gitlab:5:abc"]


async def test_while_another_process_takes_deliveries_it_is_waited_for(store: Store) -> None:
    await Inbox(store, "gitlab").put(delivery("abc", b"{broken"))
    leases, raw = Leases(store), RawStore(store)
    await Webhooks("gitlab", store, leases, raw, deriver(store)).drain()
    async with Leases(store).held("inbox:gitlab"):
        assert await results(store) == {"gitlab:abc": "it waits in its inbox for `engmetrics collect`"}
    assert await there(store) == []
    assert (await Inbox(store, "gitlab").backlog())[0] == 1


async def test_what_is_purged_is_gone_with_its_file(store: Store) -> None:
    large = b"{" + b" " * (9 * 2**20)
    await Inbox(store, "gitlab").put(delivery("large", large))
    await Webhooks("gitlab", store, Leases(store), RawStore(store), deriver(store)).drain()
    old = await kept(store, bug("7"))
    other = await kept(store, {"id": "8"}, "raw_tapd_story")
    assert len(await store.all("bodies.files")) == 1
    with pytest.raises(UnknownName, match="nothing in quarantine is called 'nobody'"):
        await purged(store, "nobody")
    # The delivery came just now, the records in the year before.
    assert await purged(store, before=AT + timedelta(days=1), collection="raw_tapd_bug") == 1
    assert await there(store) == sorted([other, "gitlab:large"])
    assert await purged(store, before=AT) == 0
    assert await purged(store, "gitlab:large") == 1
    assert await store.all("bodies.files") == await store.all("bodies.chunks") == []
    assert old not in await there(store)
    assert await purged(store) == 1
    assert await there(store) == []
