"""Read the next page in a thread while the caller stores the page before it.

So the partner, Python and PostgreSQL work at the same time. At most one page waits to be stored.
"""

from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

PageT = TypeVar("PageT")


@dataclass(frozen=True, slots=True)
class _ReadResult:
    """A page, an error, or the end of the pages."""

    page: Any = None
    error: BaseException | None = None
    is_end: bool = False


class ReadAhead:
    """A thread that reads pages. The pages must not use the database, whose session belongs to the caller's thread.

    Leaving the `with` block does not wait for a page that is being read, so that a slow partner cannot delay an
    interrupt. A caller that stops before the last page calls `discard_pending` before it sends requests itself.
    """

    def __init__(self) -> None:
        self._requests: SimpleQueue[Iterator[Any] | None] = SimpleQueue()
        self._results: SimpleQueue[_ReadResult] = SimpleQueue()
        self._is_reading = False
        # A daemon, so that the process can end while a partner is slow.
        self._thread = Thread(target=copy_context().run, args=(self._read_pages,), name="read ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._requests.put(None)

    def pages(self, pages: Iterator[PageT]) -> Iterator[PageT]:
        """Yield these pages. If reading a page fails, first yield the pages before it, then raise the error."""
        self.discard_pending()
        self._request(pages)
        while not (result := self._next_result()).is_end:
            if result.error is not None:
                raise result.error
            self._request(pages)
            yield result.page

    def discard_pending(self) -> None:
        """Wait for the page that is being read, if there is one, and ignore it."""
        if self._is_reading:
            self._next_result()

    def _request(self, pages: Iterator[Any]) -> None:
        self._is_reading = True
        self._requests.put(pages)

    def _next_result(self) -> _ReadResult:
        result = self._results.get()
        self._is_reading = False
        return result

    def _read_pages(self) -> None:
        while (pages := self._requests.get()) is not None:
            try:
                result = _ReadResult(next(pages))
            except StopIteration:
                result = _ReadResult(is_end=True)
            except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
                result = _ReadResult(error=error)
            self._results.put(result)
            del pages, result  # so that the thread keeps no page in memory while it waits
