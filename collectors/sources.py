"""The configured instances with their clients and collectors."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collectors import Collector, registry
from collectors.gitlab import GitlabClient, gitlab_headers
from collectors.proxies import Proxies
from collectors.quota import Quota
from collectors.tapd_client import TapdClient, tapd_headers
from collectors.upstream import Patience, Upstream
from metrics_api.core.config import GitlabInstance, TapdInstance
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store

log = logging.getLogger(__name__)

# TAPD answers 502 to more at once; GitLab bears some.
WIDTH = {"tapd": 2, "gitlab": 4}


@dataclass(frozen=True)
class Source:
    """One instance that is on: its collectors in the order of a round, and its connection.

    A TAPD and a GitLab may have one name: only `upstream` and name together are its own.
    """

    upstream: str
    name: str
    interval_s: float
    collectors: list[Collector[Any]]
    connection: Upstream


def sources(settings: Settings, store: Store, patience: Patience | None = None) -> list[Source]:
    """The instances that have credentials; the others are off, which is said once. Raises ConfigError."""
    units = registry()
    proxies = Proxies.of(settings.environment)
    found = []
    for upstream, configured in (("tapd", settings.config.tapd), ("gitlab", settings.config.gitlab)):
        instance: TapdInstance | GitlabInstance
        for instance in configured:
            credentials = settings.credentials(upstream, instance.name)
            token_wanted = upstream == "gitlab" and not credentials.token
            if not credentials.configured or token_wanted:
                variable = f"ENGMETRICS_{upstream}_{instance.name}_TOKEN".upper().replace("-", "_")
                log.warning("source off: no credentials source=%s set=%s", instance.name, variable)
                continue
            headers = tapd_headers(credentials) if upstream == "tapd" else gitlab_headers(credentials)
            quota = Quota(instance.quota_per_minute, WIDTH[upstream])
            connection = Upstream(
                instance.name, instance.url, headers, quota, instance.ca_file, patience, proxies
            )
            client: Any
            if isinstance(instance, TapdInstance):
                client = TapdClient(instance, connection)
            else:
                client = GitlabClient(instance, connection)
            mine = [
                unit(instance.name, client, store) for unit in units.values() if unit.upstream == upstream
            ]
            found.append(Source(upstream, instance.name, instance.interval_minutes * 60.0, mine, connection))
    return found


def zones(settings: Settings) -> Mapping[str, str]:
    """The zone of each TAPD instance's zone-less times."""
    return {instance.name: instance.timezone for instance in settings.config.tapd}
