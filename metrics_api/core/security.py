"""Who asks: every evaluation, find and export takes a Principal, and nothing is answered without one."""

from __future__ import annotations

from dataclasses import dataclass


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
