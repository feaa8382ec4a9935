"""Sharing an account's quota among processes: each holds some of its places, together never more than all.

The account is one document in the store. A process takes places when it wants to send and gives back those it
does not need, but never one that a request of its last window may still count for: what all hold together is
at no time more than the quota. Whoever vanishes keeps its places until a window after its word ran out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from metrics_api.core.days import utc_now
from metrics_api.core.schema import AccountQuota, QuotaShare
from metrics_api.core.store import DuplicateKeyError, Store, translated

# A window's thirtieth: two seconds of a minute.
BEATS = 30
# A word holds for so many beats.
WORD_BEATS = 5
# By how much the clocks of machines may differ, as a part of the window: five seconds of a minute.
CLOCKS = 1 / 12
# So much of the quota is taken at once.
STEP = 0.1


@dataclass(frozen=True)
class Need:
    """What a process says of itself: the places its last window holds, and whether requests wait."""

    used: int
    waiting: bool


@dataclass(frozen=True)
class Grant:
    """What it gets: how many places it may fill, and for how many seconds all are to wait."""

    places: int
    pause_s: float


class Account:
    """One account of which several processes may hold shares; `owner` is this one."""

    def __init__(self, store: Store, name: str, owner: str) -> None:
        self._store = store
        self._name = name
        self._owner = owner

    async def beat(self, need: Need, limit: int, window_s: float, pause_s: float = 0.0) -> Grant:
        """Say what is needed and hear what is granted, until `WORD_BEATS` later; raises StoreUnavailable.

        `pause_s` lets all processes wait: the upstream said that it was too much.
        """
        beat_s = window_s / BEATS
        while True:
            account = await self._account()
            now = utc_now()
            others = _live(account, self._owner, now, window_s)
            places = granted(need, limit, others, now)
            ours: QuotaShare = {
                # Those of the last window are held on, whatever is granted.
                "places": max(places, need.used),
                "wants": need.waiting,
                "until": now + timedelta(seconds=WORD_BEATS * beat_s),
            }
            paused = max(account["paused_until"], now + timedelta(seconds=pause_s))
            if await self._kept(account, others | {self._owner: ours}, paused):
                return Grant(places, max((paused - now).total_seconds(), 0.0))

    async def leave(self, used: int, window_s: float) -> None:
        """Give back all but the places of the last window, which others may take a window later."""
        while True:
            account = await self._account()
            now = utc_now()
            shares = _live(account, self._owner, now, window_s)
            if used:
                shares[self._owner] = {"places": used, "wants": False, "until": now}
            if await self._kept(account, shares, account["paused_until"]):
                return

    async def _account(self) -> AccountQuota:
        found = await self._store.one("quotas", self._name)
        if found is None:
            return {"_id": self._name, "revision": 0, "paused_until": _EPOCH, "shares": {}}
        return cast(AccountQuota, found)

    async def _kept(
        self, before: AccountQuota, shares: dict[str, QuotaShare], paused_until: datetime
    ) -> bool:
        """Write the account unless another process was quicker."""
        after = {**before, "revision": before["revision"] + 1, "paused_until": paused_until, "shares": shares}
        quotas = self._store.durable("quotas")
        with translated():
            if not before["revision"]:
                try:
                    await quotas.insert_one(dict(after))
                except DuplicateKeyError:
                    return False
                return True
            same = {"_id": self._name, "revision": before["revision"]}
            return bool((await quotas.replace_one(same, dict(after))).matched_count)


def granted(need: Need, limit: int, others: dict[str, QuotaShare], now: datetime) -> int:
    """How many places a process may fill, beside what others hold; no more than its part where others wait.

    Who has nothing waiting gives back whatever it does not use.
    """
    step = max(int(limit * STEP), 1) if need.waiting else 0
    free = max(limit - sum(one["places"] for one in others.values()), 0)
    wanting = sum(one["wants"] and one["until"] > now for one in others.values())
    wish = need.used + step
    if wanting:
        wish = min(wish, max(limit // (wanting + 1), 1))
    return min(wish, free)


def _live(account: AccountQuota, owner: str, now: datetime, window_s: float) -> dict[str, QuotaShare]:
    """The shares of other processes whose requests may still count."""
    oldest = now - timedelta(seconds=window_s * (1 + CLOCKS))
    return {name: one for name, one in account["shares"].items() if name != owner and one["until"] > oldest}


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
