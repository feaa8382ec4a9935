"""GitLab's two ways of paging, with their headers."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from simulator.serving import json_response

#: Above so many rows GitLab leaves out totals and the last page.
UNCOUNTED_ABOVE = 10_000
_LARGEST_OFFSET = 50_000


class GitlabError(Exception):
    """An answer other than success: HTTP status and JSON body."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(f"{status}")
        self.status, self.body = status, body


@dataclass(frozen=True)
class Page:
    """Which rows were asked for; ``size`` is at most 100."""

    number: int
    size: int

    @property
    def start(self) -> int:
        """Index of the page's first row."""
        return (self.number - 1) * self.size


def page_of(query: Mapping[str, str]) -> Page:
    """The page asked for: 20 rows unless told, more than 100 are taken as 100; GitlabError 400 for
    nonsense.
    """
    values = {}
    for name, default in (("page", "1"), ("per_page", "20")):
        text = query.get(name) or default
        if not text.isdecimal():
            raise GitlabError(400, {"error": f"{name} is invalid"})
        values[name] = int(text)
    if values["per_page"] == 0:
        raise GitlabError(400, {"error": "per_page has a value not allowed"})
    return Page(max(values["page"], 1), min(values["per_page"], 100))


def offset_answer(
    request: web.Request, rows: list[object], page: Page, total: int, *, totals: bool = True
) -> web.Response:
    """A page of offset paging; ``total`` is the number of rows before any that may not be seen are left
    out.
    """
    pages = max(-(-total // page.size), 1)
    following = str(page.number + 1) if page.number * page.size < total else ""
    before = str(page.number - 1) if page.number > 1 else ""
    headers = {
        "x-next-page": following,
        "x-page": str(page.number),
        "x-per-page": str(page.size),
        "x-prev-page": before,
    }
    links = [("prev", before), ("next", following), ("first", "1")]
    if totals and total <= UNCOUNTED_ABOVE:
        headers |= {"x-total": str(total), "x-total-pages": str(pages)}
        links.append(("last", str(pages)))
    headers["link"] = ", ".join(
        f'<{_address(request, page=number, per_page=str(page.size))}>; rel="{name}"'
        for name, number in links
        if number
    )
    return json_response(rows, headers=headers)


def refuse_depth(page: Page, kind: str) -> None:
    """GitlabError 405 beyond the offset GitLab allows where keyset paging exists."""
    if page.start > _LARGEST_OFFSET:
        text = (
            f"Offset pagination has a maximum allowed offset of {_LARGEST_OFFSET} for requests that return "
            f"objects of type {kind}. Remaining records can be retrieved using keyset pagination."
        )
        raise GitlabError(405, {"error": text})


def keyset_answer(
    request: web.Request, rows: list[dict[str, object]], size: int, descending: bool
) -> web.Response:
    """The first rows of a keyset listing by id; only a ``link`` to the next page, none at the end."""
    part = rows[:size]
    headers = {}
    if len(rows) > size:
        marker = {"id_before" if descending else "id_after": str(part[-1]["id"])}
        headers["link"] = f'<{_address(request, **marker)}>; rel="next"'
    return json_response(part, headers=headers)


def _address(request: web.Request, **changed: str) -> str:
    return str(request.url.update_query(changed))
