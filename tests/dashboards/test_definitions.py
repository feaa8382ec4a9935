"""Every metric says where it is defined, and is defined there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metrics_api.catalog import load_catalog

PAGE = (Path(__file__).parents[2] / "docs" / "definitions.md").read_text(encoding="utf-8")
SECTIONS = {part[0]: part for part in PAGE.split("\n## ")[1:]}
CITED = re.compile(r"docs/definitions\.md,\s+sections?\s+(\d)(?:\s+and\s+(\d))?")


def cited(name: str) -> list[str]:
    """The sections that a metric's docstring names."""
    found = CITED.findall(load_catalog().metric(name).function.__doc__ or "")
    return [section for pair in found for section in pair if section]


@pytest.mark.parametrize("name", load_catalog().metrics)
def test_a_metric_is_defined_in_a_section_that_it_names(name: str) -> None:
    sections = [SECTIONS[section] for section in cited(name)]
    named = {word for section in sections for word in re.findall(r"`([a-z.]+)`", section)}
    assert any(name == word or name.endswith(f".{word}") for word in named), cited(name)
