"""The generated page of metrics says what the catalog says, with answers that were worked out by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.__main__ import main
from docs.metrics_page import page
from metrics_api.catalog import load_catalog
from tests.company import expected


@pytest.fixture(scope="module")
def made() -> str:
    return page()


def sections(text: str) -> dict[str, str]:
    """The sections of the page by the metrics they are about."""
    parts = re.split(r"^## `([a-z.]+)`\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_metric_is_there_with_all_that_may_be_asked(made: str) -> None:
    catalog = load_catalog().metrics
    assert list(sections(made)) == list(catalog)
    for name, text in sections(made).items():
        metric = catalog[name]
        assert text.startswith(f"\n{metric.help}\n")
        assert f"- **Unit**: {metric.unit}\n" in text
        for one in (*metric.filters, *metric.options):
            assert f"`{one}`" in text
        (target,) = re.findall(r"^    (.+)$", text, re.MULTILINE)
        load_catalog().check(target)
        assert f"[`{name}`](#{name.replace('.', '')})" in made


def test_every_definition_leads_to_the_page_it_names(made: str) -> None:
    assert re.search(r"Definition:\s+docs/", made) is None
    assert (
        made.count("Definition: [definitions.md](definitions.md), section") >= len(load_catalog().metrics) - 5
    )


def test_examples_are_the_answers_that_were_worked_out_by_hand(made: str) -> None:
    text = sections(made)["tapd.bugs.change.daily"]
    assert "    @tapd#bugs#change#daily/product=Shop & Co\n" in text
    closed = " | ".join(str(row[4]) for row in expected.LEDGER_SHOP[:7])
    assert f"| closed | {closed} |\n" in text


def test_almost_every_metric_has_something_to_show(made: str) -> None:
    bare = [name for name, text in sections(made).items() if not re.search(r"\| [1-9][\d.]* \|", text)]
    assert len(bare) <= len(load_catalog().metrics) // 10, bare


def test_the_check_tells_an_old_page_from_a_new_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], made: str
) -> None:
    file = tmp_path / "metrics.md"
    assert main(["--check", "--file", str(file)]) == 1
    assert main(["--file", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == made
    assert main(["--check", "--file", str(file)]) == 0
    file.write_text(made.replace("# Metrics", "# Numbers"), encoding="utf-8")
    capsys.readouterr()
    assert main(["--check", "--file", str(file)]) == 1
    shown = capsys.readouterr()
    assert "-# Numbers\n+# Metrics\n" in shown.out
    assert "run `python -m docs`" in shown.err
