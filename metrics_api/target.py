"""The grammar of a query, in its two spellings; raises BadRequest with what would be right.

    @tapd#bugs#change#daily/product=A,version={v1.0.0,v1.1.0}
    seriesByTag('name=tapd.bugs.change.daily','product=A','version=~v1.*')

`#` and `.` both separate the words of the name, for the falcon-plus plugin turns every `.` a user types into
`#`. Values are therefore looked up among the known ones: literally first, then with `#`, `.` and `~` taken as
the same character. A known value may hold `,`, `=`, `{` or `}`; the longest that fits is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import re2

from metrics_api.core.errors import BadRequest
from metrics_api.known import Ends, KnownValues, ends_in_braces, ends_of_pair, ends_of_text, known_values
from metrics_api.topics import CUSTOM

MAX_TARGET_BYTES = 65_536
MAX_VALUES = 5000
MAX_WRAPS = 8
EXAMPLE = "@tapd#bugs#change#daily/product=A,version={v1.0.0,v1.1.0}"

# Options whose value is a list of numbers: their commas do not separate pairs.
NUMBER_LISTS = frozenset({"q"})

# The known values of a filter of a metric, by (its name, key); nothing for an option.
Known = Callable[[str, str], Collection[str]]

_WRAP = re.compile(r'aliasSub\((.*),\s*"\(\^\.\*\$\)",\s*"\\1 ([^"]*)"\s*\)', re.DOTALL)
_CONSTANT = re.compile(r"constantLine\(\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)\s*\)")
_WORD = re.compile(r"[\w-]+")
_MORE_NUMBERS = re.compile(r"(?:,\s*\d+(?:[.#]\d+)?\s*(?=,|$))*")
_EXPRESSION = re.compile(r"([^=]*?)(!=~|=~|!=|=)(.*)", re.DOTALL)
_QUOTED = {quote: re.compile(rf"(?:\\.|[^\\])*?{quote}\s*(?=,\s*['\"]|\)\Z)", re.DOTALL) for quote in "'\""}
_ESCAPED = re.compile(r"\\([\\'\"])")
_COMMA_OR_BRACE, _BRACE = re.compile("[,}]"), re.compile("[,{}]")
_NO_LOGS = re2.Options()
_NO_LOGS.log_errors = False


@dataclass(frozen=True)
class Pair:
    """One `key=value`: the values asked for, `()` for `*`; or a regular expression (RE2).

    Values are known ones where they could be found, else as typed. `negated` stands for `!=` and `!=~`.
    """

    key: str
    values: tuple[str, ...] = ()
    regex: str | None = None
    negated: bool = False

    @property
    def asked(self) -> str:
        """The value as it is written in a target: `A`, `{A,B}`, `*`, or the regular expression."""
        if self.regex is not None:
            return self.regex
        if not self.values:
            return "*"
        return self.values[0] if len(self.values) == 1 else "{" + ",".join(self.values) + "}"


@dataclass(frozen=True)
class Target:
    """A parsed query: the full dotted name, source first, and its pairs in the order written."""

    name: str
    pairs: tuple[Pair, ...] = ()


def parse(text: str, known: Known) -> Target:
    """The query in a target; `known(name, key)` gives the known values of a metric's filter.

    Raises BadRequest for what does not follow the grammar; names and keys are not checked here.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TARGET_BYTES:
        raise BadRequest(
            f"the target is longer than {MAX_TARGET_BYTES} bytes: ask for fewer values, or for *"
        )
    text = text.strip()
    if text.startswith("@"):
        name, slash, rest = text[1:].partition("/")
        name = _name(name, text)
        return Target(name, _distinct(_pairs(rest, name, known) if slash else ()))
    if text.startswith("seriesByTag(") and text.endswith(")"):
        return _by_tag(text, known)
    raise BadRequest(f'a target starts with "@", as in {EXAMPLE}: got {_short(text)}')


