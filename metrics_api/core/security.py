"""Who asks: every evaluation, find and export takes a Principal, and nothing is answered without one.

With a token configured the API asks for it; without one it is reached from its own machine only.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
import re
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from metrics_api.core.errors import ConfigError


@dataclass(frozen=True)
class Principal:
    """A caller: the products it may read (None: all) and its scopes."""

    name: str
    products: frozenset[str] | None = None
    scopes: frozenset[str] = frozenset({"read"})

    def may_read(self, product: str) -> bool:
        """True when the caller may see that product."""
        return self.products is None or product in self.products


READ_ALL = Principal("anyone")
TOKEN_HOLDER = Principal("token")

TOKEN_HEADER = "X-Engmetrics-Token"
PROTECT = (
    "set ENGMETRICS_API_TOKEN, or ENGMETRICS_API_TOKEN_FILE to a file that `engmetrics token --file FILE` "
    "writes; or say --insecure (server.insecure) to let everyone on that network read everything"
)
# Random bytes of a token that is made here.
TOKEN_BYTES = 32
SIGNING_KEY_PREFIX = "whsec_"

# An address with its port, as in a Host header; IPv6 stands in brackets.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:/@]+))(?::[0-9]*)?")


def identified(token: str, headers: Mapping[str, str]) -> Principal | None:
    """Who sends these headers, None for nobody known: anyone may ask where no token is configured."""
    if not token:
        return READ_ALL
    expected = token.encode("ascii")
    # All are compared, so that the time taken tells nothing of which came near.
    matching = [hmac.compare_digest(one, expected) for one in _offered(headers)]
    return TOKEN_HOLDER if any(matching) else None


def _offered(headers: Mapping[str, str]) -> Iterator[bytes]:
    """The tokens in the headers: bearer, password of any user, our own header, falcon-plus's `Apitoken`."""
    scheme, _, rest = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield _bytes(rest.strip())
    elif scheme.lower() == "basic":
        try:
            yield base64.b64decode(_bytes(rest.strip()), validate=True).partition(b":")[2]
        except binascii.Error:
            yield b""
    yield _bytes(headers.get(TOKEN_HEADER, ""))
    try:
        falcon = json.loads(headers.get("Apitoken", "null"))
    except (ValueError, RecursionError):
        return
    signature = falcon.get("sig") if isinstance(falcon, dict) else None
    if isinstance(signature, str):
        yield _bytes(signature)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address: `localhost`, 127.0.0.0/8, ::1."""
    try:
        return address == "localhost" or ip_address(address).is_loopback
    except ValueError:
        return False


def resolved(host: str) -> str:
    """The address on which a socket bound to a host listens; raises ConfigError for an unknown name."""
    if ":" in host:
        return host
    try:
        return socket.gethostbyname(host) if host else "0.0.0.0"
    except (OSError, UnicodeError):
        raise ConfigError(f"no address is known of {host}") from None


def is_near(host: str) -> bool:
    """Whether a host, with its port or without, is this machine or one on its own network.

    A name that anybody may own is not: a page under it could read what is only meant for this machine, by
    asking from another origin or by letting its name stand for the loopback.
    """
    found = _HOST.fullmatch(host)
    if not found:
        return False
    name = (found[1] or found[2]).lower().rstrip(".")
    try:
        return ip_address(name).is_private
    except ValueError:
        return "." not in name or name.endswith((".localhost", ".internal"))


def signing_keys(instance: str, text: str) -> list[bytes]:
    """The keys in `whsec_…`, separated by spaces or commas; raises ConfigError for what is no key.

    Each of GitLab's webhooks may have one of its own.
    """
    try:
        return [
            base64.b64decode(one.removeprefix(SIGNING_KEY_PREFIX), validate=True)
            for one in re.split(r"[\s,]+", text)
            if one
        ]
    except ValueError:
        raise ConfigError(
            f"the webhook signing key of {instance}: {SIGNING_KEY_PREFIX} followed by base64 is expected"
        ) from None


def exposed(address: str, token: str, insecure: bool) -> str:
    """Why the API may not listen on an address, "" where it may; PROTECT says what to do."""
    if token or insecure or is_loopback(address):
        return ""
    return f"without a token the API listens on this machine only, not on {address or 'all addresses'}"


def make_token() -> str:
    """A new random token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def keep_token(file: Path, for_group: bool = False) -> bool:
    """Write a new token to a file that only its owner reads, with `for_group` its group as well.

    A file that has something in it is left as it is; returns whether it was written. Raises ConfigError.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.read_bytes().strip():
            return False
        descriptor, unfinished = tempfile.mkstemp(dir=file.parent, prefix=".token-")
        with os.fdopen(descriptor, "w", encoding="ascii") as sink:
            os.fchmod(sink.fileno(), 0o640 if for_group else 0o600)
            sink.write(f"{make_token()}\n")
        # In place at once: whoever waits for it never sees half of it.
        Path(unfinished).replace(file)
    except OSError as error:
        raise ConfigError(f"{file}: no token can be kept there: {error.strerror}") from None
    return True
