"""Write one log line and one metric observation per page of a walk."""

import logging
import time
from collections.abc import Mapping, Sequence

from chm_project.telemetry.metrics import count_failed_walk, count_page
from ingestion.connectors.base import Target
from runs.services import Outcome

logger = logging.getLogger("chm.page")


class PageLog:
    """The log of one walk. The duration of a page is the time since the end of the page before."""

    def __init__(self, connection: str, targets: Sequence[Target]) -> None:
        self._fields = {"connection": connection, "pipelines": len(targets)}
        if len(targets) == 1:
            self._fields["pipeline_id"] = str(targets[0].pipeline_id)
        self._page = 0
        self._page_began = time.perf_counter()

    def page_stored(self, outcomes: Mapping[Outcome, int]) -> None:
        """Log that a page was stored, with the number of runs per outcome."""
        counts = {str(outcome.value): number for outcome, number in outcomes.items() if number}
        seconds = self._end_page()
        count_page(str(self._fields["connection"]), seconds, counts)
        fields = self._fields | {"page": self._page, "ms": round(seconds * 1000, 1), "runs": sum(counts.values())}
        summary = ", ".join(f"{number} {outcome}" for outcome, number in counts.items()) or "no runs"
        logger.info(
            "%(connection)s page %(page)s in %(ms)s ms: " + summary, fields, extra=fields | {"outcomes": counts}
        )

    def page_failed(self, error: Exception) -> None:
        """Log that the next page could not be read."""
        # The metric's label is the class, because each different message would create a time series.
        seconds, kind = self._end_page(), type(error).__name__
        count_failed_walk(str(self._fields["connection"]), kind)
        fields = self._fields | {"page": self._page, "ms": round(seconds * 1000, 1), "kind": kind, "error": str(error)}
        logger.warning("%(connection)s page %(page)s failed after %(ms)s ms: %(kind)s: %(error)s", fields, extra=fields)

    def _end_page(self) -> float:
        """Return the seconds since the last page ended, and start the next page."""
        began, self._page_began = self._page_began, time.perf_counter()
        self._page += 1
        return self._page_began - began