def spelled(target: Target) -> str:
    """The target as text: with `@` where that spelling can say it, else as `seriesByTag`."""
    plain = all(
        pair.regex is None and not pair.negated and not any(set(value) & set(",{}") for value in pair.values)
        for pair in target.pairs
    )
    if plain:
        pairs = ",".join(f"{pair.key}={pair.asked}" for pair in target.pairs)
        return "@" + target.name.replace(".", "#") + ("/" + pairs if pairs else "")
    expressions = [f"name={target.name}"]
    for pair in target.pairs:
        operator = ("!" if pair.negated else "") + ("=" if pair.regex is None else "=~")
        # After "=" a leading "~" would make a regular expression of the value; a brace keeps them apart.
        braced = pair.regex is None and pair.asked.startswith("~")
        expressions.append(pair.key + operator + (f"{{{pair.asked}}}" if braced else pair.asked))
    quoted = (re.sub(r"([\\'])", r"\\\1", expression) for expression in expressions)
    return "seriesByTag(" + ",".join(f"'{expression}'" for expression in quoted) + ")"


def peel(text: str) -> tuple[str, str | None]:
    """(the target inside Grafana's `aliasSub(…, "(^.*$)", "\\1 REF")`, REF), or (the target, None).

    Nested wraps give their references joined by spaces, the innermost first, as the functions would.
    """
    inner = text
    references: list[str] = []
    if len(text) <= MAX_TARGET_BYTES:
        for _ in range(MAX_WRAPS):
            wrap = _WRAP.fullmatch(inner.strip())
            if not wrap:
                break
            inner = wrap.group(1)
            references.insert(0, wrap.group(2))
    return inner, " ".join(references) if references else None


def constant_line(text: str) -> float | None:
    """The number of a `constantLine(N)`, which Grafana asks for to test a datasource; else None."""
    found = _CONSTANT.fullmatch(text.strip())
    number = float(found.group(1)) if found else None
    return None if number in (float("inf"), float("-inf")) else number


def _pairs(text: str, name: str, known: Known) -> Iterator[Pair]:
    at = 0
    while True:
        comma = text.find(",", at)
        piece = text[at : comma if comma >= 0 else len(text)]
        key, equals, _ = piece.partition("=")
        key = _key(key)
        if not equals or not key:
            raise BadRequest(f"{_short(piece)} is not key=value, as in {EXAMPLE}; a set is written {{a,b}}")
        start = text.index("=", at) + 1
        values, at = _value(text, start, key, known_values(known(name, key)), ends_of_pair)
        if key in NUMBER_LISTS:
            more = _MORE_NUMBERS.match(text, at)
            at = more.end() if more else at
            values = _numbers(text[start:at])
        yield Pair(key, values)
        if at == len(text):
            return
        at += 1


def _key(text: str) -> str:
    """A key as it is meant: the plugin turns dots into `#`, which the name of a custom field may hold."""
    plain = text.strip().replace("#", ".")
    return CUSTOM + text.strip()[len(CUSTOM) :] if plain.startswith(CUSTOM) else plain


def _numbers(text: str) -> tuple[str, ...]:
    return (
        tuple(part.strip().replace("#", ".") for part in text.strip("{}").split(",")) if text != "*" else ()
    )


def _value(text: str, at: int, key: str, known: KnownValues, ends: Ends) -> tuple[tuple[str, ...], int]:
    """(the values that start at `at`, where they end); known values go first, then `*`, `{a,b}`, text."""
    found = known.match(text, at, ends)
    if found:
        return (found[0],), found[1]
    if text.startswith("{", at):
        return _braces(text, at, key, known, ends)
    end = len(text) if ends is ends_of_text else _text_end(text, at, key)
    return (() if text[at:end] == "*" else (text[at:end],)), end


def _braces(text: str, at: int, key: str, known: KnownValues, ends: Ends) -> tuple[tuple[str, ...], int]:
    values: dict[str, None] = {}
    count = 0
    while True:
        at += 1
        found = known.match(text, at, ends_in_braces)
        if found:
            value, end = found
        else:
            end = _element_end(text, at, key)
            value = text[at:end]
        values[value] = None
        count += 1
        if count > MAX_VALUES:
            raise BadRequest(f"{key}= names more than {MAX_VALUES} values: ask for *, or for fewer")
        at = end
        if text[at] == "}":
            at += 1
            if at < len(text) and ends is ends_of_text:
                raise BadRequest(f"the closing brace of {key}= is not the end of its value")
            return (() if "*" in values else tuple(values)), at


