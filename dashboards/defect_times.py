"""Panels on how long bugs take to be fixed, answered and verified, and on how many come back or were none."""

from __future__ import annotations

from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, GridPos

from dashboards.colours import BACKLOG, LEDGER, fixed, pattern
from dashboards.panels import RATIO, SECONDS, coloured, quantiles
from dashboards.queries import Expression

WHERE = "product=$Product,version=$Version"

FIX = """\
**Fix time:** from a bug's creation to its first entry to a resolved stage, by the week of that entry. p50
is the median, 85 of 100 took no longer than p85.

The bars are numbers of bugs (right axis): n that were resolved, skipped_n that were done without having
been resolved; negative_n have no fix time, for they were resolved before they were created, by the dates of
their changes, as imported bugs may be. With fewer than five there is no p85."""

RESPONSE = """\
**Response time:** from a bug's creation until it left the first stage, by the week of its creation. p50
is the median, 85 of 100 were answered no later than p85.

The bars are numbers of bugs (right axis): pending_n are not answered yet and have no time, so the last
weeks look faster than they are; skipped_n were created in a later stage, negative_n came to it before they
were created, by the dates of their changes."""

VERIFY = """\
**Verify time:** how long a fix waited for its test, from the last entry to a resolved stage until the bug
was verified or done for the first time, by the week of that.

p50 is the median, 85 of 100 waited no longer than p85. The bars are numbers of bugs (right axis): n were
verified, negative_n were fixed or verified before they were created, by the dates of their changes."""

REOPENED = """\
**Reopen rate:** of the bugs that were resolved, closed or rejected for the first time in each week, how
many came back at any time since: reopened from done or dropped, returned from a resolved stage.

The last two weeks are still maturing: more of their bugs may yet come back, so a fall at the end says
nothing."""

INVALID = """\
**Invalid rate:** of the bugs that ended in each week, done or dropped, how many were dropped: duplicates,
no bugs, not reproducible and so on.

Each bug counts once, at its last end before the end of the time range. Drill down with by=resolution for
the reasons. Weeks in which none ended have no value."""


ESCAPED = """\
**Escape rate:** of the bugs created in each week, how many were found in production, by what a field of the
bug says today. The bars (unknown_n, right axis) are bugs of which nobody said where they were found.

Nothing is guessed: without a mapping this panel is empty. Name the field and the values that mean
production under `[product.escape]` of the configuration, as `field = "source"`."""


def fix(number: int, place: GridPos) -> Panel:
    """Return the panel of fix times."""
    return _measured(number, "Fix time", FIX, "fix.time", place)


def response(number: int, place: GridPos) -> Panel:
    """Return the panel of response times."""
    return _measured(number, "Response time", RESPONSE, "response.time", place)


def verify(number: int, place: GridPos) -> Panel:
    """Return the panel of verify times."""
    return _measured(number, "Verify time", VERIFY, "verify.time", place)


def reopened(number: int, place: GridPos) -> Panel:
    """Return the panel of the rate of bugs that came back."""
    return coloured(_rate(number, "Reopen rate", REOPENED, "reopen.rate", "came back", place), LEDGER)


def invalid(number: int, place: GridPos) -> Panel:
    """Return the panel of the rate of bugs that were none."""
    return _rate(number, "Invalid rate", INVALID, "invalid.rate", "dropped", place)


def escaped(number: int, place: GridPos) -> Panel:
    """Return the panel of the rate of bugs that were found in production."""
    return _rate(number, "Escape rate", ESCAPED, "escape.rate", "found in production", place)


def _measured(number: int, title: str, text: str, metric: str, place: GridPos) -> Panel:
    panel = quantiles(number, title, text, place, SECONDS)
    return panel.with_target(Expression(f"@tapd.bugs.{metric}/{WHERE},step=1w,q={{50,85}}"))


def _rate(number: int, title: str, text: str, metric: str, name: str, place: GridPos) -> Panel:
    panel = quantiles(number, title, text, place, RATIO).max(1)
    panel.with_target(Expression(f"@tapd.bugs.{metric}/{WHERE},step=1w"))
    shown = [DynamicConfigValue("displayName", name), fixed(BACKLOG)]
    return panel.override_by_regexp(pattern("all"), shown)
