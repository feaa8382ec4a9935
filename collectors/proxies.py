"""Which proxy leads to an address, as HTTP_PROXY, HTTPS_PROXY and NO_PROXY say.

The HTTP client could read them itself, but would then also take passwords from ~/.netrc and send these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from yarl import URL

from metrics_api.core.errors import ConfigError


@dataclass(frozen=True)
class Proxies:
    """The proxy by scheme, and the hosts that are reached without one."""

    by_scheme: Mapping[str, URL] = field(default_factory=dict)
    direct: tuple[str, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Proxies:
        """What the environment says, in either spelling, the lower one first; raises ConfigError."""

        def said(name: str) -> str:
            return (environment.get(name.lower()) or environment.get(name) or "").strip()

        found = {}
        for scheme, variable in (("http", "HTTP_PROXY"), ("https", "HTTPS_PROXY")):
            text = said(variable)
            if text:
                found[scheme] = _proxy(variable, text)
        names = (name.strip().lower() for name in said("NO_PROXY").split(","))
        return cls(found, tuple(name for name in names if name))

    def leading_to(self, address: URL) -> URL | None:
        """The proxy for an address, None without one; this machine is always reached directly."""
        proxy = self.by_scheme.get(address.scheme)
        host = (address.host or "").rstrip(".").lower()
        if proxy is None or _this_machine(host):
            return None
        if any(_covers(name, host, address.port) for name in self.direct):
            return None
        return proxy


def _proxy(variable: str, text: str) -> URL:
    # The value may hold a password, and is not repeated.
    try:
        found = URL(text if "://" in text else f"http://{text}")
        port = found.port
    except ValueError:
        raise ConfigError(f"{variable} is not an address") from None
    if found.scheme not in ("http", "https") or not found.host or not port:
        raise ConfigError(f"{variable} is not the address of an HTTP proxy")
    return found


def _this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _covers(name: str, host: str, port: int | None) -> bool:
    """Whether an entry of NO_PROXY means a host: `*`, a name with all below it, an address or a network."""
    if name == "*":
        return True
    try:
        return ip_address(host) in ip_network(name.strip("[]"), strict=False)
    except ValueError:
        pass
    bare, colon, wanted = name.rpartition(":")
    if colon and wanted.isdecimal() and not bare.endswith(":"):
        if int(wanted) != port:
            return False
        name = bare
    name = name.strip("[]").removeprefix("*").lstrip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))
