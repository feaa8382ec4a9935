"""The pandas client of the record export: JSON lines from a running API, as dicts or as a DataFrame.

    from metrics_api.client import frame
    bugs = frame("http://127.0.0.1:8080/api/v1/tapd/bugs", workspace_id="1001", fields="id,status")

An API that asks for its token is given `token=...`, else what ENGMETRICS_API_TOKEN or
ENGMETRICS_API_TOKEN_FILE says. Needs the extra `[client]`; neither the database driver nor the server is
imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import requests
import ujson
from requests.auth import AuthBase

from metrics_api.core.settings import api_token

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 300
CHUNK_BYTES = 65_536


class _Bearer(AuthBase):
    """Sends the token, to the API alone: a redirect elsewhere takes it off again."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def read_lines(url: str, *, token: str | None = None, **params: Any) -> Iterator[dict[str, Any]]:
    """The records of an export, one at a time, as they arrive; a list as a parameter is joined by commas.

    Raises requests.HTTPError with the server's words when it refuses, and another
    requests.RequestException when the connection breaks before the end: what came is then not all. Raises
    ConfigError for a token file that cannot be read.
    """
    joined = {key: ",".join(map(str, v)) if isinstance(v, list | tuple) else v for key, v in params.items()}
    timeout = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
    token = api_token() if token is None else token
    login = _Bearer(token) if token else None
    with requests.get(url, params=joined, auth=login, stream=True, timeout=timeout) as response:
        if not response.ok:
            raise requests.HTTPError(f"{response.status_code}: {_words(response)}", response=response)
        for line in response.iter_lines(chunk_size=CHUNK_BYTES):
            if line:
                yield ujson.loads(line)


def frame(url: str, *, token: str | None = None, **params: Any) -> pd.DataFrame:
    """The records of an export as a DataFrame, one row each; its columns are `fields`, where these are given.

    Raises as `read_lines` does.
    """
    fields = params.get("fields")
    columns = [name.strip() for name in fields.split(",")] if isinstance(fields, str) else fields
    return pd.DataFrame(
        read_lines(url, token=token, **params), columns=list(dict.fromkeys(columns)) if columns else None
    )


def _words(response: requests.Response) -> str:
    try:
        document = response.json()
    except requests.JSONDecodeError:
        return response.reason
    return str(document.get("message") if isinstance(document, dict) else document)
