"""The courses a story's life can take, and a task's, as steps with working hours between them.

As with bugs, each workspace draws from a shuffled deck of a hundred cards.
"""

from random import Random

from simulator.steps import Extra, Step
from simulator.story_types import StoryType

#: Cards per hundred stories that are no parents.
STORY_DECK: dict[str, int] = {
    "plain": 29,
    "skipped": 10,
    "labelled": 9,
    "sent_back": 8,
    "carried_over": 8,
    "reopened": 6,
    "dropped": 6,
    "priority_changed": 6,
    "deleted": 4,
    "taken_out": 3,
    "type_changed": 3,
    "never_touched": 3,
    "paused": 2,
    "parallel": 2,
    "midnight": 1,
}

_DELAYS: dict[str, tuple[float, float]] = {
    "planning": (12.0, 0.9),
    "status_2": (18.0, 1.0),
    "status_3": (26.0, 1.0),
    "status_4": (16.0, 0.9),
    "status_5": (30.0, 1.0),
    "developing": (20.0, 1.1),
    "resolved": (28.0, 1.0),
    "rejected": (30.0, 1.0),
}


class StoryPlotter:
    """Writes the steps of one story of a kind."""

    def __init__(self, rng: Random, kind: StoryType) -> None:
        self._rng, self._kind = rng, kind

    def steps(self, plot: str) -> list[Step]:
        """The whole life for one card of the deck, first step first."""
        rng, path = self._rng, self._kind.path
        steps = self._walk(path[1:])
        if plot == "never_touched":
            return []
        if plot == "skipped":
            kept = [code for code in path[1:-1] if rng.random() < 0.4]
            return self._walk((*kept, path[-1]))
        if plot == "sent_back":
            return self._walk((*path[1:-1], path[rng.choice((0, 1, 2))], *path[2:]))
        if plot == "reopened":
            return steps + self._walk((rng.choice(path[1:3]), *path[-2:]))
        if plot == "dropped":
            revived = path[1:] if rng.random() < 0.2 else ()
            return [*steps[: rng.randrange(0, 3)], *self._walk((self._kind.dropped, *revived))]
        if plot == "deleted":
            ending = [Step(rng.uniform(1, 40), kind="delete")]
            if rng.random() < 0.25:
                ending.append(Step(rng.uniform(5, 60), kind="restore"))
            return steps[: rng.choices((0, 1, 2, 4), (50, 25, 15, 10))[0]] + ending
        if plot == "midnight":
            steps[-2] = Step(steps[-2].hours, steps[-2].status, snap="23:59:59")
            steps[-1] = Step(0.0, steps[-1].status, snap="00:00:00")
            return steps
        if plot == "paused" and self._kind.paused:
            return steps[:2] + self._walk((self._kind.paused, "developing")) + steps[2:]
        return self._with_extras(plot, steps)

    def _with_extras(self, plot: str, steps: list[Step]) -> list[Step]:
        rng = self._rng
        if plot == "parallel":
            for place in (3, 1):
                steps.insert(place, Step(rng.uniform(0.1, 3), kind="parallel"))
        elif plot == "carried_over":
            for _ in range(rng.choice((1, 1, 2))):
                steps.insert(len(steps) - 1, Step(rng.uniform(40, 70), extras=("next_iteration",)))
        elif plot == "taken_out":
            steps.insert(3, Step(rng.uniform(1, 20), extras=("no_iteration",)))
            steps.insert(4, Step(rng.uniform(10, 60), extras=("next_iteration",)))
        elif plot == "labelled":
            steps.insert(1, Step(rng.uniform(0.5, 10), extras=("label",)))
            steps.insert(rng.randrange(2, len(steps) + 1), Step(rng.uniform(0.5, 10), extras=("unlabel",)))
        elif plot in {"priority_changed", "type_changed"}:
            changed: tuple[Extra, ...] = ("type",) if plot == "type_changed" else ("priority", "custom")
            steps.insert(rng.randrange(0, 3), Step(rng.uniform(0.5, 15), extras=changed))
        elif plot == "plain" and rng.random() < 0.08:
            steps = steps[: rng.randrange(1, len(steps))]
        elif plot == "plain" and rng.random() < 0.05:
            place = rng.randrange(1, len(steps))
            steps[place] = Step(steps[place].hours, steps[place].status, kind="unrecorded")
        if len(steps) > 3 and rng.random() < 0.5:
            for _ in range(rng.choice((1, 1, 2, 3))):
                steps.insert(3, Step(rng.uniform(0.5, 20), kind="link"))
            if rng.random() < 0.15:
                steps.append(Step(rng.uniform(1, 20), kind="unlink"))
        return steps

    def _walk(self, codes: tuple[str, ...]) -> list[Step]:
        return [Step(self._delay(code), code) for code in codes]

    def _delay(self, code: str) -> float:
        median, spread = _DELAYS[code]
        return min(self._rng.lognormvariate(0, spread) * median, 420.0)


def parent_steps(rng: Random) -> list[Step]:
    """A parent's life: two to six children; everything else comes from them."""
    count = rng.randrange(2, 7)
    hours = [
        rng.uniform(0.1, 2.0),
        *(rng.choice((0.1, 0.3, 6.0, 30.0)) * rng.random() for _ in range(count - 1)),
    ]
    steps = [Step(each + 0.02, kind="child") for each in hours]
    if rng.random() < 0.2:
        steps.append(Step(rng.uniform(1, 30), extras=("label",)))
    return steps


def task_steps(rng: Random) -> list[Step]:
    """A task's life: it is written down, worked on, done; now and then deleted or begun again."""
    steps = [Step(rng.uniform(0.05, 3), kind="birth"), Step(rng.uniform(1, 20), "progressing")]
    ending = rng.random()
    if ending < 0.05:
        return [*steps, Step(rng.uniform(1, 20), kind="delete")]
    steps.append(Step(rng.uniform(2, 40), "done"))
    if ending < 0.1:
        steps += [Step(rng.uniform(1, 20), "progressing"), Step(rng.uniform(2, 20), "done")]
    elif ending < 0.2:
        del steps[1]
    return steps
