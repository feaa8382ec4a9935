"""Switches for everything that can go wrong upstream, armed for a number of requests on a path.

    faults = Faults()
    switch = faults.arm(FaultKind.SERVER_ERROR, path="/bugs", times=3, status=502)
    ...                                   # let the client run
    faults.assert_spent()                 # the client met all three
    assert switch.fired == 3

Both servers take the same switches; ``FaultKind`` says which server knows which.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any


class FaultKind(StrEnum):
    """What goes wrong. Each comment names the fields of ``Fault`` that matter to it."""

    # Both servers.
    SERVER_ERROR = "server_error"  # status: 500, 502, 503
    HTML = "html"  # an HTML page with status
    TRUNCATED = "truncated"  # a complete HTTP answer whose JSON is cut in half
    RESET = "reset"  # half the body, then a connection reset
    SLOW_FIRST_BYTE = "slow_first_byte"  # seconds of silence before the answer
    SLOW_DRIP = "slow_drip"  # the body in small pieces over that many seconds
    INSERT_AT_HEAD = "insert_at_head"  # a row appears before the page is cut; record
    # TAPD.
    RATE_LIMIT_STATUS = "rate_limit_status"  # HTTP 429 with the envelope; data
    RATE_LIMIT_BODY = "rate_limit_body"  # HTTP 200, status 429 in the envelope; data
    UPDATE_ROW = "update_row"  # the first row in the asked order is modified now, before the page is cut
    DELETE_ROW = "delete_row"  # the first row vanishes before the page is cut
    DUPLICATE_ROW = "duplicate_row"  # the last row of the page before stands on this one again
    CLOCK_EDGE = "clock_edge"  # two rows modified at 00:00:00 of `day` and 23:59:59 of the day before
    TYPE_DRIFT = "type_drift"  # integers for strings, other kinds of empty, unknown keys
    UNSCOPED_CHANGES = "unscoped_changes"  # the feed of 2022: no bug_id or created needed, any filter of time
    ITERATION_ID_REQUIRED = "iteration_id_required"  # iteration changes of one iteration only, else 422
    STRICT_AFTER = "strict_after"  # `>2026-03-02` leaves out that day's 00:00:00
    ENVELOPE_STATUS = "envelope_status"  # HTTP 200 with `status` and `data` in the envelope
    UNKNOWN_PATH = "unknown_path"  # the greeting for addresses that do not exist
    LABELS_UNASKED = "labels_unasked"  # rows have no `label` unless asked for with `fields=labels`
    BARE_ROWS = "bare_rows"  # rows lack the fields that are null or empty
    # GitLab.
    RATE_LIMIT_TEXT = "rate_limit_text"  # 429 as plain text with all headers; retry_after
    RATE_LIMIT_JSON = "rate_limit_json"  # 429 as JSON, no Retry-After
    RATE_LIMIT_HTML = "rate_limit_html"  # 429 as a proxy's HTML, no headers
    HIDDEN_PAGE = "hidden_page"  # an events page comes empty, with its next link
    NO_TOTALS = "no_totals"  # as for more than 10,000 rows: no x-total, x-total-pages, rel=last


#: Faults that change rows between two pages of one listing; they wait for a page after the first.
EVOLUTIONS = (
    FaultKind.INSERT_AT_HEAD,
    FaultKind.UPDATE_ROW,
    FaultKind.DELETE_ROW,
    FaultKind.DUPLICATE_ROW,
    FaultKind.CLOCK_EDGE,
)


@dataclass
class Fault:
    """One armed switch. It fires for the next ``times`` requests that match (None: until disarmed).

    ``path`` is a pattern (``/bugs``, ``/api/v4/projects/*/events``; empty: every path), ``after`` matching
    requests pass first, ``query`` must be contained in the request's query, ``limit_at_least`` compares
    with its ``limit`` or ``per_page``. ``fired`` counts, ``touched`` names the rows that an evolution
    changed.
    """

    kind: FaultKind
    path: str = ""
    times: int | None = 1
    after: int = 0
    query: dict[str, str] = field(default_factory=dict)
    limit_at_least: int = 0
    status: int = 500
    data: Any = ""
    seconds: float = 1.0
    retry_after: int = 1
    day: str = ""
    record: dict[str, Any] = field(default_factory=dict)
    fired: int = 0
    touched: list[str] = field(default_factory=list)

    @property
    def spent(self) -> bool:
        """Whether it will not fire again."""
        return self.times is not None and self.fired >= self.times

    def matches(self, path: str, query: Mapping[str, str]) -> bool:
        """Whether a request is one this switch is meant for, ``after`` left aside."""
        if self.spent or (self.path and not fnmatchcase(path, self.path)):
            return False
        if self.kind in EVOLUTIONS and "page" not in self.query and _number(query.get("page"), 1) < 2:
            return False
        limit = _number(query.get("limit") or query.get("per_page"), 0)
        return limit >= self.limit_at_least and self.query.items() <= dict(query).items()


@dataclass
class Faults:
    """The switches of one server, in the order they were armed."""

    armed: list[Fault] = field(default_factory=list)

    def arm(self, kind: FaultKind | str, path: str = "", times: int | None = 1, **options: Any) -> Fault:
        """Arm a switch and return it; ``options`` are the other fields of ``Fault``. ValueError for unknown
        ones.
        """
        unknown = options.keys() - (Fault.__dataclass_fields__.keys() - {"fired", "touched"})
        if unknown:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
        fault = Fault(FaultKind(kind), path, times, **options)
        self.armed.append(fault)
        return fault

    def disarm(self, kind: FaultKind | str | None = None) -> None:
        """Forget the switches of one kind, or all of them."""
        self.armed = [fault for fault in self.armed if kind is not None and fault.kind != kind]

    def take(self, kinds: Collection[FaultKind], path: str, query: Mapping[str, str]) -> Fault | None:
        """The first armed switch of these kinds that fires for the request, counted as fired; else None."""
        for fault in self.armed:
            if fault.kind not in kinds or not fault.matches(path, query):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.fired += 1
            return fault
        return None

    def fired(self, kind: FaultKind | str) -> int:
        """How often switches of that kind fired."""
        return sum(fault.fired for fault in self.armed if fault.kind == kind)

    def assert_spent(self) -> None:
        """AssertionError that lists the switches which have not fired as often as they were armed for."""
        waiting = [
            f"{fault.kind} on {fault.path or 'every path'}: {fault.fired} of {fault.times}"
            for fault in self.armed
            if fault.times is not None and not fault.spent
        ]
        assert not waiting, "; ".join(waiting)

    def state(self) -> list[dict[str, Any]]:
        """The switches as plain dictionaries."""
        return [asdict(fault) for fault in self.armed]


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() else default
