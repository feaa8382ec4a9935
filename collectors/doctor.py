"""The doctor: examines what engmetrics needs and says what to do; changes nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime

from collectors.findings import Finding, counted, doubtful, fine, wrong
from collectors.sources import instances
from collectors.store_findings import store_findings
from collectors.upstream_findings import upstream_findings
from metrics_api.core.days import utc_now, zone_data
from metrics_api.core.errors import ConfigError
from metrics_api.core.security import PROTECT, exposed, is_loopback, resolved, signing_keys
from metrics_api.core.settings import API_TOKEN, Settings, variable
from metrics_api.core.store import Store

# A shorter token is guessed before long.
TOKEN_CHARACTERS = 16
# What is read of an instance, besides its configuration.
SECRETS = ("TOKEN", "USER", "PASSWORD", "WEBHOOK_SECRET", "WEBHOOK_SIGNING_KEY")

# What is read besides.
READ = re.compile(r"ENGMETRICS_(CONFIG|API_TOKEN(_FILE)?|(SERVER|STORE|LOG)__.*)")

# Opens the configured store without preparing it.
Opened = Callable[[], AbstractAsyncContextManager[Store]]


async def examine(
    settings: Settings, opened: Opened, clock: Callable[[], datetime] = utc_now
) -> AsyncIterator[Finding]:
    """The findings, one after the other; a few requests are sent to each upstream."""
    for part in (_settings, _zones, _protection, _webhooks):
        for finding in part(settings):
            yield finding
    async with AsyncExitStack() as stack:
        store: Store | None = None
        try:
            store = await stack.enter_async_context(opened())
        except ConfigError as error:
            yield wrong("store", str(error), "give a MongoDB 7 or 8 as MONGODB_URI")
        if store is not None:
            found = await store_findings(settings, store, clock)
            for finding in found:
                yield finding
            if any(finding.level == "error" for finding in found):
                store = None
        for upstream, instance in instances(settings):
            for finding in await upstream_findings(settings, upstream, instance, store, clock):
                yield finding


def unusable(error: ConfigError) -> Finding:
    """The finding where there are no settings to examine anything by."""
    return wrong(
        "settings",
        "; ".join(str(error).splitlines()),
        "mend this first; engmetrics.example.toml has every key",
    )


def _settings(settings: Settings) -> Iterator[Finding]:
    config = settings.config
    if config.tapd or config.gitlab:
        counts = ((len(config.tapd), "TAPD"), (len(config.gitlab), "GitLab"))
        parts = [f"{number} {what}" for number, what in counts]
        named = counted(len(config.product), "product") if config.product else "each workspace is a product"
        yield fine("settings", f"{', '.join(parts)}; {named}")
    else:
        yield doubtful(
            "settings",
            "nothing to collect: neither a [[tapd]] nor a [[gitlab]] is configured",
            "name one in engmetrics.toml; engmetrics.example.toml shows how",
        )
    yield from _unread(settings)
    for upstream, keys in (
        ("tapd", [config.workspace_key(one) for product in config.product for one in product.workspaces]),
        ("gitlab", [config.project_key(one) for product in config.product for one in product.projects]),
    ):
        names = {instance.name for kind, instance in instances(settings) if kind == upstream}
        for key in keys:
            if key.partition(":")[0] not in names:
                says = f"a product names {key}, and no [[{upstream}]] is called so"
                yield doubtful("settings", says, f"mend the product, or name the [[{upstream}]]")


def _unread(settings: Settings) -> Iterator[Finding]:
    """What is set for engmetrics, and read by nothing."""
    known = {
        variable(upstream, instance.name, what)
        for upstream, instance in instances(settings)
        for what in SECRETS
    }
    # These are looked for even where nothing is configured.
    known |= {variable(upstream, upstream, what) for upstream in ("tapd", "gitlab") for what in SECRETS}
    for name in sorted(settings.environment):
        if name.startswith(("ENGMETRICS_TAPD_", "ENGMETRICS_GITLAB_")):
            if name.removesuffix("_FILE") not in known:
                yield doubtful(
                    "settings",
                    f"{name} is set, and no instance reads it",
                    "mend the variable's name, or the name of the [[tapd]] or [[gitlab]] it is for",
                )
        elif name.startswith("ENGMETRICS_") and not READ.fullmatch(name):
            todo = "mend the variable's name; docs/settings.md has all"
            yield doubtful("settings", f"{name} is set, and nothing reads it", todo)


def _zones(settings: Settings) -> Iterator[Finding]:
    config = settings.config
    named = {config.timezone, *(one.timezone for one in config.tapd)}
    named |= {one.timezone for one in config.product if one.timezone}
    release = zone_data()
    yield fine("zones", f"{', '.join(sorted(named))}: known{f' (zone data {release})' if release else ''}")
    year = release[:4]
    if year.isdecimal() and int(year) < utc_now().year - 1:
        yield doubtful(
            "zones",
            f"the zone data is of {year}: summer times decided on since are not in it",
            "update the system's tzdata, or `pip install --upgrade tzdata` where the system has none",
        )


def _protection(settings: Settings) -> Iterator[Finding]:
    server = settings.config.server
    where = f"{server.host or 'all addresses'}, port {server.port}"
    try:
        token = settings.api_token()
    except ConfigError as error:
        yield wrong("api", str(error), "`engmetrics serve` does not start until this is mended")
        return
    try:
        address = resolved(server.host)
    except ConfigError as error:
        yield wrong("api", str(error), "mend server.host")
        return
    refusal = exposed(address, token, server.insecure)
    if refusal:
        yield wrong("api", f"{refusal}: `engmetrics serve` does not start", PROTECT)
    elif token and len(token) < TOKEN_CHARACTERS:
        yield doubtful(
            "api",
            f"{where}: its token has {len(token)} characters and can be guessed",
            "`engmetrics token` makes a random one",
        )
    elif token:
        yield fine("api", f"{where}: asks for its token")
    elif is_loopback(address):
        yield fine("api", f"{where}: no token, reached from this machine only")
    else:
        yield doubtful(
            "api",
            f"{where}: no token, whoever reaches it reads everything",
            f"set {API_TOKEN} or {API_TOKEN}_FILE",
        )


def _webhooks(settings: Settings) -> Iterator[Finding]:
    for upstream, instance in instances(settings):
        about = f"webhook {instance.name}"
        route = f"POST /api/v1/{upstream}/webhook"
        try:
            secrets = settings.webhook_secrets(upstream)
            secret = secrets.get(instance.name)
            if secret:
                signing_keys(instance.name, secret.signing_key)
        except ConfigError as error:
            yield wrong(about, str(error), "`engmetrics serve` does not start until this is mended")
            continue
        if secret is None:
            name = variable(upstream, instance.name, "WEBHOOK_SECRET")
            yield fine(about, f"{route} is off", f"to see changes at once, set {name} here and in the hook")
            continue
        checked = [
            what for what, given in (("secret", secret.token), ("signature", secret.signing_key)) if given
        ]
        yield fine(about, f"{route} checks the {' or '.join(checked)}")
