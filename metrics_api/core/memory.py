"""Memory of a process that loads much and then computes: no long pauses, free blocks given back or kept."""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
from typing import Final

# Parameters of glibc's mallopt.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
# Blocks up to so many bytes come from the heap, of which so many free ones are kept.
BLOCK: Final = 16 * 2**20
KEPT: Final = 64 * 2**20


def settle() -> None:
    """Take what lives now for permanent, so that the garbage collector no longer walks through it.

    Facts are read as many small objects; collecting them walked through every module's objects each time,
    a pause of 80 ms.
    """
    gc.freeze()


def give_back() -> None:
    """Let the C library return what it holds free; does nothing where it cannot (not glibc).

    Loading a million bugs leaves some 200 MB of freed blocks in the heap, which glibc keeps otherwise.
    """
    trim = getattr(_libc(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def keep_blocks() -> None:
    """Let the C library keep some of what is free for what comes next; does nothing where it cannot.

    A metric over a million items makes and frees a dozen arrays of some megabytes. Each was fetched anew from
    the system, a tenth of the answer's time.
    """
    option = getattr(_libc(), "mallopt", None)
    if option is not None:
        option(MMAP_THRESHOLD, BLOCK)
        option(TRIM_THRESHOLD, KEPT)


def _libc() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("c")
    return ctypes.CDLL(name) if name else None
