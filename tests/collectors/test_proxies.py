"""Proxies: as the environment says, never for this machine, and never with passwords from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from collectors.proxies import Proxies
from collectors.quota import Quota
from collectors.upstream import Upstream
from metrics_api.core.errors import ConfigError
from tests.collectors.conftest import HASTY, Fake, envelope

PROXY = {"HTTP_PROXY": "http://proxy.example:3128", "HTTPS_PROXY": "http://proxy.example:3129"}


def led(address: str, **environment: str) -> str:
    return str(Proxies.of(environment).leading_to(URL(address)) or "directly")


def test_the_proxy_goes_by_the_scheme_and_the_lower_spelling_comes_first() -> None:
    assert led("http://t.example/x", **PROXY) == "http://proxy.example:3128"
    assert led("https://t.example/x", **PROXY) == "http://proxy.example:3129"
    assert led("https://t.example/x", HTTP_PROXY="http://proxy.example:3128") == "directly"
    assert led("http://t.example/x", **PROXY, http_proxy="other.example:80") == "http://other.example"
    assert led("http://t.example/x") == "directly"


@pytest.mark.parametrize(
    ("direct", "host", "way"),
    [
        ("*", "t.example", "directly"),
        ("t.example", "t.example", "directly"),
        ("t.example", "api.T.example", "directly"),
        (".t.example", "api.t.example", "directly"),
        ("*.t.example", "api.t.example", "directly"),
        ("other.example, t.example", "t.example", "directly"),
        ("10.0.0.0/8", "10.1.2.3", "directly"),
        ("10.1.2.3", "10.1.2.3", "directly"),
        ("t.example:8080", "t.example:8080", "directly"),
        ("t.example:8080", "t.example", "http://proxy.example:3128"),
        ("t.example", "not-t.example", "http://proxy.example:3128"),
        ("10.0.0.0/8", "11.1.2.3", "http://proxy.example:3128"),
        ("", "t.example", "http://proxy.example:3128"),
        (",", "t.example", "http://proxy.example:3128"),
        ("", "127.0.0.1", "directly"),
        ("", "127.8.9.10:8080", "directly"),
        ("", "[::1]:80", "directly"),
        ("", "localhost", "directly"),
    ],
)
def test_hosts_of_no_proxy_and_this_machine_are_reached_directly(direct: str, host: str, way: str) -> None:
    for spelling in ("NO_PROXY", "no_proxy"):
        assert led(f"http://{host}/", **PROXY, **{spelling: direct}) == way


@pytest.mark.parametrize("text", ["socks5://p.example:1080", "http://", "http://p.example:port"])
def test_a_proxy_that_cannot_be_used_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^HTTPS_PROXY is not .*[a-zP]$") as raised:
        Proxies.of({"HTTPS_PROXY": text})
    assert "example" not in str(raised.value)


async def test_a_request_goes_through_the_proxy_with_the_proxys_own_password(fake: Fake) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return envelope([])

    fake.routes["/bugs"] = answer
    proxy = str(URL(fake.url).with_user("me").with_password("pass"))
    connection = Upstream(
        *("tapd", "http://tapd.example", {"Authorization": "Bearer hush"}, Quota(10_000)),
        patience=HASTY,
        proxies=Proxies.of({"http_proxy": proxy}),
    )
    await connection.ask(connection.address("/bugs", {}), lambda answer: answer.json())
    await connection.aclose()
    headers = fake.asked[0].headers
    assert headers["Host"] == "tapd.example"
    assert headers["Authorization"] == "Bearer hush"
    assert headers["Proxy-Authorization"] == "Basic bWU6cGFzcw=="


async def test_passwords_of_a_netrc_file_are_never_sent(
    fake: Fake, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    await upstream.ask(upstream.address("/x", {}), lambda answer: answer)
    assert fake.asked[0].headers["Authorization"] == "Bearer hush"
