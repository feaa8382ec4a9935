"""The configured instances with their clients and collectors."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from collectors import Collector, registry
from collectors.gitlab import GitlabClient, gitlab_headers
from collectors.proxies import Proxies
from collectors.quota import Quota
from collectors.shares import Account
from collectors.tapd_client import TapdClient, tapd_headers
from collectors.upstream import Patience, Upstream
from metrics_api.core.config import GitlabInstance, TapdInstance
from metrics_api.core.errors import ConfigError
from metrics_api.core.settings import Settings, variable
from metrics_api.core.store import Store

log = logging.getLogger(__name__)

# TAPD answers 502 to more at once; GitLab bears some.
WIDTH = {"tapd": 2, "gitlab": 4}
Instance = TapdInstance | GitlabInstance


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


def instances(settings: Settings) -> list[tuple[str, Instance]]:
    """All configured instances, each with its upstream, in the order of the file."""
    tapd: list[tuple[str, Instance]] = [("tapd", one) for one in settings.config.tapd]
    return [*tapd, *(("gitlab", one) for one in settings.config.gitlab)]


def configured(settings: Settings, upstream: str, name: str) -> bool:
    """Whether there are credentials to log in to an instance with."""
    credentials = settings.credentials(upstream, name)
    return credentials.configured and (upstream == "tapd" or bool(credentials.token))


def quota_of(
    settings: Settings, store: Store, upstream: str, instance: Instance, owner: str
) -> tuple[str, Quota]:
    """The name and the quota of an instance's account, shared with all processes; raises ConfigError.

    Two instances may be one account, as of two companies: it is called after the first of them.
    """

    def whose(one: Instance) -> tuple[object, ...]:
        return one.url.rstrip("/"), settings.credentials(upstream, one.name)

    mine, twins = whose(instance), list[Instance]()
    for kind, one in instances(settings):
        # What is wrong with another instance is told where that is asked for.
        with suppress(ConfigError):
            twins += [one] if kind == upstream and whose(one) == mine else []
    name = f"{upstream}:{twins[0].name}"
    limit = min(one.quota_per_minute for one in twins)
    return name, Quota(limit, WIDTH[upstream], account=Account(store, name, owner))


def client_of(
    settings: Settings,
    upstream: str,
    instance: Instance,
    patience: Patience | None = None,
    quota: Quota | None = None,
) -> TapdClient | GitlabClient | None:
    """The client of an instance, None where it has no credentials to log in with; raises ConfigError.

    `quota` is one that it shares; without, it has one of its own.
    """
    if not configured(settings, upstream, instance.name):
        return None
    credentials = settings.credentials(upstream, instance.name)
    headers = tapd_headers(credentials) if upstream == "tapd" else gitlab_headers(credentials)
    quota = quota or Quota(instance.quota_per_minute, WIDTH[upstream])
    proxies = Proxies.of(settings.environment)
    connection = Upstream(instance.name, instance.url, headers, quota, instance.ca_file, patience, proxies)
    if isinstance(instance, TapdInstance):
        return TapdClient(instance, connection, settings.config.people.enabled)
    return GitlabClient(instance, connection)


def sources(settings: Settings, store: Store, patience: Patience | None = None) -> list[Source]:
    """The instances that have credentials; the others are off, which is said once. Raises ConfigError."""
    units = registry()
    found = []
    quotas: dict[str, Quota] = {}
    owner = uuid.uuid4().hex
    for upstream, instance in instances(settings):
        name, shared = quota_of(settings, store, upstream, instance, owner)
        quota = quotas.setdefault(name, shared)
        client = client_of(settings, upstream, instance, patience, quota)
        if client is None:
            token = variable(upstream, instance.name, "TOKEN")
            log.warning("source off: no credentials source=%s set=%s", instance.name, token)
            continue
        mine = [unit(instance.name, client, store) for unit in units.values() if unit.upstream == upstream]
        on = [one for one in mine if one.on]
        found.append(Source(upstream, instance.name, instance.interval_minutes * 60.0, on, client.upstream))
    return found


def zones(settings: Settings) -> Mapping[str, str]:
    """The zone of each TAPD instance's zone-less times."""
    return {instance.name: instance.timezone for instance in settings.config.tapd}
