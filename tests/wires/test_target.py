"""The grammar of expressions: both spellings, known values, and words for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metrics_api.core.errors import BadRequest
from metrics_api.target import Pair, Target, constant_line, parse, peel, spelled

VALUES = {
    "product": ("A", "B", "R&D, Inc", "R&D", "C#API", "a=b", "{x}", "it's", "产品A", "end}", "A,version=1"),
    "version": ("v1.0.0", "v1.1.0", "v1~2", "v1.2", "N/A", "v1.2.3.4.5"),
}


def known(values: Mapping[str, Collection[str]]) -> Callable[[str, str], Collection[str]]:
    return lambda name, key: values.get(key, ())


def pairs(text: str) -> tuple[Pair, ...]:
    return parse(text, known(VALUES)).pairs


def test_both_separators_give_the_same_name() -> None:
    for text in ("@tapd#bugs#change#daily", "@tapd.bugs.change.daily", " @tapd#bugs.change#daily\n"):
        assert parse(text, known({})) == Target("tapd.bugs.change.daily")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("product=A", [Pair("product", ("A",))]),
        (
            "product=A,version={v1.0.0,v1.1.0}",
            [Pair("product", ("A",)), Pair("version", ("v1.0.0", "v1.1.0"))],
        ),
        ("product=*", [Pair("product", ())]),
        ("product={A,*}", [Pair("product", ())]),
        ("tz=Asia/Shanghai", [Pair("tz", ("Asia/Shanghai",))]),
        ("version=N/A", [Pair("version", ("N/A",))]),
        ("product=", [Pair("product", ("",))]),
        ("product=$Product", [Pair("product", ("$Product",))]),
        ("product=R&D, Inc,version=v1.0.0", [Pair("product", ("R&D, Inc",)), Pair("version", ("v1.0.0",))]),
        ("product={R&D, Inc,A}", [Pair("product", ("R&D, Inc", "A"))]),
        ("product=a=b", [Pair("product", ("a=b",))]),
        ("product={x}", [Pair("product", ("{x}",))]),
        ("product={{x},end}}", [Pair("product", ("{x}", "end}"))]),
        ("product=A,version=1", [Pair("product", ("A,version=1",))]),
        ("product=A, version=v1.0.0", [Pair("product", ("A",)), Pair("version", ("v1.0.0",))]),
        ("product=x{1,2}y,by=module", [Pair("product", ("x{1,2}y",)), Pair("by", ("module",))]),
        ("product={A,A,B}", [Pair("product", ("A", "B"))]),
        ("q=50,85,95", [Pair("q", ("50", "85", "95"))]),
        ("q=50,99#9,step=1w", [Pair("q", ("50", "99.9")), Pair("step", ("1w",))]),
        ("q={50,85}", [Pair("q", ("50", "85"))]),
        ("cf#found=x", [Pair("cf.found", ("x",))]),
        ("product=产品A", [Pair("product", ("产品A",))]),
    ],
)
def test_pairs_are_split_at_commas_outside_braces_and_known_values(text: str, expected: list[Pair]) -> None:
    assert list(pairs(f"@tapd#bugs#change#daily/{text}")) == expected


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("v1#0#0", "v1.0.0"),
        ("v1~0.0", "v1.0.0"),
        ("v1.2.3.4#5", "v1.2.3.4.5"),
        ("v1.2", "v1.2"),
        ("v1~2", "v1~2"),
        ("v1#2", "v1.2"),
        ("v9#9", "v9#9"),
    ],
)
def test_values_are_found_literally_and_then_with_separators_folded(typed: str, found: str) -> None:
    assert pairs(f"@tapd#bugs/version={typed}") == (Pair("version", (found,)),)
    assert pairs(f"@tapd#bugs/version={{{typed},x}}") == (Pair("version", (found, "x")),)


def test_what_the_plugin_sends_for_several_products_and_versions_is_understood() -> None:
    text = "@tapd#bugs#change#daily/product={A,B},version={v1#0#0,v1.1.0}"
    assert parse(text, known(VALUES)) == Target(
        "tapd.bugs.change.daily",
        (Pair("product", ("A", "B")), Pair("version", ("v1.0.0", "v1.1.0"))),
    )


def test_the_graphite_spelling_is_the_same_query() -> None:
    text = "seriesByTag('name=tapd.bugs.change.daily','product=A','version=~v1.*','by=severity')"
    assert parse(text, known(VALUES)) == Target(
        "tapd.bugs.change.daily",
        (Pair("product", ("A",)), Pair("version", regex="v1.*"), Pair("by", ("severity",))),
    )


def test_the_graphite_spelling_negates_quotes_and_folds() -> None:
    text = """seriesByTag( "name=tapd#bugs" , 'product=it's' , 'version!=v1#0#0', 'status!=~(new|x)\\d' )"""
    assert parse(text, known(VALUES)) == Target(
        "tapd.bugs",
        (
            Pair("product", ("it's",)),
            Pair("version", ("v1.0.0",), negated=True),
            Pair("status", regex="(new|x)\\d", negated=True),
        ),
    )
    assert pairs("seriesByTag('name=a.b','product={A,B}','version=*','x=1,2')") == (
        Pair("product", ("A", "B")),
        Pair("version", ()),
        Pair("x", ("1,2",)),
    )
    assert pairs("seriesByTag('name=a.b','version=~v1','version!=v1.0.0')") == (
        Pair("version", regex="v1"),
        Pair("version", ("v1.0.0",), negated=True),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tapd#bugs", 'starts with "@"'),
        ("", 'starts with "@"'),
        ("@", "a source and words"),
        ("@tapd", "a source and words"),
        ("@tapd##bugs", "a source and words"),
        ("@tapd#$metric/product=A", "a source and words"),
        ("@tapd#{bugs,stories}#flow#wip", "a source and words"),
        ("@tapd#bugs/", "is not key=value"),
        ("@tapd#bugs/product", "'product' is not key=value"),
        ("@tapd#bugs/=A", "'=A' is not key=value"),
        ("@tapd#bugs/product=A,,by=x", "'' is not key=value"),
        ("@tapd#bugs/product=A,B", "'B' is not key=value"),
        ("@tapd#bugs/product={A,B", "product= is not closed"),
        ("@tapd#bugs/product=x{A,B", "product= is not closed"),
        ("@tapd#bugs/product=A,product=B", "product= is given twice"),
        ("seriesByTag()", "quoted arguments"),
        ("seriesByTag(name=a.b)", "quoted arguments"),
        ("seriesByTag('name=a.b'", 'starts with "@"'),
        ("seriesByTag('product=A')", "needs a name"),
        ("seriesByTag('name=~a.b')", "one 'name=…'"),
        ("seriesByTag('name=a.b','name=a.c')", "one 'name=…'"),
        ("seriesByTag('name=a.b','product')", "is not one of 'k=v'"),
        ("seriesByTag('name=a.b','product=~(')", "regular expression of product: missing )"),
        ("seriesByTag('name=a.b','product={A},B')", "product= is not the end"),
        ("@a#b/product={" + "x," * 5000 + "x}", "product= names more than 5000 values"),
        ("@a#b/product=" + "x" * 65536, "longer than 65536 bytes"),
    ],
)
def test_a_target_that_breaks_the_grammar_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(words)) as refused:
        parse(text, known({}))
    assert refused.value.status == 400
    assert len(str(refused.value)) < 300


