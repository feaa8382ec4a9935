"""What the doctor asks of an upstream counts in the quota that all processes of the account share."""

from __future__ import annotations

from metrics_api.core.days import utc_now
from metrics_api.core.store import Store
from simulator.running import Running
from tests.commands.examined import bad, configured, findings


async def test_the_requests_of_a_doctor_hold_places_of_their_account(
    upstreams: Running, store: Store
) -> None:
    before = utc_now()
    assert bad(await findings(configured(upstreams), store)) == []
    for name, server in (("tapd:tapd", upstreams.tapd), ("gitlab:gitlab", upstreams.gitlab)):
        account = await store.one("quotas", name)
        assert account is not None
        (share,) = account["shares"].values()
        # It left: others may take these places a window after its last request.
        assert share["places"] == server.counters.total > 1
        assert share["wants"] is False
        assert before < share["until"] <= utc_now()
