"""Where the relay's log goes: one JSON object a line on standard error, never with secrets or what people wrote."""

import logging
import sys

import structlog
from aiohttp.http_exceptions import HttpProcessingError


def _is_no_strangers_nonsense(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def set_up(level: int = logging.INFO) -> None:
    """Send the relay's own log and that of its libraries (warnings and worse) to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # ASCII only: line breaks, escape sequences and bidi marks in a stranger's name stay escapes.
                structlog.processors.JSONRenderer(ensure_ascii=True),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("server_stub").setLevel(level)
    # Whatever is no HTTP would be written here with what it said, as an error of ours; the sender has got his 400.
    logging.getLogger("aiohttp.server").addFilter(_is_no_strangers_nonsense)
    # These write payloads (join tokens, chat) at their lower levels, and one without a level adds a handler of its own.
    for name in ("socketio.server", "engineio.server"):
        logging.getLogger(name).setLevel(logging.ERROR)
