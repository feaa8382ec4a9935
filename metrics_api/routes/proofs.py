"""What a webhook's delivery shows to prove where it comes from: a token, a signature, a secret in its body.

Signatures are those of Standard Webhooks (standardwebhooks.com), as GitLab makes them: an HMAC-SHA256 over
id, time and body. The time is close to ours, so that what somebody recorded cannot be sent again later.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

import ujson

from metrics_api.core.errors import EngmetricsError
from metrics_api.core.payloads import is_json
from metrics_api.core.security import signing_keys
from metrics_api.core.settings import WebhookSecret

TOKEN: Final = "X-Gitlab-Token"
ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
# How far the sender's clock may be from ours, either way.
WINDOW_S = 300

_SECONDS = re.compile(r"[0-9]{1,12}")
# A body has one secret. Anybody may send 25 MB full of them: nothing is tried twice, and few are looked at.
MAX_SECRETS = 16
_SECRET_IN_JSON = re.compile(rb'("secret"\s*+:\s*+")((?:[^"\\]|\\.){0,4096}+)(?=")', re.DOTALL)
_SECRET_IN_FORM = re.compile(rb"(secret=)(?<![^&]secret=)([^&]*+)")


class Refused(EngmetricsError):
    """A delivery that does not prove where it comes from; the message says what it lacks."""

    status = 403


@dataclass(frozen=True)
class Sender:
    """An instance that may send: its token, "" for none, and the keys that it may sign with."""

    instance: str
    token: bytes
    keys: Sequence[bytes]


def senders(secrets: Mapping[str, WebhookSecret]) -> list[Sender]:
    """The instances with their secrets; raises ConfigError for a signing key that is none."""
    return [
        Sender(
            name,
            _bytes(secret.token),
            signing_keys(name, secret.signing_key),
        )
        for name, secret in secrets.items()
    ]


def by_token(known: Sequence[Sender], headers: Mapping[str, str]) -> str | None:
    """The instance whose token a delivery has, or None.

    A signed one is judged by its signature where the instance has a key.
    """
    given = _bytes(headers.get(TOKEN, ""))
    signed = SIGNATURE in headers
    # All are compared, so that the time taken tells nothing of which came near.
    fitting = [
        one.instance
        for one in known
        if hmac.compare_digest(given, one.token) and one.token and not (signed and one.keys)
    ]
    return fitting[0] if fitting else None


def may_be_signed(known: Sequence[Sender], headers: Mapping[str, str], now: float) -> None:
    """Raise Refused for a delivery without a token that fits, unless its signature is worth looking at."""
    if SIGNATURE not in headers or not any(one.keys for one in known):
        accepted = [TOKEN] if any(one.token for one in known) else []
        accepted += [SIGNATURE] if any(one.keys for one in known) else []
        names = " or ".join(accepted)
        shown = TOKEN in headers or SIGNATURE in headers
        raise Refused(f"{names} is {'not the one that is configured' if shown else 'missing'}")
    if not headers.get(ID):
        raise Refused(f"a signed delivery needs its {ID}")
    sent = headers.get(TIMESTAMP, "")
    if not _SECONDS.fullmatch(sent):
        raise Refused(f"a signed delivery needs its {TIMESTAMP} in seconds since 1970")
    off_s = abs(now - int(sent))
    if off_s > WINDOW_S:
        raise Refused(
            f"{TIMESTAMP} is {off_s:.0f} s from this server's clock, {WINDOW_S} s are allowed: "
            "the delivery is a replay, or one of the two clocks is wrong"
        )


def by_signature(known: Sequence[Sender], headers: Mapping[str, str], body: bytes) -> str:
    """The instance with whose key a delivery is signed; raises Refused."""
    signed = b".".join((_bytes(headers[ID]), _bytes(headers[TIMESTAMP]), body))
    given = [
        signature
        for version, _, signature in (one.partition(",") for one in headers[SIGNATURE].split())
        if version == "v1"
    ]
    for one in known:
        for key in one.keys:
            expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
            if any(hmac.compare_digest(_bytes(signature), expected) for signature in given):
                return one.instance
    raise Refused(f"{SIGNATURE} does not fit: was the signing key changed, or the body on its way?")


def by_secret(known: Sequence[Sender], body: bytes) -> tuple[str, bytes]:
    """The instance whose secret stands in a TAPD body, and the body without it; raises Refused.

    It is looked for in the bytes, whatever else is wrong with them.
    """
    found: list[str] = []
    json = is_json(body)

    def blanked(match: re.Match[bytes]) -> bytes:
        given = _json_text(match[2]) if json else unquote_to_bytes(match[2].replace(b"+", b" "))
        fitting = [one.instance for one in known if hmac.compare_digest(given, one.token)]
        found.extend(fitting)
        return match[1] if fitting else match[0]

    body = (_SECRET_IN_JSON if json else _SECRET_IN_FORM).sub(blanked, body, count=MAX_SECRETS)
    if not found:
        raise Refused("the body's secret is missing, or not the one that is configured")
    return found[0], body


def _json_text(raw: bytes) -> bytes:
    """What the inside of a JSON string says; as it is where it cannot be read."""
    try:
        return _bytes(ujson.loads(b'"' + raw + b'"'))
    except ValueError:
        return raw


def _bytes(text: str) -> bytes:
    # Headers that are not UTF-8 have lone surrogates in place of such bytes; any other text has none.
    return text.encode("utf-8", "surrogatepass")
