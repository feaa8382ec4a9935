"""The time of day of an API over the collected company, and of those who ask it."""

from __future__ import annotations

import time
from functools import cache


@cache
def now() -> int:
    """Epoch seconds; asked first when the company has been collected, and standing still from then on.

    No hour ends between two clients, and no day begins of which nothing was collected yet.
    """
    return int(time.time())
