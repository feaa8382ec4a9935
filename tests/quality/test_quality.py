"""What is odd about histories is flagged by the derivation, and listed with what it means and what to do."""

from __future__ import annotations

import ast
from pathlib import Path

import collectors
from collectors.deriving import Deriver
from collectors.quality import Oddity, lines, quality
from collectors.quality_kinds import MEANINGS
from collectors.reconcile import reconcile
from collectors.scheduler import collect
from collectors.sources import sources
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from simulator import Company, TapdAccount, running
from tests.collectors.conftest import HASTY

BORN = "2026-03-02 10:00:00"


def company() -> Company:
    """Three workspaces, of which the last is not collected; nearly every item has something odd."""
    made = Company()
    one = made.add_workspace({"id": "991", "name": "One", "created": BORN})
    two = made.add_workspace({"id": "992", "name": "Two", "created": BORN})
    made.add_workspace({"id": "993", "name": "Three", "created": BORN})
    for name, label in (("需求", "已实现"), ("技术", "已上线")):
        one.add_workitem_type(
            {"name": name, "created": BORN}, status_map={"planning": "规划", "resolved": label}
        )
    one.add_iteration({"id": "51", "name": "迭代1", "created": BORN, "status": "open"})
    one.change_iteration("51", {"name": "迭代一"}, at="2026-03-09 09:00:00")
    for number in range(1, 12):
        one.add_bug({"id": f"{number}", "title": f"bug {number}", "created": BORN})
    two.add_bug({"id": "12", "title": "bug 12", "created": BORN})
    # The change from in_progress to resolved is not in the feed.
    one.change_bug("1", {"status": "in_progress"}, at="2026-03-03 10:00:00")
    one.change_bug("1", {"status": "resolved"}, at="2026-03-04 10:00:00", recorded=False)
    one.change_bug("1", {"status": "closed"}, at="2026-03-05 10:00:00")
    one.change_bug("2", {"status": "in_progress"}, at="2026-03-03 10:00:00")
    one.change_bug("2", {"status": "closed"}, at="2026-03-05 10:00:00", recorded=False)
    for old, new in (("", "3"), ("3", "")):
        step = {"bug_id": "3", "field": "status", "old_value": old, "new_value": new}
        one.add_change({**step, "created": "2026-03-03 10:00:00"})
    one.change_bug("4", {"status": "closed"}, at="2026-03-05 10:00:00", rows_at="2026-03-01 10:00:00")
    one.bugs["5"]["resolved"] = "2026-03-01 10:00:00"
    one.change_bug("6", {"status": "status_9"}, at="2026-03-03 10:00:00")
    one.change_bug("6", {"status": "closed"}, at="2026-03-05 10:00:00")
    made.move_bug("7", source="991", target="993", at="2026-03-05 10:00:00", new_id="71")
    one.merge_bug("8", "1", at="2026-03-05 10:00:00")
    one.bugs["10"]["deadline"] = "soon"
    for at, old, new in (("03", "--", "春"), ("04", "夏", "秋")):
        change = {"bug_id": "11", "field": "iteration_id", "old_value": old, "new_value": new}
        one.add_change({**change, "created": f"2026-03-{at} 10:00:00"})
    # The way to its end is not in the feed.
    one.add_story({"id": "21", "name": "story 21", "created": BORN, "status": "planning"})
    one.change_story("21", {"status": "resolved"}, at="2026-03-05 10:00:00", recorded=False)
    made.move_bug("12", source="992", target="991", at="2026-03-05 10:00:00", new_id="121")
    return made


