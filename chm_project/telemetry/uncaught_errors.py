"""Log uncaught errors through `logging`, as one record instead of a printed traceback."""

import logging
import sys
import threading
from types import TracebackType

logger = logging.getLogger(__name__)


def log_uncaught() -> None:
    """Log uncaught errors of the main thread and of other threads from now on."""
    sys.excepthook = _log_error
    threading.excepthook = lambda args: _log_error(args.exc_type, args.exc_value, args.exc_traceback)


def _log_error(error_type: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    if error is not None and not issubclass(error_type, KeyboardInterrupt | SystemExit):
        logger.critical("ended by an uncaught error", exc_info=(error_type, error, traceback))
