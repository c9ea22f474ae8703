"""structlog over the standard library: every logger, ours and others', writes the same lines."""

import logging
import sys
from typing import Any

import structlog

from choptym.lib.masking import hide_secrets, mask_people


def hide_what_is_private(_: Any, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The last look at a line: an error quotes rows, addresses and answers that nobody chose to log."""
    return {name: _hidden(value) for name, value in line.items()}


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return mask_people(hide_secrets(value))
    if isinstance(value, dict):
        return {name: _hidden(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_hidden(item) for item in value]
    return _hidden(str(value)) if isinstance(value, BaseException) else value


_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    hide_what_is_private,
]


def configure_logs(*, level: str, as_json: bool) -> None:
    """Send every log line of this process to stderr, as JSON or for people."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_calm_about_strangers)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=_SHARED,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # These tell at INFO what our own lines already tell.
    for chatty in (
        "celery",
        "kombu",
        "urllib3",
        "django.request",
        "apprise",
        "amqp",
        "mail.log",
        "asyncio",
        "django.template",
    ):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _calm_about_strangers(record: logging.LogRecord) -> bool:
    """What Django calls suspicious (a host that is none of ours, a thousand fields) is their fault and answered 400.

    So is a form that cannot be read. As errors, or with their tracebacks, they would let anybody fill the log, and call
    people.
    """
    if record.name.startswith("django.security."):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    if record.name.startswith(("django.request", "django.security.")) and record.levelno == logging.WARNING:
        record.exc_info = None
    return True
