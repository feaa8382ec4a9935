"""The bodies of webhooks: GitLab sends JSON, TAPD JSON or a form."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import ujson

# An update of a TAPD item has some 500 fields.
MAX_FIELDS = 10_000


def json_payload(body: bytes) -> dict[str, Any]:
    """The object in a JSON body; raises ValueError saying why there is none."""
    found = ujson.loads(body)
    if not isinstance(found, dict):
        raise ValueError("the body is JSON, but no object")
    return found


def form_payload(body: bytes) -> dict[str, Any]:
    """The fields of a form (application/x-www-form-urlencoded), the last of each name.

    Raises ValueError saying why there are none.
    """
    if b"=" not in body:
        raise ValueError("the body is neither JSON nor a form")
    text = body.decode("utf-8")
    return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS))


def tapd_payload(body: bytes) -> dict[str, Any]:
    """The fields of a TAPD body, whichever form it has; raises ValueError saying why there are none."""
    return json_payload(body) if is_json(body) else form_payload(body)


def is_json(body: bytes) -> bool:
    """Whether a body looks like JSON: no form begins so."""
    return body[:64].lstrip()[:1] in (b"{", b"[")
