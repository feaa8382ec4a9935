"""What the doctor finds about an upstream: login, clock, quota, and what a first collection takes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from yarl import URL

from collectors import WHOLE, Since, registry
from collectors.findings import Finding, clocks, counted, doubtful, fine, wrong
from collectors.first_collection import lasting, requests_needed
from collectors.gitlab import API, PER_PAGE, GitlabClient
from collectors.sources import Instance, client_of, quota_of
from collectors.tapd_client import TapdClient
from collectors.upstream import Answer, Limited, Patience, rejected
from metrics_api.core.config import TapdInstance
from metrics_api.core.days import utc_now
from metrics_api.core.errors import ConfigError, Retriable, StoreUnavailable, UpstreamError
from metrics_api.core.security import is_loopback
from metrics_api.core.settings import Settings, variable
from metrics_api.core.store import Store

# Somebody waits for the answer.
PATIENCE = Patience(
    attempts=2, first_s=0.2, longest_s=1.0, limited_first_s=1.0, limited_s=3.0, timeout_s=15.0, silence_s=10.0
)
# So long it waits for a place in the account's quota beside the processes that collect: they are to have
# given way by then, unless all of them have to wait.
PLACE_S = 90.0
# A Date header has whole seconds.
SLACK_S = 5.0
# What is left of a limit when it is time to say so.
SCARCE = 0.1
LONG_H = 24

Client = TapdClient | GitlabClient


async def upstream_findings(
    settings: Settings,
    upstream: str,
    instance: Instance,
    store: Store | None,
    clock: Callable[[], datetime] = utc_now,
) -> list[Finding]:
    """Whether an instance can be collected; without a store only whether it lets us in.

    Its requests count in the account's quota like those of the processes that collect.
    """
    about = f"{upstream} {instance.name}" if instance.name != upstream else upstream
    names = [variable(upstream, instance.name, what) for what in ("TOKEN", "USER", "PASSWORD")]
    logins = f"{names[0]}, or {names[1]} and {names[2]}" if upstream == "tapd" else names[0]
    try:
        owner, quota = uuid.uuid4().hex, None
        if store is not None:
            _, quota = quota_of(settings, store, upstream, instance, owner)
        client = client_of(settings, upstream, instance, PATIENCE, quota)
        if client is None:
            return [wrong(about, "no credentials: it is off", f"set {logins}")]
        try:
            return [
                *_clear(about, instance),
                *await _examined(about, client, logins, store, clock, _named(settings, upstream, instance)),
            ]
        finally:
            await client.upstream.aclose()
    except ConfigError as error:
        return [wrong(about, str(error), "mend that variable, or the file that it or ca_file names")]


def _named(settings: Settings, upstream: str, instance: Instance) -> list[str]:
    """The workspaces or projects of an instance that products name and its own section does not."""
    config = settings.config
    if upstream == "tapd":
        keys = [config.workspace_key(one) for product in config.product for one in product.workspaces]
    else:
        keys = [config.project_key(one) for product in config.product for one in product.projects]
    own = instance.workspaces if isinstance(instance, TapdInstance) else instance.projects
    names = (key.removeprefix(f"{instance.name}:") for key in keys if key.startswith(f"{instance.name}:"))
    return [name for name in names if name not in own]


def _clear(about: str, instance: Instance) -> list[Finding]:
    """A warning where credentials travel unencrypted."""
    url = URL(instance.url)
    if url.scheme == "https" or is_loopback(url.host or ""):
        return []
    return [doubtful(about, "credentials are sent unencrypted", "use https:// in its url")]


async def _examined(
    about: str,
    client: Client,
    logins: str,
    store: Store | None,
    clock: Callable[[], datetime],
    named: list[str],
) -> list[Finding]:
    path = "/quickstart/testauth" if isinstance(client, TapdClient) else f"{API}/user"
    try:
        async with asyncio.timeout(PLACE_S):
            address = client.upstream.address(path, {})
            answer, at = await client.upstream.ask(address, lambda answer: (_arrived(answer), clock()))
    except (Limited, TimeoutError):
        todo = "run this again in some minutes; other programs may be using the same account"
        return [doubtful(about, "its quota is used up at present", todo)]
    except UpstreamError as error:
        return [wrong(about, str(error), "mend its url, ca_file or the proxy, or wait until it is back")]
    login = _let_in(about, client, answer, logins)
    found = [login, *_clock(about, answer, at)]
    if login.level == "error":
        return found
    found += _quota(about, client, answer)
    if store is not None:
        try:
            found += await _reach(about, client, store, clock(), named)
        except StoreUnavailable as error:
            found.append(wrong("store", str(error), "see whether it is still running"))
    return found


def _arrived(answer: Answer) -> Answer:
    """The answer; raises Retriable for a failure that may pass."""
    failure = rejected(answer)
    if failure:
        raise failure
    return answer


def _let_in(about: str, client: Client, answer: Answer, logins: str) -> Finding:
    """Whether the login was right. Of what TAPD answers nothing is told: it holds the password."""
    gitlab = isinstance(client, GitlabClient)
    if answer.status == 200:
        name = "GitLab" if gitlab else "TAPD"
        try:
            envelope = answer.json()
        except Retriable as error:
            return wrong(about, str(error), f"mend its url: what answers there is not {name}'s API")
        if gitlab and isinstance(envelope, dict) and "username" in envelope:
            return fine(about, "it accepts the token")
        if gitlab:
            return wrong(about, "it answers, and not as GitLab", "mend its url")
        if isinstance(envelope, dict) and str(envelope.get("status")) == "1":
            return fine(about, "it accepts the credentials")
        return wrong(about, "it does not accept the credentials", f"mend {logins}")
    if answer.status in (401, 403, 422):
        scope = "; the token needs the scope read_api" if gitlab else ""
        return wrong(
            about, f"HTTP {answer.status}: it does not accept the credentials", f"mend {logins}{scope}"
        )
    todo = "mend its url; it is that of GitLab itself, without /api/v4" if gitlab else "mend its url"
    return wrong(about, f"HTTP {answer.status} where its API should be", todo)


def _clock(about: str, answer: Answer, at: datetime) -> list[Finding]:
    try:
        theirs = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return []
    return [clocks(f"clock {about}", at.timestamp() - theirs.replace(tzinfo=UTC).timestamp(), SLACK_S)]


def _quota(about: str, client: Client, answer: Answer) -> list[Finding]:
    """The configured quota beside what the server says of its own, where it does."""
    mine = client.config.quota_per_minute
    prefix = "X-RateLimit" if isinstance(client, TapdClient) else "RateLimit"
    limit, left = (_number(answer, f"{prefix}-{name}") for name in ("Limit", "Remaining"))
    if limit is None:
        return [fine(about, f"quota_per_minute is {mine}; the server names no limit")]
    # For how long TAPD's limit counts is not documented: GitLab's is per minute.
    unit = "" if isinstance(client, TapdClient) else " a minute"
    says = f"quota_per_minute is {mine}; the server names a limit of {limit}{unit}"
    if left is not None:
        says += f", {left} left"
    if not isinstance(client, TapdClient) and mine > limit:
        return [doubtful(about, says, f"set quota_per_minute below {limit}")]
    if left is not None and left < SCARCE * limit:
        return [doubtful(about, says, "see which other programs use the same account")]
    return [fine(about, says)]


def _number(answer: Answer, header: str) -> int | None:
    text = answer.headers.get(header, "")
    return int(text) if text.isascii() and text.isdecimal() else None


async def _reach(about: str, client: Client, store: Store, now: datetime, named: list[str]) -> list[Finding]:
    """Whether the workspaces or projects are there, and how long it takes to collect them first."""
    upstream = "tapd" if isinstance(client, TapdClient) else "gitlab"
    unit = next(one for one in registry().values() if one.upstream == upstream and one.whole)
    noun = "workspace" if upstream == "tapd" else "project"
    what = f"{noun}s"
    lister = unit(client.config.name, client, store)
    scopes: list[str] = []
    paths: set[str] = set()
    found: list[Finding] = []
    more = False
    try:
        async with aclosing(lister.fetch(WHOLE, Since(None, {}, now))) as pages:
            async for page in pages:
                scopes += [lister.identify(record, page.about).id for record in page.records]
                paths |= {str(record.get("path_with_namespace", "")) for record in page.records}
                # Who is a member of thousands need not wait for all of them to be listed.
                more = (
                    isinstance(client, GitlabClient)
                    and not client.config.projects
                    and len(scopes) >= PER_PAGE
                )
                if more:
                    break
    except UpstreamError as error:
        mend = "company_id or its workspaces" if upstream == "tapd" else what
        found.append(wrong(about, str(error), f"mend its {mend}, or let the account take part in them"))
    except (KeyError, TypeError, ValueError):
        found.append(wrong(about, f"it lists {what} that are none", "mend its url"))
    if scopes:
        found.append(fine(about, f"it has {counted(len(scopes), noun)}{' or more' if more else ''}"))
    elif not found:
        todo = f"name {what} in its section, or let the account take part in some"
        found.append(doubtful(about, f"there are no {what} to collect", todo))
    missing = [name for name in named if name not in paths and name not in scopes]
    if missing and not more and not any(finding.level == "error" for finding in found):
        says = f"a product names {what} that are not collected: {', '.join(missing)}"
        found.append(doubtful(about, says, f"mend the product's {what}, or name them here as well"))
    try:
        needed = await requests_needed(client, store, scopes, now)
    except UpstreamError as error:
        says = f"how long a first collection takes is not known: {error}"
        return [*found, doubtful(about, says, "run this again in some minutes")]
    return [*found, *_duration(about, client, needed)] if needed else found


def _duration(about: str, client: Client, needed: int) -> list[Finding]:
    """How long a first collection takes at the configured quota."""
    quota = client.config.quota_per_minute
    minutes = needed / quota
    length = lasting(needed, quota)
    says = f"a first collection takes some {length}: about {counted(needed, 'request')} at {quota} a minute"
    if minutes < LONG_H * 60:
        return [fine(about, says)]
    return [
        doubtful(
            about, says, "raise quota_per_minute if the account is allowed more, or name less to collect"
        )
    ]
