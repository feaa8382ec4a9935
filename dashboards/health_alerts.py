"""The alert rules on how collecting goes: it is stale, failing, or the records are incomplete."""

from __future__ import annotations

from typing import Any

from dashboards.rules import DAY_S, HOUR_S, any_of, math, query, reduced, rule

BOARD = "data-health"


def stale() -> dict[str, Any]:
    """Return the rule that something was not read for longer than planned."""
    # Rules that go by the present hour look a little further back: it may have begun just now.
    data = [query("A", "@health.collection.overdue/step=1h", 600), reduced("B", "A", "last")]
    return rule(
        "stale",
        "Collecting is stale",
        board=BOARD,
        panel=2,
        data=[*data, math("C", "$B > 0")],
        severity="critical",
        # Without an answer nobody knows how old the numbers are.
        no_data="Alerting",
        summary="{{ $labels.collector }} was not read in {{ $labels.scope }} for three intervals",
        description=(
            "Nothing newer is in the numbers of this scope ({{ $labels.instance }} {{ $labels.product }}). "
            "See with `engmetrics status` whether `engmetrics collect` runs and what its last error was; "
            "`engmetrics doctor` tells credentials, quota and network apart. Without labels: the API knows "
            "of no run at all, or cannot read its store."
        ),
    )


def failing() -> dict[str, Any]:
    """Return the rule that several runs of one scope failed."""
    data = [query("A", "@health.collection.errors/step=1h", HOUR_S), reduced("B", "A", "sum")]
    return rule(
        "failing",
        "Collecting fails",
        board=BOARD,
        panel=3,
        data=[*data, math("C", "$B > 1")],
        severity="warning",
        no_data="OK",
        summary="{{ $labels.collector }} failed several times in {{ $labels.scope }}",
        description=(
            "Several runs of the last hour failed ({{ $labels.instance }} {{ $labels.product }}). "
            "`engmetrics status` shows the error. 401 or 403: renew the credentials; 429: other programs use "
            "the account's quota, lower quota_per_minute; 5xx: wait, what was missed is made up for."
        ),
    )


def incomplete() -> dict[str, Any]:
    """Return the rule that records are missing or in quarantine."""
    missing = query("A", "@health.collection.missing", 600)
    kept = query("B", "@health.collection.quarantine/step=1h", DAY_S)
    return rule(
        "incomplete",
        "Records are incomplete",
        board=BOARD,
        panel=6,
        # Two metrics whose series have different labels: only this kind of condition takes either.
        data=[missing, kept, any_of("C", ("A", "last"), ("B", "diff"))],
        severity="warning",
        no_data="OK",
        summary="Records are missing, or more of them came into quarantine",
        description=(
            "{{ $value }}. collection.missing: counts differ from TAPD's and could not be repaired; the next "
            "nightly comparison tries again, `engmetrics status --quality` lists what differs. "
            "collection.quarantine: `engmetrics quarantine list` shows why, `engmetrics quarantine retry` "
            "reads them again, after an update for instance."
        ),
    )
