"""Pseudonyms: the same account is always called the same, and nobody can tell who it is without the key.

The key is made once per installation and kept in the store, in `keys`. Whoever drops it makes all pseudonyms
new ones. It protects what leaves the store, not the store itself: rows of items name people as TAPD does.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import suppress

from metrics_api.core.errors import StoreUnavailable
from metrics_api.core.store import DuplicateKeyError, Store, translated

KEY = "people"
KEY_BYTES = 32
DIGITS = 16


class Pseudonyms:
    """The pseudonyms of one installation."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, instance: str, user: str) -> str:
        """What an account of an instance is called."""
        said = f"{instance}\0{user}".encode("utf-8", "surrogatepass")
        return f"person-{hmac.new(self._key, said, hashlib.sha256).hexdigest()[:DIGITS]}"


async def pseudonyms(store: Store) -> Pseudonyms:
    """Those of the installation that the store belongs to; the first who asks makes the key."""
    with translated(), suppress(DuplicateKeyError):
        if await store.one("keys", KEY) is None:
            await store.durable("keys").insert_one({"_id": KEY, "key": secrets.token_bytes(KEY_BYTES)})
    kept = await store.one("keys", KEY)
    if kept is None:
        raise StoreUnavailable("the key of pseudonyms was kept and is not there")
    return Pseudonyms(bytes(kept["key"]))
