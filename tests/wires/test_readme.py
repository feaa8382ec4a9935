"""The README's lines for analysts, run as they stand there."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.conftest import RunningApi

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("place", range(2))
async def test_the_lines_of_the_readme_do_what_they_say(running_api: RunningApi, place: int) -> None:
    assert len(EXAMPLES) == 2
    code = EXAMPLES[place].replace("http://127.0.0.1:8080", running_api.url)
    assert running_api.url in code
    assert running_api.workspaces[0] in code
    counted = f"{code}\nprint('rows', len(bugs), *bugs.columns)"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", counted, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    rows = re.search(r"^rows (\d+) id status", out.decode(), re.MULTILINE)
    assert rows
    assert int(rows[1]) > 100
