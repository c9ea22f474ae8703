"""Log lines: JSON, one per line, with the ids of what they are about and never a secret or a whole phone number."""

from typing import Any

from choptym.lib.logs import configure_logs
from choptym.settings import env

LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper()
LOG_AS_JSON = env.flag("LOG_AS_JSON", default=True)
LOGGING_CONFIG = None
LOGGING: dict[str, Any] = {}
if LOG_LEVEL in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    configure_logs(level=LOG_LEVEL, as_json=LOG_AS_JSON)
else:
    env.problem(f"LOG_LEVEL={LOG_LEVEL!r} is none of DEBUG, INFO, WARNING, ERROR")
