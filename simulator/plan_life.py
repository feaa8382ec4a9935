"""What a product plans by: an iteration every two weeks, a release with every cycle."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random

from simulator.clock import beijing, midnight, office_moment
from simulator.products import Product, release_day
from simulator.records import Company, TapdWorkspaceRecords

_ITERATION_DAYS = 14

#: What happens, given the time it was planned for and the time it is stamped with.
Happening = Callable[[datetime, datetime], object]


class PlanLife:
    """The iterations and releases of one product; ``plan`` enters what happens at an instant."""

    def __init__(
        self,
        company: Company,
        product: Product,
        seed: int,
        start: date,
        plan: Callable[[datetime, Happening], None],
    ) -> None:
        self._product, self._seed, self._start, self._plan = product, seed, start, plan
        self._workspace = company.workspaces[product.workspace_id]

    def begin(self) -> None:
        """Plan the first iteration and the first release."""
        self._plan(midnight(self._start) + timedelta(hours=9), self._iteration_opens(0))
        self._plan(midnight(self._start) + timedelta(hours=9, minutes=30), self._release_opens(0))

    def _iteration_opens(self, number: int) -> Happening:
        product, author = self._product, f"user{self._product.team[0]:02d}"
        rng = Random(f"{self._seed}/{product.workspace_id}/iteration/{number}")
        first = self._start + timedelta(days=_ITERATION_DAYS * number - self._start.weekday())
        last = first + timedelta(days=_ITERATION_DAYS - 3)

        def happen(planned: datetime, at: datetime) -> None:
            name = product.iteration_name.format(year=first.year, number=number + 1, start=first, end=last)
            iteration = self._workspace.add_iteration(
                {
                    "name": name,
                    "startdate": first.isoformat(),
                    "enddate": last.isoformat(),
                    "creator": author,
                    "created": beijing(at),
                }
            )
            key = str(iteration["id"])
            # Closed whenever somebody thinks of it: from a few days to months after the end.
            closing = office_moment(rng, last + timedelta(days=rng.randrange(1, 90)))
            self._plan(closing, self._iteration_changes(key, {"status": "done"}))
            if number % 12 == 5:
                renamed = office_moment(rng, first + timedelta(days=6))
                self._plan(renamed, self._iteration_changes(key, {"name": f"{name} + 收尾"}))
            opens = midnight(last) + timedelta(hours=10, seconds=number)
            self._plan(opens, self._iteration_opens(number + 1))

        return happen

    def _iteration_changes(self, key: str, fields: dict[str, str | None]) -> Happening:
        author = f"user{self._product.team[0]:02d}"
        return lambda planned, at: self._workspace.change_iteration(
            key, fields, at=beijing(at), author=author
        )

    def _release_opens(self, index: int) -> Happening:
        product = self._product
        goes_out = release_day(product, self._start, index)
        rng = Random(f"{self._seed}/{product.workspace_id}/release/{index}")

        def happen(planned: datetime, at: datetime) -> None:
            release = self._workspace.add_release(
                {
                    "name": product.version(index),
                    "startdate": (goes_out - timedelta(days=product.release_days)).isoformat(),
                    "enddate": goes_out.isoformat(),
                    "creator": f"user{product.team[0]:02d}",
                    "created": beijing(at),
                }
            )
            key = str(release["id"])
            self._plan(
                office_moment(rng, goes_out),
                lambda planned, at: self._workspace.change_release(key, {"status": "done"}, at=beijing(at)),
            )
            opens = midnight(goes_out) + timedelta(hours=9, minutes=30)
            self._plan(opens, self._release_opens(index + 1))

        return happen


def current_iteration(workspace: TapdWorkspaceRecords, now: str) -> str | None:
    """The id of the iteration that runs at that Beijing time, else None."""
    for name, iteration in reversed(workspace.iterations.items()):
        if iteration["startdate"] <= now[:10] <= iteration["enddate"]:
            return name
    return None


def next_iteration(workspace: TapdWorkspaceRecords, iteration_id: str, now: str) -> str | None:
    """The iteration after the given one, else another than it that is known by then, else None."""
    names = list(workspace.iterations)
    if iteration_id in workspace.iterations:
        place = names.index(iteration_id) + 1
        return names[place] if place < len(names) else (names[-2] if len(names) > 1 else None)
    return current_iteration(workspace, now) or (names[-1] if names else None)