def test_the_largest_target_is_still_read() -> None:
    text = "@a#b/product={" + ",".join(["A" * 12] * 5000) + "}"
    assert parse(text, known(VALUES)).pairs == (Pair("product", ("A" * 12,)),)


WRAP_11_6 = 'aliasSub(@tapd#bugs/product={A,B},\nversion=v1.0.0, "(^.*$)", "\\1 A")'


@pytest.mark.parametrize(
    ("text", "inner", "reference"),
    [
        ("@tapd#bugs/product=A", "@tapd#bugs/product=A", None),
        ('aliasSub(@tapd#bugs/product=A,"(^.*$)","\\1 A")', "@tapd#bugs/product=A", "A"),
        (WRAP_11_6, "@tapd#bugs/product={A,B},\nversion=v1.0.0", "A"),
        ('aliasSub(constantLine(100), "(^.*$)", "\\1 A")', "constantLine(100)", "A"),
        ('aliasSub(@tapd#bugs, "(^.*$)", "\\1 My_query")', "@tapd#bugs", "My_query"),
        ('aliasSub(aliasSub(@tapd#bugs,"(^.*$)","\\1 A"), "(^.*$)", "\\1 B")', "@tapd#bugs", "A B"),
        ("aliasSub(@tapd#bugs)", "aliasSub(@tapd#bugs)", None),
        ('aliasSub(@a#b/product=),"x, "(^.*$)", "\\1 A")', '@a#b/product=),"x', "A"),
    ],
)
def test_grafanas_wrap_is_peeled_off_from_both_ends(text: str, inner: str, reference: str | None) -> None:
    assert peel(text) == (inner, reference)