def _element_end(text: str, at: int, key: str) -> int:
    """Where a text in braces that nobody knows ends: at a comma, or at a brace that can be the last one."""
    for found in _COMMA_OR_BRACE.finditer(text, at):
        if found.group() == "," or text[found.end() : found.end() + 1] in ("", ","):
            return found.start()
    raise BadRequest(f"the brace after {key}= is not closed: a set is written {{a,b}}")


def _text_end(text: str, at: int, key: str) -> int:
    """Where a text that nobody knows ends: at the first comma outside braces."""
    depth = 0
    for found in _BRACE.finditer(text, at):
        if found.group() == "{":
            depth += 1
        elif found.group() == "}":
            depth = max(0, depth - 1)
        elif not depth:
            return found.start()
    if depth:
        raise BadRequest(f"a brace in the value of {key}= is not closed: a set is written {{a,b}}")
    return len(text)


def _by_tag(text: str, known: Known) -> Target:
    name, found = "", []
    for expression in _arguments(text):
        parts = _EXPRESSION.fullmatch(expression)
        key = _key(parts.group(1)) if parts else ""
        if not parts or not key:
            raise BadRequest(f"{_short(expression)} is not one of 'k=v', 'k!=v', 'k=~re', 'k!=~re'")
        operator, value = parts.group(2), parts.group(3)
        if key != "name":
            found.append((key, operator, value))
        elif operator != "=" or name:
            raise BadRequest("seriesByTag takes one 'name=…', a whole name such as tapd.bugs.change.daily")
        else:
            name = _name(value, text)
    if not name:
        raise BadRequest("seriesByTag needs a name: seriesByTag('name=tapd.bugs.change.daily','product=A')")
    pairs = []
    for key, operator, value in found:
        if operator.endswith("~"):
            pairs.append(Pair(key, regex=_regex(key, value), negated=operator == "!=~"))
        else:
            values, _ = _value(value, 0, key, known_values(known(name, key)), ends_of_text)
            values = _numbers(value) if key in NUMBER_LISTS else values
            pairs.append(Pair(key, values, negated=operator == "!="))
    return Target(name, _distinct(pairs))


def _arguments(text: str) -> Iterator[str]:
    """The quoted arguments; a quote closes only before `,` or the last `)`, for values may hold quotes."""
    at, end = len("seriesByTag("), len(text) - 1
    while True:
        while text[at : at + 1].isspace():
            at += 1
        rest = _QUOTED.get(text[at : at + 1])
        found = rest.match(text, at + 1) if rest else None
        if not found:
            raise BadRequest("seriesByTag takes quoted arguments: seriesByTag('name=…','key=value')")
        yield _ESCAPED.sub(r"\1", found.group().rstrip()[:-1])
        at = found.end() + 1
        if at > end:
            return


def _regex(key: str, pattern: str) -> str:
    try:
        re2.compile(pattern, options=_NO_LOGS)
    except re2.error as error:
        why = error.args[0].decode("utf-8", "replace") if error.args else "not understood"
        raise BadRequest(f"the regular expression of {key}: {why}") from None
    return pattern


def _name(text: str, target: str) -> str:
    words = text.strip().replace("#", ".").split(".")
    if len(words) < 2 or not all(map(_WORD.fullmatch, words)):
        raise BadRequest(f"a name is a source and words joined by # or .: {EXAMPLE}, not {_short(target)}")
    return ".".join(words)


def _distinct(pairs: Collection[Pair] | Iterator[Pair]) -> tuple[Pair, ...]:
    """The pairs; a key may stand twice only with different operators (`'k=~a','k!=b'`)."""
    found: dict[tuple[str, bool, bool], Pair] = {}
    for pair in pairs:
        spelling = (pair.key, pair.regex is None, pair.negated)
        if spelling in found:
            raise BadRequest(f"{pair.key}= is given twice: write {pair.key}={{a,b}} for several values")
        found[spelling] = pair
    return tuple(found.values())


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")
