"""The provisioned alert rules on defects, evaluated by what Grafana's Go side asks, on bugs made by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest

from dashboards.graphite import Graphite
from metrics_api.core.store import Document, Store
from tests.frames.defects import CLOSED, CONFIG, NEW
from tests.frames.facts import DAY_S, NOW, Publisher, bug
from tests.replay.alert_rules import Evaluation, evaluated, rules
from tests.replay.graphite_go import GraphiteGo, GraphiteGoWrapped
from tests.replay.panels import GRAPHITE, panels
from tests.system.harness import serving

RULES = rules("Defects")
GATE, GROWING, UNTOUCHED = (f"engmetrics-{name}" for name in ("gate", "growing", "untouched"))
CLIENTS = (GraphiteGoWrapped, GraphiteGo)
FATAL, SERIOUS, NORMAL = ({**NEW, "severity": name} for name in ("fatal", "serious", "normal"))
B = {"workspace": "2"}


@asynccontextmanager
async def asking(store: Store, bugs: Sequence[Document], now: int = NOW) -> AsyncIterator[list[GraphiteGo]]:
    """Both kinds of clients of an API over some bugs."""
    await Publisher(store).everything(bugs=bugs)
    marks = store.collection("watermarks")
    others = [one | {"_id": f"{one['_id']}2", "scope": "2"} async for one in marks.find()]
    await marks.insert_many(others)
    async with serving(store, CONFIG, lambda: now) as url, aiohttp.ClientSession() as session:
        yield [client(session, f"{url}/graphite") for client in CLIENTS]


async def states(clients: Sequence[GraphiteGo], now: int = NOW) -> dict[str, tuple[list[str], int]]:
    """By rule the products that fire and how many others do not; all clients see the same."""
    found = []
    for client in clients:
        seen: dict[str, Evaluation] = {uid: await evaluated(rule, client, now) for uid, rule in RULES.items()}
        found.append(
            {uid: (sorted(one["product"] for one in all_.firing), all_.normal) for uid, all_ in seen.items()}
        )
    assert found[0] == found[1]
    return found[0]


async def test_each_rule_fires_for_the_products_it_is_about(store: Store) -> None:
    bugs = [
        # Open a fortnight before Thursday, a week before it, and on Thursday: in A one, two and three.
        bug("1", (-20, SERIOUS), (3, {"module": "sync"})),
        bug("2", (-10, NORMAL)),
        # From Monday on, and fatal: a day more than is allowed on Friday.
        bug("3", (0, FATAL)),
        # In B one, two and two; together 10 of the 20 that its gate lets pass.
        bug("4", (-20, NORMAL | B)),
        bug("5", (-10, NORMAL | B)),
        bug("6", (-10, FATAL | B), (-9, CLOSED)),
    ]
    async with asking(store, bugs) as clients:
        assert await states(clients) == {GATE: (["A"], 1), GROWING: (["A"], 1), UNTOUCHED: (["A"], 0)}


async def test_a_backlog_that_fell_in_one_of_the_weeks_does_not_grow(store: Store) -> None:
    # In A one, one and two; in B none, one and two: none is where growing may begin.
    bugs = [
        bug("1", (-20, NORMAL)),
        bug("2", (1, NORMAL)),
        bug("3", (-10, NORMAL | B)),
        bug("4", (1, NORMAL | B)),
        bug("5", (-40, NORMAL | B), (-30, CLOSED)),
    ]
    async with asking(store, bugs) as clients:
        found = await states(clients)
        assert found[GROWING] == (["B"], 1)
        # Neither is over its gate, and normal bugs may be left alone.
        assert (found[GATE], found[UNTOUCHED]) == (([], 2), ([], 0))


async def test_what_is_not_known_is_no_alert(store: Store) -> None:
    # A week old: what there was a fortnight ago nobody knows. A severity without a weight has no index.
    bugs = [bug("1", (-6, NEW | {"severity": "S9"})), bug("2", (1, NEW | {"severity": "S9"}))]
    async with asking(store, bugs) as clients:
        for client in clients:
            for uid in (GATE, GROWING, UNTOUCHED):
                found = await evaluated(RULES[uid], client, NOW)
                assert (found.firing, found.normal, found.no_data) == ([], 0, True), uid
    assert {rule["noDataState"] for rule in RULES.values()} == {"OK"}


async def test_after_midnight_yesterdays_numbers_go_on(store: Store) -> None:
    midnight = NOW - NOW % DAY_S + 16 * 3600
    async with asking(store, [bug("1", (0, FATAL)), bug("2", (1, SERIOUS))], midnight + 60) as clients:
        assert (await states(clients, midnight + 60))[GATE] == (["A"], 0)


def test_the_rules_say_what_to_look_at_and_lead_to_a_panel() -> None:
    assert list(RULES) == [GATE, GROWING, UNTOUCHED]
    shown = []
    for rule in RULES.values():
        (board,) = (one for one in GRAPHITE.values() if one["uid"] == rule["dashboardUid"])
        shown.append({panel["id"]: panel["title"] for panel in panels(board)}[rule["panelId"]])
        leading = {"__dashboardUid__": rule["dashboardUid"], "__panelId__": str(rule["panelId"])}
        assert set(rule["annotations"]) == {"summary", "description", *leading}
        assert leading.items() <= rule["annotations"].items()
        assert rule["annotations"]["summary"].startswith("{{ $labels.product }}: ")
        assert rule["labels"] == {"service": "engmetrics", "severity": "warning"}
        assert (rule["for"], rule["execErrState"]) == ("5m", "Error")
        letters = [step["refId"] for step in rule["data"]]
        assert rule["condition"] == letters[-1]
        assert letters == sorted(set(letters))
        for step in rule["data"]:
            assert step["model"]["refId"] == step["refId"]
            assert step["model"]["datasource"]["uid"] == step["datasourceUid"]
            if "target" in step["model"]:
                # Grafana refuses a range without a length.
                assert step["relativeTimeRange"]["from"] > step["relativeTimeRange"]["to"] >= 0
                assert (step["datasourceUid"], step["model"]["textEditor"]) == (Graphite.name, True)
                assert not set(step["model"]["target"]) & set("$#")
    assert shown == ["Defect index against the gate", "Defect trend", "Serious bugs left untouched"]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_numbers_of_the_configuration_are_in_no_rule(rule: dict[str, object]) -> None:
    formulas = [step["model"].get("expression", "") for step in rule["data"]]  # type: ignore[attr-defined]
    assert not any(number in str(formulas) for number in "123456789")
