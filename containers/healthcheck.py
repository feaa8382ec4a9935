"""The image's health check: whether the API is ready; standard library only, for there is no curl.

healthcheck.py [URL]
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request

TIMEOUT_S = 4.0


def main() -> int:
    """0 when the API says that it is ready, else 1 with its reason."""
    port = os.environ.get("ENGMETRICS_SERVER__PORT", "8080")
    url = sys.argv[1] if len(sys.argv) > 1 else f"http://127.0.0.1:{port}/readyz"
    # The loopback is reached without a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_S) as response:
            print(response.read(200).decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        print(error.read(500).decode("utf-8", "replace"))
        return 1
    except OSError as error:
        print(f"{url}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
