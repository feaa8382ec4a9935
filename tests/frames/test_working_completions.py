"""Completed items in working time, by hand: over a Spring Festival with its shifted weekends."""

from __future__ import annotations

from datetime import date, time
from types import SimpleNamespace
from typing import Any

from metrics_api.core.days import BEIJING
from metrics_api.core.sections import Calendar
from metrics_api.core.security import READ_ALL
from metrics_api.evaluate import Evaluator
from metrics_api.world import World
from tests.frames.facts import NOW, bug
from tests.frames.lives import STAGED, at, framed, hours, lived, told, total

FLOW = "@tapd.bugs.flow"
WORKED = ("lead.time", "cycle.time", "stage.time")
FEBRUARY = {"start": at("02-13 00:00"), "until": at("02-24 12:00")}
# Friday evening; taken up on the Saturday that is worked on; done on the Tuesday after the Spring Festival.
FESTIVE = lived(bug, "1", "02-13 17:30 new", "02-14 10:00 in_progress", "02-24 10:30 closed")


def test_working_time_knows_the_shifted_weekends_of_china() -> None:
    found = framed([FESTIVE])
    asked = f"{FLOW}.lead.time/step=all"
    assert total(hours(told(found, asked, **FEBRUARY)))["p50"] == 10 * 24 + 17
    # One hour on Friday, nine on Saturday the 14th, none from the 15th to the 23rd, one on Tuesday.
    work = {
        name: total(hours(told(found, f"{FLOW}.{name}/step=all,calendar=work", **FEBRUARY)))
        for name in WORKED
    }
    assert work["lead.time"]["p50"] == 11
    assert work["cycle.time"]["p50"] == 9.5
    assert (work["stage.time"]["todo/p50"], work["stage.time"]["dev/p50"]) == (1.5, 9.5)
    share = total(told(found, f"{FLOW}.efficiency/step=all,calendar=work", **FEBRUARY))
    assert share["p50"] == 9.5 / 11


def test_each_product_works_by_its_own_calendar_and_in_its_own_zone() -> None:
    calendar = Calendar(
        hours=((time(9), time(12)), (time(13), time(18))), off=(date(2026, 2, 24),), on=(date(2026, 2, 15),)
    )
    product = STAGED.product[0].model_copy(update={"calendar": calendar})
    own = framed([FESTIVE], STAGED.model_copy(update={"product": (product,)}))
    asked = f"{FLOW}.lead.time/step=all,calendar=work"
    # Half an hour on Friday, eight hours each on Saturday and on Sunday the 15th.
    assert total(hours(told(own, asked, **FEBRUARY)))["p50"] == 16.5
    # In Tokyo it is an hour later: nothing is left of Friday, two hours came about by Tuesday.
    product = product.model_copy(update={"calendar": Calendar(), "timezone": "Asia/Tokyo"})
    tokyo = framed([FESTIVE], STAGED.model_copy(update={"product": (product,)}))
    assert total(hours(told(tokyo, f"{asked},tz={BEIJING}", **FEBRUARY)))["p50"] == 9 + 2


async def test_series_of_working_time_say_so() -> None:
    frame = framed([FESTIVE])
    known = {(name, "tapd:1"): NOW for name in ("tapd.bugs", "tapd.bug_changes", "tapd.removed_bugs")}
    reader: Any = SimpleNamespace(
        world=World(frame.context, {"bugs": frame}, versions={"bugs": 1}, known=known)
    )
    evaluator = Evaluator(reader, clock=lambda: NOW)
    targets = [f"{FLOW}.{name}/calendar=work" for name in (*WORKED, "efficiency")]
    rendered = await evaluator.render([*targets, f"{FLOW}.lead.time"], *FEBRUARY.values(), READ_ALL)
    evaluator.close()
    assert rendered.skipped == []
    tags = [{one.tags.get("calendar") for one in series} for series in rendered.series]
    assert tags == [{"work"}, {"work"}, {"work"}, {"work"}, {None}]
