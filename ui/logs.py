"""Where the app's log goes: one JSON object a line, in a small rotating file and, if asked, on stderr."""

import logging
import logging.handlers
import sys
from pathlib import Path

import structlog

_BYTES, _FILES = 1_000_000, 3


def set_up(folder: Path, *, verbose: bool = False) -> None:
    """Send the product's log lines to `folder/log/app.log`; what cannot be written there goes to stderr."""
    handlers: list[logging.Handler] = []
    try:
        (folder / "log").mkdir(parents=True, exist_ok=True)
        handlers.append(
            logging.handlers.RotatingFileHandler(
                folder / "log" / "app.log", maxBytes=_BYTES, backupCount=_FILES - 1, encoding="utf-8", delay=True
            )
        )
    except OSError:
        verbose = True
    if verbose and sys.stderr is not None:
        handlers.append(logging.StreamHandler(sys.stderr))
    root = logging.getLogger()
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(message)s"))
        root.addHandler(handler)
    root.setLevel(logging.INFO)
    # Libraries log payloads and addresses on lower levels: only their warnings are ours to keep.
    for name in ("aiohttp", "socketio", "engineio", "aiortc", "aioice", "libav", "asyncio", "keyring", "qasync"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
