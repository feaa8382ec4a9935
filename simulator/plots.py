"""The courses a bug's life can take, as steps with working hours between them.

Each workspace draws from a shuffled deck of a hundred cards, so every hundred bugs hold every course in the
same share.
"""

from random import Random

from simulator.products import SHARED_PATH, Product
from simulator.steps import Extra, Step, shuffled

#: Cards per hundred bugs.
DECK: dict[str, int] = {
    "plain": 33,
    "skipped": 12,
    "reopened": 9,
    "returned": 8,
    "sent_back": 5,
    "rejected": 6,
    "version_changed": 4,
    "severity_changed": 4,
    "no_version": 4,
    "iteration_changed": 3,
    "never_touched": 3,
    "deleted": 2,
    "merged": 2,
    "parallel": 2,
    "paused": 1,
    "moved": 1,
    "midnight": 1,
}

#: Median working hours until a status is entered, and the spread of the log-normal.
_DELAYS: dict[str, tuple[float, float]] = {
    "new": (2.0, 0.8),
    "status_2": (5.0, 1.1),
    "in_progress": (7.0, 1.2),
    "status_3": (16.0, 1.1),
    "status_4": (10.0, 0.9),
    "resolved": (15.0, 1.15),
    "verified": (7.0, 1.0),
    "closed": (5.0, 1.2),
    "rejected": (9.0, 1.2),
    "reopened": (45.0, 1.1),
}
_SEVERITY_PACE = {"fatal": 0.3, "serious": 0.6, "normal": 1.0, "prompt": 1.9, "advice": 3.2}


def severity(rng: Random) -> str:
    """A severity in the shares a test team sees."""
    return rng.choices(tuple(_SEVERITY_PACE), (3, 18, 58, 15, 6))[0]


class Plotter:
    """Writes the steps of one bug, given its product, severity and random source."""

    def __init__(self, rng: Random, product: Product, severity_code: str) -> None:
        self._rng = rng
        self._product = product
        self._pace = _SEVERITY_PACE[severity_code]

    def steps(self, plot: str) -> list[Step]:
        """The whole life for one card of the deck, first step first."""
        path = self._product.path
        if plot == "plain":
            return self._plain()
        if plot == "skipped":
            middle = [code for code in path[1:-2] if self._rng.random() < 0.45]
            return self._walk((*middle[:-1], "resolved", "closed"))
        if plot == "reopened":
            return self._reopened()
        if plot == "returned":
            back = self._rng.choice(("in_progress", "reopened"))
            again = self._walk((back, "resolved", "verified", "closed"))
            return self._walk(path[1 : path.index("resolved") + 1]) + again
        if plot == "sent_back":
            if self._rng.random() < 0.5:
                return self._walk(("in_progress", "new", *path[1:]))
            return self._walk((*path[1:-1], "in_progress", *path[path.index("in_progress") + 1 :]))
        if plot == "rejected":
            start = ("in_progress",) if self._rng.random() < 0.35 else ()
            revived = ("reopened", "in_progress", "resolved", "closed") if self._rng.random() < 0.2 else ()
            return self._walk((*start, "rejected", *revived))
        if plot == "never_touched":
            return []
        return self._uncommon(plot)

    def _plain(self) -> list[Step]:
        steps = self._walk(self._product.path[1:])
        if self._rng.random() < 0.06:
            return steps[: self._rng.randrange(1, len(steps))]
        if self._rng.random() < 0.04:
            place = self._rng.randrange(1, len(steps))
            steps[place] = Step(steps[place].hours, steps[place].status, kind="unrecorded")
        if self._rng.random() < 0.15:
            steps.insert(1, Step(self._rng.uniform(0.5, 6), kind="relation"))
        return steps

    def _reopened(self) -> list[Step]:
        steps = self._plain_complete()
        for _ in range(self._rng.choices((1, 2), (82, 18))[0]):
            middle = ("in_progress",) if self._rng.random() < 0.6 else ()
            steps += self._walk(("reopened", *middle, "resolved", "verified", "closed"))
        return steps

    def _plain_complete(self) -> list[Step]:
        return self._walk(self._product.path[1:])

    def _uncommon(self, plot: str) -> list[Step]:
        rng, steps = self._rng, self._plain_complete()
        if plot in {"deleted", "merged"}:
            begun = steps[: rng.choices((0, 1, 2, 4), (55, 25, 15, 5))[0]]
            ending: list[Step] = [Step(rng.uniform(1, 30), kind="delete" if plot == "deleted" else "merge")]
            if plot == "deleted" and rng.random() < 0.15:
                ending.append(Step(rng.uniform(5, 60), kind="restore"))
            return begun + ending
        if plot == "moved":
            tail = self._walk(SHARED_PATH[2:])
            placed = Step(rng.uniform(1, 8), "in_progress", ("version", "module"))
            return [*self._walk(("in_progress",)), Step(rng.uniform(1, 12), kind="move"), placed, *tail]
        if plot == "midnight":
            steps[-2] = Step(steps[-2].hours, steps[-2].status, snap="23:59:59")
            steps[-1] = Step(0.0, steps[-1].status, snap="00:00:00")
            return steps
        if plot == "parallel":
            if self._product.paused is not None:
                for place in (3, 1):
                    steps.insert(place, Step(rng.uniform(0.1, 2), kind="parallel"))
            return steps
        if plot == "paused":
            code = self._product.paused
            return steps[:2] + (self._walk((code, "in_progress")) if code else []) + steps[2:]
        place = rng.randrange(0, min(3, len(steps)))
        changed: dict[str, tuple[Extra, ...]] = {
            "version_changed": ("version",),
            "severity_changed": ("severity", "priority"),
            "iteration_changed": ("next_iteration", "due"),
        }
        if plot in changed:
            if rng.random() < 0.5:
                steps.insert(place + 1, Step(rng.uniform(0.5, 20), extras=changed[plot]))
            else:
                steps[place] = Step(steps[place].hours, steps[place].status, changed[plot])
        return steps

    def _walk(self, codes: tuple[str, ...]) -> list[Step]:
        return [Step(self._delay(code), code) for code in codes]

    def _delay(self, code: str) -> float:
        median, spread = _DELAYS[code]
        hours = self._rng.lognormvariate(0, spread) * median * self._pace
        return min(hours, 420.0)


def deck(seed: str) -> list[str]:
    """A shuffled deck of a hundred cards."""
    return shuffled(tuple(DECK.items()), seed)
