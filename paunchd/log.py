"""Sets up logging: one structured line an event, on one stream, without secrets.

An event is a past-tense snake_case constant; everything that varies is a field. Fields are plain data: any
other object appears as the name of its class (see ``redact``). Libraries that log by themselves are heard
from warning up.
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from paunchd.redact import redact
from paunchd.settings import LogSettings

_OURS_TO_KEEP = frozenset({"exc_info", "_record", "_from_structlog"})


def setup_logging(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Configure structlog and the standard library's logging; call again to reconfigure."""
    stream = stream or sys.stderr
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        redact_event,
    ]
    structlog.configure(
        processors=[*chain, *_renderers(settings, stream)],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    _route_libraries(chain, settings, stream)


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {field: value if field in _OURS_TO_KEEP else redact(value, field) for field, value in event.items()}


def _renderers(settings: LogSettings, stream: TextIO) -> list[Processor]:
    if settings.format == "console":
        plain = structlog.dev.plain_traceback  # rich ones print local variables, and those hold specs
        return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain, timestamp_key="at")]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _route_libraries(chain: list[Processor], settings: LogSettings, stream: TextIO) -> None:
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    out = logging.StreamHandler(stream)
    out.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *chain],
            processors=[remove_meta, *_renderers(settings, stream)],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(out)
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
