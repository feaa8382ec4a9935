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

from simulator import bug_life, story_life
from simulator.clock import beijing_day, midnight, office_moment, office_weight
from simulator.code_life import day_of_code
from simulator.plan_life import Happening, PlanLife
from simulator.products import PRODUCTS, Product
from simulator.records import Company
from simulator.steps import Course


@dataclass(order=True, slots=True)
class _Entry:
    planned: datetime
    serial: int
    happening: Happening = field(compare=False)
    #: Tied to the calendar (iterations): never hastened.
    bound: bool = field(compare=False, default=False)
    #: Something a client of the servers can see.
    visible: bool = field(compare=False, default=True)


@dataclass
class _Births:
    """The items of one kind that a product gets: how many so far, how many by now, and how they begin."""

    name: str
    begin: Callable[[Company, Product, int, int, date, datetime], Course]
    scale: float
    expected: float = 0.0
    count: int = 0


class Life:
    """The future of one company, from the midnight that begins ``start`` (a Beijing day) on."""

    def __init__(self, company: Company, seed: int, start: date) -> None:
        self._company, self._seed, self._start = company, seed, start
        self._heap: list[_Entry] = []
        self._serial = 0
        self._births: dict[str, tuple[_Births, ...]] = {}

    def begin(self, bugs: int, stories: int, today: date) -> None:
        """Plan the first day such that at least that many bugs, and about so many stories, stand in the
        workspaces when ``today`` begins.
        """
        days = [self._start + timedelta(days=number) for number in range((today - self._start).days)]
        for product in PRODUCTS:
            weight = max(sum(office_weight(day) * product.ramp(day, self._start) for day in days), 1.0)
            # Six in a hundred more, for what is deleted or merged away.
            wanted = (bugs * product.share * 1.06 + 1) / weight
            planned = stories * product.share * story_life.BIRTHS_PER_STORY / weight
            self._births[product.workspace_id] = (
                _Births("day", bug_life.born, wanted),
                _Births("stories", story_life.born, planned),
            )
            self._plan_day(product, self._start)
            PlanLife(self._company, product, self._seed, self._start, self._plan_bound).begin()

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

    def _plan_bound(self, at: datetime, happening: Happening) -> None:
        self._plan(at, happening, bound=True)

    def _plan_day(self, product: Product, day: date) -> None:
        self._plan(midnight(day), lambda planned, at: self._day(product, day), visible=False)

    def _day(self, product: Product, day: date) -> None:
        weight = office_weight(day) * product.ramp(day, self._start)
        for births in self._births[product.workspace_id]:
            births.expected += weight * births.scale
            rng = Random(f"{self._seed}/{product.workspace_id}/{births.name}/{day}")
            count = int(births.expected) - births.count
            for moment in sorted(office_moment(rng, day) for _ in range(count)):
                self._plan(moment, self._birth(product, births, births.count))
                births.count += 1
        for project_id, _ in product.repositories:
            for moment, story in day_of_code(product, project_id, self._seed, day, self._start):
                self._plan(moment, self._next_step(story))
        self._plan_day(product, day + timedelta(days=1))

    def _birth(self, product: Product, births: _Births, serial: int) -> Happening:
        def happen(planned: datetime, at: datetime) -> None:
            self._go_on(births.begin(self._company, product, self._seed, serial, self._start, at), planned)

        return happen

    def _next_step(self, course: Course) -> Happening:
        def happen(planned: datetime, at: datetime) -> None:
            begun = course.step(self._company, at)
            for one in (course, *begun):
                self._go_on(one, planned)

        return happen

    def _go_on(self, course: Course, planned: datetime) -> None:
        due = course.due(planned)
        if due is not None:
            self._plan(due, self._next_step(course))


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
