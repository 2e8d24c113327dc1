"""Read the next page in a thread while the caller stores the one before.

The partner, Python and PostgreSQL then work at the same time. At most one page waits.
"""

from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

Page = TypeVar("Page")


@dataclass(frozen=True, slots=True)
class _Answer:
    page: Any = None
    error: BaseException | None = None
    is_end: bool = False


class ReadAhead:
    """A thread that reads pages. Reading must not use the database, whose session belongs to the caller.

    The end does not wait for a page that is being read: nobody stores it, and a slow partner must not delay an
    interrupt. A caller that left the pages early calls `settle` before it asks the partner itself.
    """

    def __init__(self) -> None:
        self._wanted: SimpleQueue[Iterator[Any] | None] = SimpleQueue()
        self._answers: SimpleQueue[_Answer] = SimpleQueue()
        self._is_reading = False
        # A daemon, so that the process can end while a partner is slow.
        self._thread = Thread(target=copy_context().run, args=(self._serve,), name="read ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wanted.put(None)

    def pages(self, pages: Iterator[Page]) -> Iterator[Page]:
        """Yield these pages; an error of the reading is raised after the pages that came before it."""
        self.settle()
        self._ask(pages)
        while not (answer := self._answer()).is_end:
            if answer.error is not None:
                raise answer.error
            self._ask(pages)
            yield answer.page

    def settle(self) -> None:
        """Wait for the page that is being read, and drop it."""
        if self._is_reading:
            self._answer()

    def _ask(self, pages: Iterator[Any]) -> None:
        self._is_reading = True
        self._wanted.put(pages)

    def _answer(self) -> _Answer:
        answer = self._answers.get()
        self._is_reading = False
        return answer

    def _serve(self) -> None:
        while (pages := self._wanted.get()) is not None:
            try:
                answer = _Answer(next(pages))
            except StopIteration:
                answer = _Answer(is_end=True)
            except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
                answer = _Answer(error=error)
            self._answers.put(answer)
            del pages, answer  # an idle thread keeps no page in memory
