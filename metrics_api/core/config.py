"""The configuration file: `engmetrics.toml`, validated; every key is documented in engmetrics.example.toml.

Unknown keys are errors that name their line. Secrets are never in the file (see settings.py).
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from metrics_api.core.days import BEIJING, zone
from metrics_api.core.errors import BadRequest, ConfigError


def _known_zone(name: str) -> str:
    try:
        zone(name)
    except BadRequest as error:
        raise ValueError(str(error)) from None
    return name


# A few runs may fail, and a restart takes its time.
GAP_INTERVALS = 3
GAP_S = 1800.0


def _plain_address(text: str) -> str:
    """An address to which paths are appended: host, perhaps port and path, and nothing else."""
    try:
        parts = urlsplit(text)
        whole = bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", text)
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("not an address such as https://gitlab.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no user or password stands in it: credentials come from the environment")
    if parts.query or parts.fragment:
        raise ValueError("an address without ? and #")
    return text


Zone = Annotated[str, AfterValidator(_known_zone)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Address = Annotated[str, Field(pattern=r"^https?://"), AfterValidator(_plain_address)]
# A workspace or a project as it is named in the file.
Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Positive = Annotated[int, Field(ge=1)]
Flag = Literal["waiting", "active", "done", "dropped"]


class Section(BaseModel):
    """A table of the file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    """Where the API listens; without a token on the loopback only, unless `insecure` says otherwise."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    insecure: bool = False


class StoreSection(Section):
    """The MongoDB database; without a URI an embedded store is started on `data`."""

    uri: str = ""
    database: str = "engmetrics"
    data: Path = Path("data")


class Collect(Section):
    """How collecting processes share the work: a vanished one is taken over from after `lease_seconds`."""

    lease_seconds: Annotated[int, Field(ge=3)] = 30


class Log(Section):
    """How log lines look and which are written."""

    format: Literal["keyvalue", "json"] = "keyvalue"
    level: Literal["debug", "info", "warning", "error"] = "info"


class TapdInstance(Section):
    """One TAPD; credentials come from ENGMETRICS_TAPD_<NAME>_{TOKEN,USER,PASSWORD}."""

    name: Name = "tapd"
    url: Address = "https://api.tapd.cn"
    ca_file: Path | None = None
    company_id: str = ""
    workspaces: tuple[Reference, ...] = ()
    quota_per_minute: Positive = 60
    timezone: Zone = BEIJING
    interval_minutes: Positive = 10


class GitlabInstance(Section):
    """One GitLab; the token comes from ENGMETRICS_GITLAB_<NAME>_TOKEN."""

    name: Name = "gitlab"
    url: Address = "https://gitlab.com"
    ca_file: Path | None = None
    projects: tuple[Reference, ...] = ()
    quota_per_minute: Positive = 300
    interval_minutes: Positive = 5


class Stage(Section):
    """One stage: upstream statuses that mean the same to us; `resolved` marks fixed but not yet verified."""

    name: str = Field(min_length=1)
    statuses: tuple[str, ...] = Field(min_length=1)
    flag: Flag
    resolved: bool = False


class Stages(Section):
    """The stages of a product by item type, in order; an empty list means: guessed from the workflow."""

    bugs: tuple[Stage, ...] = ()
    stories: tuple[Stage, ...] = ()

    @field_validator("bugs", "stories")
    @classmethod
    def _each_status_once(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        for what, values in (
            ("stage", [stage.name for stage in stages]),
            ("status", [status for stage in stages for status in stage.statuses]),
        ):
            twice = [value for value, count in Counter(values).items() if count > 1]
            if twice:
                raise ValueError(f"{what} {twice[0]!r} stands in the list twice")
        return stages


class Product(Section):
    """A product: TAPD workspaces plus GitLab projects, called components.

    Workspaces are "id" or "tapd-name:id", projects "gitlab-name:group/project".
    """

    name: str = Field(min_length=1)
    workspaces: tuple[Reference, ...] = ()
    projects: tuple[Reference, ...] = ()
    timezone: Zone | None = None
    bug_version: Literal["version_report", "version_fix", "iteration"] = "version_report"
    stages: Stages = Stages()


class Config(Section):
    """The whole file; without one each workspace is a product named as TAPD names it."""

    timezone: Zone = BEIJING
    server: Server = Server()
    store: StoreSection = StoreSection()
    collect: Collect = Collect()
    log: Log = Log()
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
