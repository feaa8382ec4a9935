"""The generated company: two products with eighteen months of believable life behind them.

The same seed and instant give the same records, byte for byte. See ``plots`` for the courses a bug can take
and ``life`` for how time passes.
"""

from datetime import datetime, timedelta

from simulator.clock import beijing, gitlab_time, midnight, utc_now
from simulator.custom_fields import found_fields
from simulator.life import Life, first_day
from simulator.products import PRODUCTS, Product
from simulator.records import Company

#: Eighteen months.
DAYS = 548


def generate(
    *,
    seed: int = 7,
    now: datetime | None = None,
    bugs: int = 3000,
    days: int = DAYS,
    stories: int | None = None,
) -> Company:
    """A company as it stands at ``now`` (aware; default: the present) after ``days`` of life.

    At least ``bugs`` bugs stand in its two workspaces, and about ``stories`` stories (default: a third as
    many). Every hundred bugs of a workspace hold every course a bug can take, so small companies (under some
    250 bugs) may lack the rarest. No record carries a time after ``now``.
    """
    instant = utc_now() if now is None else now
    start = first_day(instant, days)
    company = Company()
    for product in PRODUCTS:
        _found(company, product, midnight(start))
    company.life = Life(company, seed, start)
    company.life.begin(bugs, bugs // 3 if stories is None else stories, first_day(instant, 0))
    company.life.live(instant)
    return company


def _found(company: Company, product: Product, start: datetime) -> None:
    founded = beijing(start - timedelta(days=3) + timedelta(hours=10))
    workspace = company.add_workspace(
        {
            "id": product.workspace_id,
            "name": product.name,
            "pretty_name": product.workspace_id,
            "description": "产品研发",
            "created": founded,
            "begin_date": founded[:10],
            "member_count": len(product.team),
        },
        status_map=product.status_map,
        last_steps={code: product.status_map[code] for code in ("rejected", "closed")},
        first_step={"new": product.status_map["new"]},
    )
    for kind in product.story_types:
        workspace.add_workitem_type(
            {"name": kind.name, "english_name": kind.english_name, "created": founded},
            status_map=kind.status_map,
            last_steps=kind.last_steps,
            first_step={kind.path[0]: kind.status_map[kind.path[0]]},
        )
    for name in ("产品需求", "技术需求", "客户定制"):
        workspace.add_category({"name": name, "created": founded, "modifier": "TAPD"})
    for number in product.team:
        workspace.add_user(f"user{number:02d}", real_join_time=founded[:10])
    found_fields(workspace, product)
    for project_id, path in product.repositories:
        created = gitlab_time(start - timedelta(days=2))
        company.add_project({"id": project_id, "path_with_namespace": path, "created_at": created})
