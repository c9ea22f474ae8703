"""Is the process of this container well? Status 0 or 1, for Docker's HEALTHCHECK; nothing but the standard library.

Web and events are asked for /health/live. Workers and beat answer /metrics at METRICS_PORT: that they are up. Whether
a worker takes work is told by its canary (deploy/runbooks/worker_silent.md), and a restart is for a person to decide.
"""

import os
import sys
import urllib.request

TIMEOUT_SECONDS = 4


def address() -> str:
    """Where this process answers."""
    role, port = os.environ.get("PROCESS_ROLE", ""), os.environ.get("PORT", "8000")
    if role == "flower":
        return f"http://127.0.0.1:{port}/healthcheck"
    if role == "beat" or role.startswith("worker"):
        return f"http://127.0.0.1:{os.environ['METRICS_PORT']}/metrics"
    return f"http://127.0.0.1:{port}/health/live"


def is_well(url: str) -> bool:
    # Never through a proxy that the environment may name.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=TIMEOUT_SECONDS) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_well(address()) else 1)
