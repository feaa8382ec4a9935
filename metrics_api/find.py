"""Find: tag values for Grafana variables, and the next words of metric names."""

from __future__ import annotations

import re
from collections.abc import Collection

from metrics_api.catalog import Catalog
from metrics_api.core.security import Principal
from metrics_api.known import KnownValues, ends_of_text
from metrics_api.series import Node
from metrics_api.tags import TAGS, custom
from metrics_api.topics import CUSTOM
from metrics_api.world import World

_WILDCARD = re.compile(r"[#.]?(\.\*|\*)$")


def answers(world: World, catalog: Catalog, query: str, principal: Principal) -> list[Node]:
    """What a find query names: tag values, or the words that follow in a metric's name; `[]` if nothing."""
    query = query.strip()
    word, equals, asked = query.lstrip("$@").partition("=")
    if word[: len(CUSTOM)].replace("#", ".") == CUSTOM:
        name, products = (
            CUSTOM + word[len(CUSTOM) :],
            _products(world, asked.strip() if equals else "*", principal),
        )
        return [Node(text, False) for text in custom(world, name, products)]
    if word in TAGS and (equals or not query.startswith("@") or word not in _sources(catalog)):
        products = _products(world, asked.strip() if equals else "*", principal)
        return [Node(text, False) for text in TAGS[word](world, catalog, products)] if products else []
    return _next_words(catalog, query)


def _sources(catalog: Catalog) -> set[str]:
    return {name.split(".", 1)[0] for name in catalog.metrics}


def _next_words(catalog: Catalog, query: str) -> list[Node]:
    walked = _WILDCARD.sub("", query).lstrip("@").replace("#", ".").strip(".")
    path = walked.split(".") if walked else []
    found: dict[str, bool] = {}
    for name in catalog.metrics:
        words = name.split(".")
        if words[: len(path)] == path and len(words) > len(path):
            text = words[len(path)] if path else f"@{words[0]}"
            found[text] = found.get(text, False) or len(words) > len(path) + 1
    return [Node(text, expandable) for text, expandable in sorted(found.items())]


def _products(world: World, asked: str, principal: Principal) -> frozenset[str]:
    """The products a tag's value names: one, `{a,b}`, `a,b`, `*`; none for an unresolved `$Product`."""
    readable = frozenset(name for name in world.context.products if principal.may_read(name))
    if asked in ("", "*"):
        # What belongs to no product is for those only who may read everything.
        return readable | {""} if principal.products is None else readable
    known = KnownValues(readable)
    whole = known.match(asked, 0, ends_of_text)
    if whole:
        return frozenset((whole[0],))
    if asked.startswith("{") and asked.endswith("}"):
        asked = asked[1:-1]
    found = frozenset(_split(asked, known))
    return _products(world, "*", principal) if "*" in found else found


def _split(text: str, known: KnownValues) -> Collection[str]:
    """The known names in a list; a name may hold a comma, so the longest that fits is taken."""
    parts, found, at = text.split(","), [], 0
    while at < len(parts):
        for end in range(len(parts), at, -1):
            name = ",".join(parts[at:end]).strip()
            match = known.match(name, 0, ends_of_text) if name else None
            if match or name == "*":
                found.append(match[0] if match else "*")
                at = end - 1
                break
        at += 1
    return found
