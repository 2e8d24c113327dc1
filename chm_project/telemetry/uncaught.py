"""Log uncaught errors as one line instead of a traceback of many lines."""

import logging
import sys
import threading
from types import TracebackType

logger = logging.getLogger(__name__)


def log_uncaught() -> None:
    """Install the hooks for the main thread and for other threads."""
    sys.excepthook = _log
    threading.excepthook = lambda args: _log(args.exc_type, args.exc_value, args.exc_traceback)


def _log(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    if error is not None and not issubclass(kind, KeyboardInterrupt | SystemExit):
        logger.critical("ended by an uncaught error", exc_info=(kind, error, traceback))
