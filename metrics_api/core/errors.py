"""The errors of engmetrics, by what the caller does about them.

EngmetricsError
├── BadRequest        400: the caller can mend it; the message says what would be right
│   └── UnknownName   404: no such metric, collection or route
├── ConfigError       stops the start; the message names the file, the line and the key
├── StoreUnavailable  503: the store did not answer; try again
└── UpstreamError     a GitLab or TAPD request failed
    ├── Retriable     the same request may succeed later
    ├── Skippable     this record or scope is gone or switched off; go on with the next
    └── Fatal         wrong credentials, an answer nobody can read: the run ends
"""

from __future__ import annotations


class EngmetricsError(Exception):
    """Root of all errors raised on purpose; `status` is the HTTP status it becomes."""

    status = 500


class BadRequest(EngmetricsError):
    """The request cannot be answered as it stands; the message says what would be right."""

    status = 400


class UnknownName(BadRequest):
    """Nothing is known by that name."""

    status = 404


class ConfigError(EngmetricsError):
    """The configuration cannot be used; the message names the file, the line and the key."""


class StoreUnavailable(EngmetricsError):
    """The store did not answer in time."""

    status = 503


class UpstreamError(EngmetricsError):
    """A request to GitLab or TAPD failed."""

    status = 502


class Retriable(UpstreamError):
    """The same request may succeed later; `after_s` is the wait the upstream asked for, if it did."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class Skippable(UpstreamError):
    """A record or scope that is gone or switched off upstream; the others are not affected."""


class Fatal(UpstreamError):
    """Trying again would not help: wrong credentials, or an answer of an unknown shape."""