def test_a_thousand_wraps_are_not_peeled_one_by_one() -> None:
    text = "@a#b"
    for _ in range(1000):
        text = f'aliasSub({text},"(^.*$)","\\1 A")'
    inner, reference = peel(text)
    assert inner.startswith("aliasSub(")
    assert reference == " ".join("A" * 8)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("constantLine(100)", 100.0),
        ("constantLine( -1.5e1 )", -15.0),
        ("constantLine(1e999)", None),
        ("x", None),
    ],
)
def test_a_constant_line_gives_its_number(text: str, number: float | None) -> None:
    assert constant_line(text) == number


words = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
plain = st.text(
    st.characters(blacklist_characters="#~,{}*", blacklist_categories=("Cs", "Z", "C")), min_size=1
)
odd = st.text(st.sampled_from("ab.,={}'\"\\#~é/() "), min_size=1, max_size=8).filter(
    lambda text: text == text.strip() and text != "*"
)


@given(
    st.lists(words, min_size=2, max_size=5).map(".".join),
    st.dictionaries(
        words.filter(lambda key: key not in ("name", "q")),
        st.one_of(
            st.lists(plain, max_size=4, unique=True).map(lambda values: (tuple(values), None, False)),
            st.lists(plain, min_size=1, max_size=3, unique=True).map(lambda v: (tuple(v), None, True)),
            st.sampled_from(["v1.*", r"\d+\.x", "it's", 'a"b', "a,b{2}"]).map(lambda text: ((), text, False)),
        ),
        max_size=4,
    ),
)
@settings(max_examples=200, deadline=None)
def test_a_target_written_out_reads_as_itself(
    name: str, asked: dict[str, tuple[tuple[str, ...], str | None, bool]]
) -> None:
    target = Target(name, tuple(Pair(key, *what) for key, what in asked.items()))
    assert parse(spelled(target), known({})) == target


@given(odd, plain)
@settings(max_examples=200, deadline=None)
def test_a_known_value_is_found_whatever_it_holds(value: str, other: str) -> None:
    found = parse(f"@a#b/product={value},by=x", known({"product": [value]}))
    assert found.pairs == (Pair("product", (value,)), Pair("by", ("x",)))
    both = parse(f"@a#b/product={{{value},{other}}}", known({"product": [value, other]}))
    assert set(both.pairs[0].values) == {value, other}
    target = Target("a.b", (Pair("product", (value,)),))
    assert parse(spelled(target), known({"product": [value]})) == target


@given(
    st.text(max_size=60),
    st.sampled_from(["", "@", "@a#b/", "@a#b/product=", "seriesByTag(", "seriesByTag('"]),
)
@example("'a\\", "seriesByTag(")
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused(text: str, start: str) -> None:
    for whole in (start + text, start + text + "')"):
        try:
            found = parse(whole, known(VALUES))
        except BadRequest:
            continue
        assert found.name.count(".") >= 1
        peel(whole)