async def found(store: Store) -> list[Oddity]:
    """What is odd after a round, and a night in which bug 9 turned out not to be there any more."""
    async with running(company(), tapd_quota=None) as servers:
        instance = TapdInstance(url=servers.tapd_url, workspaces=("991", "992"), quota_per_minute=100_000)
        settings = Settings(Config(tapd=(instance,)), {"ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token})
        await collect(settings, store, once="all", patience=HASTY)
        del servers.company.workspaces["991"].bugs["9"]
        leases, raw = Leases(store), RawStore(store)
        (source,) = sources(settings, store, HASTY)
        try:
            await reconcile(source, store, leases, raw, Deriver(store, Facts(store, leases), raw, {}))
        finally:
            await source.connection.aclose()
    return (await quality(store, {})).oddities


async def test_every_kind_of_oddity_is_counted_with_its_items(store: Store) -> None:
    oddities = await found(store)
    assert [(one.workspace, one.topic, one.kind, one.about, one.count) for one in oddities] == [
        ("991", "bugs", "broken_chain", "status", 1),
        ("991", "bugs", "repaired_end", "status", 1),
        ("991", "bugs", "unmapped_status", "status_9", 1),
        ("991", "stories", "ambiguous_status", "resolved", 1),
        ("991", "bugs", "change_before_created", "status", 1),
        ("991", "stories", "completed_without_change", "", 1),
        ("991", "bugs", "ended_before_created", "resolved", 1),
        ("991", "bugs", "unreadable", "due", 1),
        ("991", "bugs", "vanished", "", 1),
        ("991", "bugs", "moved_away", "", 1),
        ("991", "bugs", "moved", "", 1),
        ("991", "bugs", "merged", "", 1),
        ("991", "bugs", "renamed", "iteration", 1),
        ("991", "iterations", "renamed_iteration", "", 1),
        ("991", "bugs", "parallel_step", "", 1),
    ]
    assert [one.examples for one in oddities] == [
        [("1", "bug 1")],
        [("2", "bug 2")],
        [("6", "bug 6")],
        [("resolved", "已实现 / 已上线")],
        [("4", "bug 4")],
        [("21", "story 21")],
        [("5", "bug 5")],
        [("10", "bug 10")],
        [("9", "bug 9")],
        [("7", "bug 7")],
        [("121", "bug 12")],
        [("8", "bug 8")],
        [("11", "bug 11")],
        [("51", "迭代1 -> 迭代一 on 2026-03-09")],
        [("3", "bug 3")],
    ]
    shown = list(lines(await quality(store, {})))
    assert shown[:4] == [
        "broken chain: a change begins with another value than the one before ended with; "
        "it counts from its own time on",
        "  -> read the changes again with `engmetrics collect --backfill --since DAY`; "
        "what TAPD has not stays so",
        "  workspace     of    field   count  first",
        "  tapd:991 One  bugs  status  1      1 bug 1",
    ]
    assert len(shown) == 4 * 15


async def test_of_many_the_first_three_are_shown_and_nothing_steers_the_terminal(store: Store) -> None:
    oddity = Oddity("tapd", "991", "bugs", "merged", "")
    for number in (20, 3, 100, 4):
        oddity.add(str(number), f"a\x1b[31m\n{'b' * 60}")
    assert oddity.count == 4
    assert [id for id, _ in oddity.examples] == ["3", "4", "20"]
    assert list(lines(await quality(store, {}))) == ["nothing odd: every history is whole"]
    whole = await quality(store, {})
    whole.oddities.append(oddity)
    assert list(lines(whole))[3].endswith(
        f"3 a\\x1b[31m\\n{'b' * 32}…; 4 a\\x1b[31m\\n{'b' * 32}…; 20 a\\x1b[31m\\n{'b' * 32}…"
    )


def test_every_finding_of_the_derivation_has_its_meaning() -> None:
    """Findings are added as texts, `kind` or `kind:field`, to a set called so."""
    kinds = set()
    for file in (Path(collectors.__file__).parent / "items").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("findings.add", "found.add")):
                kinds.update(
                    one.value.partition(":")[0]
                    for one in ast.walk(node)
                    if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value.strip(":")
                )
    assert kinds >= {"broken_chain", "repaired_end", "renamed", "unreadable", "ended_before_created"}
    assert kinds <= MEANINGS.keys()
