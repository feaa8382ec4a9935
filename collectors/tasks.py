"""The worker beside the scheduler's jobs: takes tasks from the queue and does them.

Any number of processes may have one. A task is worked on under its lease, and one of a few places, which are
leases too: whoever vanishes loses both when they run out, and another goes on with the task where it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from metrics_api.core.concurrency import to_the_end
from metrics_api.core.errors import EngmetricsError, StoreUnavailable
from metrics_api.core.leases import Lease, LeaseLost, Leases, LeaseTaken
from metrics_api.core.store import Store
from metrics_api.core.task_types import Task, TaskProgress
from metrics_api.core.tasks import AT_ONCE, Tasks, described, progress

log = logging.getLogger(__name__)

LOOK_S = 1.0
NOTE_S = 1.0
PLACES = [f"task_place:{number}" for number in range(AT_ONCE)]


class Work:
    """A task in hand: what is done of it is noted in its document."""

    def __init__(self, tasks: Tasks, task: Task, lease: Lease) -> None:
        self.tasks = tasks
        self.task = task
        self.lease = lease
        self._far: TaskProgress | None = None

    def far(self, done: int, total: int, unit: str, records: int, at: str) -> None:
        """Note how far it is; written within a second."""
        self._far = progress(done, total, unit, records, at)

    async def say(self, line: str) -> None:
        """Add a line to the log; raises LeaseLost where the task is another process's by now."""
        far, self._far = self._far, None
        changes = {"progress": far} if far else {}
        if line or changes:
            await self.tasks.note(self.task["_id"], self.lease, line, **changes)

    @asynccontextmanager
    async def noting(self) -> AsyncIterator[None]:
        """While inside, what `far` is told is written now and then."""
        noting = asyncio.create_task(self._noting(), name=f"note {self.task['_id']}")
        try:
            yield
        finally:
            noting.cancel()
            await asyncio.gather(noting, return_exceptions=True)

    async def _noting(self) -> None:
        while True:
            await asyncio.sleep(NOTE_S)
            if self._far is None:
                continue
            try:
                await self.say("")
            except LeaseLost:
                self.lease.lost = True
                return
            except StoreUnavailable as error:
                log.warning("a task's progress is not noted task=%s error=%s", self.task["_id"], error)


# Does a task; returns None, or why it failed.
Doer = Callable[[Work], Awaitable[str | None]]


class Worker:
    """Does tasks, each kind by its doer. `only` are the tasks to do (None: all).

    Nothing is taken before it was free for `grace_s`: so long another process has the first chance.
    """

    def __init__(
        self,
        store: Store,
        leases: Leases,
        doers: Mapping[str, Doer],
        only: Collection[str] | None = None,
        grace_s: float = 0.0,
    ) -> None:
        self._tasks = Tasks(store)
        self._leases = leases
        self._doers = doers
        self._only = only
        self._grace_s = grace_s
        self._working: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[str, float] = {}

    async def run(self) -> None:
        """Do what is asked for until cancelled; what is not done then waits for another process."""
        try:
            while True:
                try:
                    await self._look()
                except StoreUnavailable as error:
                    log.warning("tasks wait error=%s", error)
                await asyncio.sleep(LOOK_S)
        finally:
            working = list(self._working.values())
            for one in working:
                one.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def _look(self) -> None:
        for name, one in list(self._working.items()):
            if one.done():
                del self._working[name]
                self._ended(name, one)
        free = await self._free()
        now = asyncio.get_running_loop().time()
        self._seen = {name: self._seen.get(name, now) for name in free}
        for name in free:
            if now - self._seen[name] >= self._grace_s and len(self._working) < AT_ONCE:
                self._working[name] = asyncio.create_task(self._taken(name), name=f"task {name}")

    async def _free(self) -> list[str]:
        """The tasks that nobody works on, the oldest first."""
        found = [
            task["_id"]
            for task in await self._tasks.open()
            if task["_id"] not in self._working and (self._only is None or task["_id"] in self._only)
        ]
        free = await self._leases.free([_lease(name) for name in found])
        return [name for name in found if _lease(name) in free]

    def _ended(self, name: str, one: asyncio.Task[None]) -> None:
        error = None if one.cancelled() else one.exception()
        if error is not None:
            expected = isinstance(error, EngmetricsError)
            log.warning("a task was left task=%s: %s", name, error, exc_info=None if expected else error)

    async def _taken(self, name: str) -> None:
        """Do a task, unless all places are taken or another process was quicker."""
        async with AsyncExitStack() as stack:
            try:
                lease = await stack.enter_async_context(self._leases.held(_lease(name)))
            except LeaseTaken:
                return
            # Last, lest two that want the same task take the places of two.
            if not await self._placed(stack):
                return
            task = await self._tasks.claim(name, lease)
            if task is not None:
                await self._done(Work(self._tasks, task, lease))

    async def _placed(self, stack: AsyncExitStack) -> bool:
        """Take one of the places until the stack is left; False where there is none."""
        for place in await self._leases.free(PLACES):
            try:
                await stack.enter_async_context(self._leases.held(place))
            except LeaseTaken:
                continue
            return True
        return False

    async def _done(self, work: Work) -> None:
        """Do a task and note how it ended; where that cannot be told, it is taken up again."""
        task, lease = work.task, work.lease
        log.info("task taken task=%s what=%r generation=%d", task["_id"], described(task), lease.generation)
        try:
            await work.say("taken over from a process that vanished" if lease.taken_over else "begun")
            async with work.noting():
                error = await self._doers[task["kind"]](work)
            await work.say("")
            await self._tasks.end(task["_id"], lease, error)
        except asyncio.CancelledError:
            await to_the_end(self._put_back(work))
            raise
        except (LeaseLost, StoreUnavailable):
            raise
        except BaseException as failure:
            expected = isinstance(failure, EngmetricsError)
            reason = str(failure) if expected else f"{type(failure).__name__}: {failure}"
            await self._tasks.end(task["_id"], lease, reason[:500])
            raise
        log.info("task over task=%s error=%s", task["_id"], error)

    async def _put_back(self, work: Work) -> None:
        try:
            await self._tasks.put_back(work.task["_id"], work.lease)
        except EngmetricsError as error:
            # Its lease is given back all the same, and it is taken up as after a crash.
            log.warning("a task was not put back task=%s: %s", work.task["_id"], error)


def _lease(name: str) -> str:
    return f"task:{name}"
