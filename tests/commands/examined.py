"""What the doctor finds in a configuration, with what every finding has to keep to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any

from collectors.doctor import examine
from collectors.findings import Finding
from metrics_api.core.config import Config, GitlabInstance, StoreSection, TapdInstance
from metrics_api.core.days import utc_now
from metrics_api.core.errors import ConfigError
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from simulator import GitlabAccount, TapdAccount
from simulator.running import Running

LOGIN = {
    "ENGMETRICS_TAPD_TAPD_USER": TapdAccount().user,
    "ENGMETRICS_TAPD_TAPD_PASSWORD": TapdAccount().password,
    "ENGMETRICS_GITLAB_GITLAB_TOKEN": GitlabAccount().token,
}
PLACE = StoreSection(uri="mongodb://user:p4ss@127.0.0.1/?tls=false")
SECRETS = (TapdAccount().password, TapdAccount().token, GitlabAccount().token, "p4ss", "hush")


def configured(upstreams: Running, **changes: Any) -> Config:
    """The configuration of the small company; `changes` replace parts of it."""
    parts: dict[str, Any] = {
        "tapd": (TapdInstance(url=upstreams.tapd_url, workspaces=("991",)),),
        "gitlab": (GitlabInstance(url=upstreams.gitlab_url, projects=("group/small",)),),
    }
    return Config(**(parts | changes))


async def findings(
    config: Config,
    store: Store | ConfigError,
    environment: dict[str, str] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> list[Finding]:
    """All that the doctor finds; none of it holds a secret, and what is not well says what to do."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Store]:
        if isinstance(store, ConfigError):
            raise store
        yield store

    opens: Callable[[], AbstractAsyncContextManager[Store]] = opened
    config = config.model_copy(update={"store": PLACE})
    settings = Settings(config, LOGIN | {"X_ENGMETRICS": "hush"} | (environment or {}))
    found = [one async for one in examine(settings, opens, clock)]
    for one in found:
        assert not any(secret in f"{one.says} {one.todo}" for secret in SECRETS), one
        assert one.todo or one.level == "ok", one
    return found


def about(found: list[Finding], subject: str, level: str = "") -> list[str]:
    """What is said about a subject, at a level or at all."""
    return [one.says for one in found if one.about == subject and one.level.startswith(level)]


def bad(found: list[Finding]) -> list[tuple[str, str]]:
    """The subjects of what is not well, with the level."""
    return [(one.level, one.about) for one in found if one.level != "ok"]
