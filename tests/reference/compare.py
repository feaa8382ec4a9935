"""Differences between two answers, blind to what the definitions leave open."""

from .answers import Answer, Points


def differences(expected: Answer, got: Answer) -> list[str]:
    """What differs, one line each, [] if nothing does.

    A series of zeros and nulls on one side may be missing on the other, for whether a value with nothing to
    show is listed is not settled. Points and the order of the common series must be the same.
    """
    found = []
    ours, theirs = dict(expected), dict(got)
    if len(theirs) != len(got):
        found.append(f"an endpoint is answered twice: {[endpoint for endpoint, _ in got]}")
    for endpoint, points in expected:
        if endpoint in theirs:
            found += [f"{endpoint}: {line}" for line in point_differences(points, theirs[endpoint])]
        elif any(value for _, value in points):
            found.append(f"{endpoint}: missing, expected {points}")
    for endpoint, points in got:
        if endpoint not in ours and any(value for _, value in points):
            found.append(f"{endpoint}: not expected, got {points}")
    order = [endpoint for endpoint, _ in expected if endpoint in theirs]
    their_order = [endpoint for endpoint, _ in got if endpoint in ours]
    if order != their_order:
        found.append(f"order of series: expected {order}, got {their_order}")
    return found


def point_differences(expected: Points, got: Points) -> list[str]:
    """Differing points of one series; a series without points has nothing to show."""
    if not got and not any(value for _, value in expected):
        return []
    if [at for at, _ in expected] != [at for at, _ in got]:
        return [f"timestamps: expected {[at for at, _ in expected]}, got {[at for at, _ in got]}"]
    return [
        f"at {at}: expected {value}, got {other}"
        for (at, value), (_, other) in zip(expected, got, strict=True)
        if value != other
    ]
