"""The sections of the configuration file; every key is documented in engmetrics.example.toml."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from metrics_api.core.days import BEIJING, zone
from metrics_api.core.errors import BadRequest


def _known_zone(name: str) -> str:
    try:
        zone(name)
    except BadRequest as error:
        raise ValueError(str(error)) from None
    return name


def _known_country(code: str) -> str:
    # Loaded only where a country is named: that takes longer than the rest of the configuration.
    from holidays import country_holidays

    try:
        country_holidays(code)
    except NotImplementedError:
        raise ValueError(f"unknown country {code!r}: use a code of two letters, such as CN or DE") from None
    return code


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
    """One TAPD; credentials come from ENGMETRICS_TAPD_<NAME>_{TOKEN,USER,PASSWORD}.

    `url` is where its API is, `web` where its pages are.
    """

    name: Name = "tapd"
    url: Address = "https://api.tapd.cn"
    web: Address = "https://www.tapd.cn"
    ca_file: Path | None = None
    company_id: str = ""
    workspaces: tuple[Reference, ...] = ()
    quota_per_minute: Positive = 60
    timezone: Zone = BEIJING
    interval_minutes: Positive = 10
    life_times: bool = False


class GitlabInstance(Section):
    """One GitLab; the token comes from ENGMETRICS_GITLAB_<NAME>_TOKEN."""

    name: Name = "gitlab"
    url: Address = "https://gitlab.com"
    ca_file: Path | None = None
    projects: tuple[Reference, ...] = ()
    quota_per_minute: Positive = 300
    interval_minutes: Positive = 5


class Stage(Section):
    """One stage: upstream statuses that mean the same to us; `resolved` marks fixed but not yet verified.

    `limit` is how many items the team wants to have in it at most.
    """

    name: str = Field(min_length=1)
    statuses: tuple[str, ...] = Field(min_length=1)
    flag: Flag
    resolved: bool = False
    limit: Positive | None = None


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


class Calendar(Section):
    """When work is done: between `hours` on days that are none of rest, as the country keeps them.

    `off` are more days of rest, `on` more days of work; both go before what the country's calendar says.
    """

    country: Annotated[str, AfterValidator(_known_country)] = "CN"
    hours: tuple[tuple[time, time], ...] = ((time(9, 30), time(18, 30)),)
    off: tuple[date, ...] = ()
    on: tuple[date, ...] = ()

    @field_validator("hours")
    @classmethod
    def _rising(cls, hours: tuple[tuple[time, time], ...]) -> tuple[tuple[time, time], ...]:
        moments = [moment for span in hours for moment in span]
        if not moments or moments != sorted(set(moments)) or any(one.tzinfo for one in moments):
            raise ValueError('spans that follow each other, such as [["09:00", "12:00"], ["13:00", "18:00"]]')
        return hours


class DefectIndex(Section):
    """What an open defect of each severity weighs, and what a release may have at most (EdgeGallery R1.1)."""

    weights: dict[str, Annotated[float, Field(ge=0)]] = {
        "fatal": 10,
        "serious": 3,
        "normal": 1,
        "prompt": 0.1,
        "advice": 0,
    }
    gate: Annotated[float, Field(ge=0)] = 10
    fatal: Annotated[int, Field(ge=0)] = 0
    serious: Annotated[int, Field(ge=0)] = 1


class Escape(Section):
    """Which bugs were found in production: those with one of these values in a field of the bug."""

    field: str = Field(min_length=1)
    production: tuple[str, ...] = Field(min_length=1)


class People(Section):
    """Whether metrics may be filtered and split by people, and their accounts be kept under their names."""

    enabled: bool = False


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
    calendar: Calendar = Calendar()
    min_for_quantiles: Positive = 5
    defect_index: DefectIndex = DefectIndex()
    untouched_days: dict[str, Positive] = {"fatal": 3, "serious": 7}
    escape: Escape | None = None
