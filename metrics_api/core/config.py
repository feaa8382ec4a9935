"""The configuration file: `engmetrics.toml`, validated; every key is documented in engmetrics.example.toml.

Unknown keys are errors that name their line. Secrets are never in the file (see settings.py).
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError, model_validator

from metrics_api.core.days import BEIJING
from metrics_api.core.errors import ConfigError
from metrics_api.core.sections import (
    Collect,
    GitlabInstance,
    Log,
    People,
    Product,
    Section,
    Server,
    Stage,
    Stages,
    StoreSection,
    TapdInstance,
    Zone,
)

__all__ = [
    "Collect",
    "Config",
    "GitlabInstance",
    "Log",
    "Product",
    "Server",
    "Stage",
    "Stages",
    "StoreSection",
    "TapdInstance",
    "load_config",
    "parse_config",
    "patience_s",
]

# A few runs may fail, and a restart takes its time.
GAP_INTERVALS = 3
GAP_S = 1800.0


class Config(Section):
    """The whole file; without one each workspace is a product named as TAPD names it."""

    timezone: Zone = BEIJING
    server: Server = Server()
    store: StoreSection = StoreSection()
    collect: Collect = Collect()
    log: Log = Log()
    people: People = People()
    tapd: tuple[TapdInstance, ...] = ()
    gitlab: tuple[GitlabInstance, ...] = ()
    product: tuple[Product, ...] = ()

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Config:
        for what, values in (
            ("[[tapd]] name", [one.name for one in self.tapd]),
            ("[[gitlab]] name", [one.name for one in self.gitlab]),
            ("[[product]] name", [one.name for one in self.product]),
            ("workspace", [self.workspace_key(text) for one in self.product for text in one.workspaces]),
            ("project", [self.project_key(text) for one in self.product for text in one.projects]),
        ):
            twice = [value for value, count in Counter(values).items() if count > 1]
            if twice:
                raise ValueError(f"{what} {twice[0]!r} is given twice")
        return self

    def workspace_key(self, text: str) -> str:
        """`<instance>:<workspace id>` of a workspace as a product names it."""
        return text if ":" in text else f"{self.tapd[0].name if self.tapd else 'tapd'}:{text}"

    def project_key(self, text: str) -> str:
        """`<instance>:<path with namespace>` of a project as a product names it."""
        return text if ":" in text else f"{self.gitlab[0].name if self.gitlab else 'gitlab'}:{text}"


def patience_s(interval_s: float) -> float:
    """How many seconds a scope may go without a successful run before nobody can be said to look at it."""
    return max(GAP_INTERVALS * interval_s, GAP_S)


def parse_config(text: str, source: str) -> Config:
    """The configuration in TOML text; raises ConfigError with `source`, line and key for anything wrong."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: not valid TOML: {error}") from None
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        findings = []
        for item in error.errors():
            path = [part for part in item["loc"] if part != "[key]"]
            key = ".".join(str(part) for part in path) or "the file"
            what = item["msg"].removeprefix("Value error, ")
            if item["type"] == "extra_forbidden":
                what = f"unknown key; known here: {', '.join(_known_keys(path[:-1]))}"
            findings.append(f"{source}, line {_line_of(text, path)}: {key}: {what}")
        raise ConfigError("\n".join(findings)) from None


def load_config(path: Path) -> Config:
    """The configuration in a file; raises ConfigError when it cannot be read or is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    return parse_config(text, str(path))


def _known_keys(path: list[str | int]) -> list[str]:
    model: type[BaseModel] = Config
    for part in path:
        if isinstance(part, str):
            model = _section_in(model.model_fields[part].annotation) or model
    return sorted(model.model_fields)


def _section_in(annotation: object) -> type[BaseModel] | None:
    """The section that a field holds, as itself or as in `tuple[Stage, ...]`; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_section_in, get_args(annotation))), None)


def _line_of(text: str, path: list[str | int]) -> int:
    """The line of a key such as `["tapd", 1, "url"]`; headers are counted, then the key is looked for."""
    table = next((part for part in path if isinstance(part, str)), "")
    nth = next((part for part in path if isinstance(part, int)), 0)
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    headers = 0
    here = len(path) < 2
    found = 1
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\[?\s*([\w-]+)(\.[\w.-]+)?\s*\]", line)
        if header:
            same = header.group(1) == table
            if same and not header.group(2):
                headers += 1
            here = same and headers in (0, nth + 1)
            if here and found == 1:
                found = number
        elif here and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return found
