"""The alert rules on defects: the index over the gate, a backlog that grows, grave bugs nobody touches."""

from __future__ import annotations

from typing import Any

from dashboards.rules import DAY_S, MINUTE_S, math, query, reduced, rule

# Without a number there is no alert: what is not known is told by the rules on collecting.
NO_DATA = "OK"


def over_gate() -> dict[str, Any]:
    """Return the rule that a product's defect index is over its gate."""
    # Shortly after midnight today's numbers are not known yet, yesterday's are.
    data = [query("A", "@tapd.bugs.gate/of=index,by=product", DAY_S), reduced("B", "A", "last")]
    return rule(
        "gate",
        "Defect index over the gate",
        board="release-gate",
        panel=3,
        data=[*data, math("C", "$B > 0")],
        severity="warning",
        no_data=NO_DATA,
        summary="{{ $labels.product }}: the defect index is over the gate by {{ $values.B }}",
        description=(
            "What the open bugs of {{ $labels.product }} weigh is more than its gate lets pass. Weights and "
            "gate are configured under `[product.defect_index]`; the dashboard lists the bugs by weight."
        ),
    )


def growing() -> dict[str, Any]:
    """Return the rule that a product's backlog grew in each of the last two weeks of full days."""
    # The same weekday three times: within a week a backlog goes up and down with the days of work.
    days = dict(zip("ABC", (1, 8, 15), strict=True))
    asked = "@tapd.bugs.backlog.daily/by=product"
    queries = [query(letter, asked, ago * DAY_S + MINUTE_S, ago * DAY_S) for letter, ago in days.items()]
    numbers = [reduced(letter, of, "last") for letter, of in zip("DEF", days, strict=True)]
    return rule(
        "growing",
        "Backlog grows for 14 days",
        board="defect-analysis",
        panel=2,
        data=[*queries, *numbers, math("G", "$D > $E && $E > $F")],
        severity="warning",
        no_data=NO_DATA,
        summary="{{ $labels.product }}: the backlog of bugs grew in each of the last two weeks",
        description=(
            "At the end of yesterday {{ $values.D }} bugs of {{ $labels.product }} were open, a week before "
            "{{ $values.E }}, and a week before that {{ $values.F }}. More is created than closed: the trend "
            "shows which of the two changed."
        ),
    )


def untouched() -> dict[str, Any]:
    """Return the rule that grave bugs of a product are left alone for longer than is allowed."""
    data = [query("A", "@tapd.bugs.untouched/by=product", DAY_S), reduced("B", "A", "last")]
    return rule(
        "untouched",
        "Serious bugs are left untouched",
        board="defect-analysis",
        panel=25,
        data=[*data, math("C", "$B > 0")],
        severity="warning",
        no_data=NO_DATA,
        summary="{{ $labels.product }}: nobody touched {{ $values.B }} serious bugs for days",
        description=(
            "Nothing about these open bugs of {{ $labels.product }} changed for as many days as "
            "`untouched_days` of the product allows for their severity (fatal 3, serious 7 unless configured "
            "otherwise). The panel lists them, those left alone the longest first."
        ),
    )
