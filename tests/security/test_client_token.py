"""The token that the client sends: to the API, and to nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from metrics_api.client import frame, read_lines
from metrics_api.core.errors import ConfigError
from simulator.running import listening


class Heard:
    """A server that answers one record and notes what login it was sent."""

    def __init__(self, elsewhere: str = "") -> None:
        self.logins: list[str | None] = []
        self.elsewhere = elsewhere
        self.app = web.Application()
        self.app.router.add_get("/", self.answer)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.logins.append(request.headers.get("Authorization"))
        if self.elsewhere:
            raise web.HTTPFound(self.elsewhere)
        return web.Response(text='{"id": "1"}\n')


async def test_the_token_comes_from_the_call_else_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("from-a-file\n", encoding="utf-8")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password other\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("ENGMETRICS_API_TOKEN_FILE", str(tmp_path / "token"))
    heard = Heard()
    async with listening(heard.app) as url:
        assert await asyncio.to_thread(lambda: list(read_lines(url, token="given"))) == [{"id": "1"}]
        assert await asyncio.to_thread(lambda: len(frame(url))) == 1
        monkeypatch.delenv("ENGMETRICS_API_TOKEN_FILE")
        monkeypatch.delenv("NETRC")
        await asyncio.to_thread(lambda: list(read_lines(url)))
    assert heard.logins == ["Bearer given", "Bearer from-a-file", None]


async def test_a_redirect_to_another_server_does_not_take_the_token_along() -> None:
    other = Heard()
    async with listening(other.app) as there:
        heard = Heard(elsewhere=there)
        async with listening(heard.app) as url:
            await asyncio.to_thread(lambda: list(read_lines(url, token="given")))
    assert (heard.logins, other.logins) == (["Bearer given"], [None])


def test_a_token_file_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGMETRICS_API_TOKEN_FILE", "/nowhere/token")
    with pytest.raises(ConfigError, match="/nowhere/token cannot be read"):
        frame("http://127.0.0.1:9/")
