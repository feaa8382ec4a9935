"""Webhooks of a living company: what happens to it is told to whoever asked for it, in its order."""

import asyncio
from collections import deque
from collections.abc import Mapping

from simulator.records import Company, GitlabHappening
from simulator.tapd_records import TapdHappening
from simulator.webhooks import GitlabSender, Sender, TapdSender
from simulator.webhooks_gitlab import gitlab_payload_of
from simulator.webhooks_tapd import tapd_payload_of

_WAITING = 20_000
_BATCH = 200


class Outbox:
    """The deliveries of a company that wait to be sent; the oldest are dropped beyond 20,000.

    It hears of everything from its making on. ``sent`` and ``failed`` count the deliveries that were answered
    well and those that were not; GitLab's that were not sent while its hook rested are ``skipped``.
    """

    def __init__(
        self, company: Company, *, tapd: TapdSender | None = None, gitlab: GitlabSender | None = None
    ) -> None:
        self._tapd, self._gitlab = tapd, gitlab
        self._waiting: deque[tuple[Sender, Mapping[str, object]]] = deque(maxlen=_WAITING)
        self._called = asyncio.Event()
        self.sent = self.failed = self.skipped = 0
        company.listeners.append(self._hear)

    @property
    def waiting(self) -> int:
        """How many deliveries wait."""
        return len(self._waiting)

    def _hear(self, happening: TapdHappening | GitlabHappening) -> None:
        sender: Sender | None = self._tapd
        payload: Mapping[str, object] | None
        if isinstance(happening, TapdHappening):
            payload = tapd_payload_of(happening) if sender is not None else None
        else:
            sender = self._gitlab
            payload = gitlab_payload_of(happening) if sender is not None else None
        if sender is not None and payload is not None:
            self._waiting.append((sender, payload))
            self._called.set()

    async def send(self) -> int:
        """Send everything that waits, each upstream's in its order; returns how many deliveries that were."""
        count = 0
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            count += len(batch)
            for sender in (self._tapd, self._gitlab):
                payloads = [payload for whose, payload in batch if whose is sender]
                if sender is None or not payloads:
                    continue
                for delivered in await sender.deliver_all(payloads):
                    self.sent += delivered.ok
                    self.failed += delivered.sent and not delivered.ok
                    self.skipped += not delivered.sent
        return count

    async def run(self) -> None:
        """Send whatever comes until cancelled."""
        while True:
            await self._called.wait()
            self._called.clear()
            await self.send()
