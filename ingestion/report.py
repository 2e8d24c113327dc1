"""The counts and errors of an ingestion."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ingestion.connectors.base import Page
from runs.services import Outcome

# The counts of a Report that the API returns; SyncStateSerializer has a field for each.
COUNT_FIELDS = (
    "pipelines_processed", "pages_processed", "runs_processed", "created", "updated", "unchanged", "stale", "pruned",
    "rejected", "unknown_pipelines",
)  # fmt: skip


@dataclass(slots=True)
class Report:
    """The counts and errors of one connection. A run that the source returns twice is counted twice."""

    connection: str
    pipelines_processed: int = 0
    pages_processed: int = 0
    runs_processed: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    pruned: int = 0  # not stored again, because prune_runs has deleted runs of this age
    rejected: int = 0
    unknown_pipelines: int = 0
    error_texts: int = 0  # the number of error texts that were fetched by requests of their own
    errors: list[dict[str, str | None]] = field(default_factory=list)
    rejections: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)  # external ids that no pipeline of the connection has
    notices: set[str] = field(default_factory=set)  # messages for operators that are not errors
    unfinished: bool = False  # stopped early; the next ingestion continues at the saved position

    def add_page(self, page: Page, outcomes: Mapping[Outcome, int]) -> None:
        self.pages_processed += 1
        self.add_outcomes(outcomes)
        self.unknown |= page.unknown_ids
        self.unknown_pipelines = len(self.unknown)
        self.notices |= page.notices

    def add_outcomes(self, outcomes: Mapping[Outcome, int]) -> None:
        self.runs_processed += sum(outcomes.values())
        self.created += outcomes.get(Outcome.CREATED, 0)
        self.updated += outcomes.get(Outcome.UPDATED, 0)
        self.unchanged += outcomes.get(Outcome.UNCHANGED, 0)
        self.stale += outcomes.get(Outcome.STALE, 0)
        self.pruned += outcomes.get(Outcome.PRUNED, 0)
        self.rejected += outcomes.get(Outcome.REJECTED, 0)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"unknown": sorted(self.unknown), "notices": sorted(self.notices)}

    def summary(self) -> str:
        return (
            f"{self.pages_processed} pages, {self.created} created, {self.updated} updated, "
            f"{self.unchanged} unchanged, {self.stale} stale, {self.pruned} pruned, {self.rejected} rejected, "
            f"{len(self.errors)} errors" + (", to be continued" if self.unfinished else "")
        )


def totals(reports: Iterable[Report], earlier: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the summed counts and all errors of the reports and of `earlier` (totals that an earlier task stored)."""
    reports, earlier = list(reports), earlier or {}
    counts: dict[str, Any] = {
        name: earlier.get(name, 0) + sum(getattr(report, name) for report in reports) for name in COUNT_FIELDS
    }
    return counts | {"errors": [*earlier.get("errors", ()), *(error for report in reports for error in report.errors)]}
