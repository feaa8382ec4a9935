"""A generated company's life: everything that happens to it, in the order of time.

The future is a heap of happenings, each with the time it is planned for. ``live`` lets all of them happen
up to an instant at their planned times; because every story draws from its own seeded source, living a year
in one call or day by day gives the same company. ``hasten`` lets the next few happen at once instead,
stamped with the present, so that a demonstration moves while one watches and nothing ever carries a time in
the future.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from simulator.bug_life import BugLife, born
from simulator.clock import beijing, beijing_day, midnight, office_moment, office_weight
from simulator.code_life import CodeLife, day_of_code
from simulator.products import PRODUCTS, Product
from simulator.records import Company

_ITERATION_DAYS = 14

#: What happens, given the time it was planned for and the time it is stamped with.
Happening = Callable[[datetime, datetime], None]


@dataclass(order=True, slots=True)
class _Entry:
    planned: datetime
    serial: int
    happening: Happening = field(compare=False)
    #: Tied to the calendar (iterations): never hastened.
    bound: bool = field(compare=False, default=False)
    #: Something a client of the servers can see.
    visible: bool = field(compare=False, default=True)


class Life:
    """The future of one company, from the midnight that begins ``start`` (a Beijing day) on."""

    def __init__(self, company: Company, seed: int, start: date) -> None:
        self._company, self._seed, self._start = company, seed, start
        self._heap: list[_Entry] = []
        self._serial = 0
        self._births = dict.fromkeys((product.workspace_id for product in PRODUCTS), 0)
        self._expected = dict.fromkeys((product.workspace_id for product in PRODUCTS), 0.0)
        self._scale = dict.fromkeys((product.workspace_id for product in PRODUCTS), 1.0)

    def begin(self, bugs: int, today: date) -> None:
        """Plan the first day such that at least that many bugs stand in the workspaces when ``today``
        begins.
        """
        days = [self._start + timedelta(days=number) for number in range((today - self._start).days)]
        for product in PRODUCTS:
            weight = sum(office_weight(day) * product.ramp(day, self._start) for day in days)
            # Six in a hundred more, for what is deleted or merged away.
            self._scale[product.workspace_id] = (bugs * product.share * 1.06 + 1) / max(weight, 1.0)
            self._plan_day(product, self._start)
            self._plan(
                midnight(self._start) + timedelta(hours=9), self._iteration_opens(product, 0), bound=True
            )

    def live(self, now: datetime) -> int:
        """Let everything planned up to ``now`` happen at its own time; returns how much of it is visible."""
        happened = 0
        while self._heap and self._heap[0].planned <= now:
            entry = heapq.heappop(self._heap)
            entry.happening(entry.planned, entry.planned)
            happened += entry.visible
        return happened

    def hasten(self, now: datetime, count: int) -> int:
        """Let what is due happen, then the next ``count`` visible happenings at once, stamped ``now``."""
        happened = self.live(now)
        aside: list[_Entry] = []
        wanted = happened + count
        while self._heap and happened < wanted:
            entry = heapq.heappop(self._heap)
            if entry.bound:
                aside.append(entry)
                continue
            entry.happening(entry.planned, now.replace(microsecond=0))
            happened += entry.visible
        for entry in aside:
            heapq.heappush(self._heap, entry)
        return happened

    def _plan(self, at: datetime, happening: Happening, *, bound: bool = False, visible: bool = True) -> None:
        self._serial += 1
        heapq.heappush(self._heap, _Entry(at, self._serial, happening, bound, visible))

    def _plan_day(self, product: Product, day: date) -> None:
        self._plan(midnight(day), lambda planned, at: self._day(product, day), visible=False)

    def _day(self, product: Product, day: date) -> None:
        key = product.workspace_id
        weight = office_weight(day) * product.ramp(day, self._start)
        self._expected[key] += weight * self._scale[key]
        rng = Random(f"{self._seed}/{key}/day/{day}")
        count = int(self._expected[key]) - self._births[key]
        for moment in sorted(office_moment(rng, day) for _ in range(count)):
            self._plan(moment, self._birth(product, self._births[key]))
            self._births[key] += 1
        for project_id, _ in product.repositories:
            for moment, story in day_of_code(product, project_id, self._seed, day, self._start):
                self._plan(moment, self._next_step(story))
        self._plan_day(product, day + timedelta(days=1))

    def _birth(self, product: Product, serial: int) -> Happening:
        def happen(planned: datetime, at: datetime) -> None:
            story = born(self._company, product, self._seed, serial, self._start, at)
            self._go_on(story, planned)

        return happen

    def _next_step(self, story: BugLife | CodeLife) -> Happening:
        def happen(planned: datetime, at: datetime) -> None:
            story.step(self._company, at)
            self._go_on(story, planned)

        return happen

    def _go_on(self, story: BugLife | CodeLife, planned: datetime) -> None:
        due = story.due(planned)
        if due is not None:
            self._plan(due, self._next_step(story))

    def _iteration_opens(self, product: Product, number: int) -> Happening:
        rng = Random(f"{self._seed}/{product.workspace_id}/iteration/{number}")
        first = self._start + timedelta(days=_ITERATION_DAYS * number - self._start.weekday())
        last = first + timedelta(days=_ITERATION_DAYS - 3)

        def happen(planned: datetime, at: datetime) -> None:
            workspace = self._company.workspaces[product.workspace_id]
            name = product.iteration_name.format(year=first.year, number=number + 1, start=first, end=last)
            iteration = workspace.add_iteration(
                {
                    "name": name,
                    "startdate": first.isoformat(),
                    "enddate": last.isoformat(),
                    "creator": f"user{product.team[0]:02d}",
                    "created": beijing(at),
                }
            )
            key = str(iteration["id"])
            # Closed whenever somebody thinks of it: from a few days to months after the end.
            closing = office_moment(rng, last + timedelta(days=rng.randrange(1, 90)))
            self._plan(closing, self._iteration_changes(product, key, {"status": "done"}), bound=True)
            if number % 12 == 5:
                renamed = office_moment(rng, first + timedelta(days=6))
                self._plan(
                    renamed, self._iteration_changes(product, key, {"name": f"{name} + 收尾"}), bound=True
                )
            opens = midnight(first + timedelta(days=_ITERATION_DAYS - 3)) + timedelta(
                hours=10, seconds=number
            )
            self._plan(opens, self._iteration_opens(product, number + 1), bound=True)

        return happen

    def _iteration_changes(self, product: Product, key: str, fields: dict[str, str]) -> Happening:
        def happen(planned: datetime, at: datetime) -> None:
            iteration = self._company.workspaces[product.workspace_id].iterations[key]
            iteration.update(fields, modified=beijing(at))
            if fields.get("status") == "done":
                iteration["completed"] = beijing(at)

        return happen


def live(company: Company, now: datetime) -> int:
    """Advance a generated company to ``now``; returns how many visible things happened.

    A company filled by hand has no life of its own: nothing happens.
    """
    return 0 if company.life is None else company.life.live(now)


def hasten(company: Company, now: datetime, count: int) -> int:
    """Advance a generated company to ``now`` and let ``count`` more things happen at ``now``."""
    return 0 if company.life is None else company.life.hasten(now, count)


def first_day(now: datetime, days: int) -> date:
    """The Beijing day on which a company of that age begins."""
    return beijing_day(now) - timedelta(days=days)
