"""The pandas client by itself."""

from __future__ import annotations

import subprocess
import sys


def test_the_client_imports_neither_the_driver_nor_the_server() -> None:
    code = (
        "import sys, metrics_api.client;"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'motor', 'pymongo', 'aiohttp'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
