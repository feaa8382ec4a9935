"""GitLab events by day: what was done how often, in the words of the response's action_name."""

from collections.abc import Mapping
from datetime import datetime
from math import floor

from .days import buckets
from .questions import EVENT_FILTERS, Query, meant
from .wire import Company, Record

NA = "N/A"


def event_instant(text: str) -> int:
    """An ISO time with its offset as epoch seconds, fractions cut off."""
    return floor(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def event_fields(company: Company, path: str, event: Record) -> dict[str, str]:
    """What the filters look at; an event that is no push, or a bulk push, has no ref."""
    ref = (event.get("push_data") or {}).get("ref")
    return {"product": company.product_of_project(path).name, "component": path, "ref": ref or NA}


def event_answer(
    company: Company, query: Query, known: Mapping[str, int | None] | None
) -> list[tuple[str, list[tuple[int, int | None]]]]:
    """Events per bucket, one series per action in the order of their names.

    A bulk push is one event. Decisions: actions without an event in the window are not listed; with by= the
    endpoint is value/action.
    """
    rows = [
        (event_instant(event["created_at"]), event["action_name"], event_fields(company, p.path, event))
        for p in company.projects
        for event in p.events
    ]
    values = {name: {fields[name] for _, _, fields in rows} for name in EVENT_FILTERS}
    values["component"] |= {p.path for p in company.projects}
    values["product"] |= {company.product_of_project(p.path).name for p in company.projects}
    wanted = {name: meant(asked, values[name]) for name, asked in query.filters.items()}
    scopes = [p.path for p in company.projects if scope_wanted(company, p.path, wanted)]

    zones = {company.product_of_project(path).zone for path in scopes}
    zone = query.tz or (zones.pop() if len(zones) == 1 else company.config.zone)
    grid = buckets(query.start, query.until, query.now, query.step, zone)
    firsts = [at for at, _, fields in rows if fields["component"] in scopes]
    until = query.now if known is None else None
    if known is not None and scopes and all(known.get(path) is not None for path in scopes):
        until = min(instant for path in scopes if (instant := known.get(path)) is not None)

    chosen = [
        (at, action if query.by is None else f"{fields[query.by]}/{action}")
        for at, action, fields in rows
        if at <= query.now and all(v is None or fields[name] in v for name, v in wanted.items())
    ]
    answer = []
    for endpoint in sorted({endpoint for _, endpoint in chosen}):
        points: list[tuple[int, int | None]] = []
        for start, end in grid:
            drawn = until is not None and bool(firsts) and end > min(firsts) and start <= until
            count = sum(1 for at, name in chosen if name == endpoint and start <= at < end)
            points.append((start, count if drawn else None))
        if any(value for _, value in points):
            answer.append((endpoint, points))
    return answer


def scope_wanted(company: Company, path: str, wanted: Mapping[str, frozenset[str] | None]) -> bool:
    """Whether a project is among those asked for by product and component."""
    products, components = wanted.get("product"), wanted.get("component")
    by_product = products is None or company.product_of_project(path).name in products
    return by_product and (components is None or path in components)
