"""Plan walks of sources that list all pipelines at once, and read open runs again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from ingestion.connectors.base import OpenRun, Page, Target, Walk, by_external_id, gone
from ingestion.paging import Position
from runs.events import Rejected, RunEvent

# Up to this many new pipelines are listed one by one; for more, one listing of everything is cheaper.
MAX_SINGLE_BACKFILLS = 20

# Lists runs of the targets: of one external id, or of the whole source for None.
Listing = Callable[[Sequence[Target], str | None, Position | None], Iterator[Page]]
Events = Iterable[RunEvent | Rejected]
# external_id and external_run_id: run ids may be unique only within their pipeline.
RunKey = tuple[str | None, str | None]


def plan_walks(
    targets: Sequence[Target], listing: Listing, *, max_single: int = MAX_SINGLE_BACKFILLS
) -> Iterator[Walk]:
    """Yield one walk for all targets with a watermark, and others for new targets, which would start it too early."""
    walked = [target for target in targets if target.since is not None]
    new = [target for target in targets if target.since is None]
    if walked:
        yield Walk(walked, partial(listing, walked, None))
    if len(new) > max_single:
        yield Walk(new, partial(listing, new, None))
    else:
        yield from one_by_one(new, listing)


def one_by_one(targets: Sequence[Target], listing: Listing) -> Iterator[Walk]:
    """Yield a walk for each external id; several clients may share one."""
    for external_id, group in by_external_id(targets).items():
        yield Walk(group, partial(listing, group, external_id))


def reread_open(
    runs: Sequence[OpenRun],
    *,
    open_rows: Iterable[tuple[datetime, Sequence[Any]]] | None,
    key: Callable[[Any], RunKey],
    events: Callable[[Sequence[OpenRun], Any, datetime], Events],
    ask_one: Callable[[Sequence[OpenRun]], Events] | None,
) -> Iterator[Page]:
    """Yield open runs from the source's list if it has one, then the others with one request each.

    Several pipelines may share a run, so each row and request stands for a group of runs.
    """
    missing: dict[RunKey, list[OpenRun]] = {}
    for run in runs:
        missing.setdefault((run.external_id, run.external_run_id), []).append(run)
    if open_rows is not None and len(missing) > 1:
        for asked_at, rows in open_rows:
            page = Page()
            for row in rows:
                if found := missing.pop(key(row), None):
                    page.events.extend(events(found, row, asked_at))
            yield page
            if not missing:
                return
    if ask_one is not None:
        for found in missing.values():
            yield Page(list(ask_one(found)))


def reread_by_id(
    runs: Sequence[OpenRun],
    *,
    batch: int,
    ask: Callable[[list[str]], Iterable[Any]],
    run_id: str,
    event: Callable[[Any, dict[str, Any]], RunEvent | None],
) -> Iterator[Page]:
    """Yield runs requested by lists of ids, which are unique in the source; missing ones are gone."""
    groups: dict[str, list[OpenRun]] = {}
    for run in runs:
        groups.setdefault(run.external_run_id, []).append(run)
    ids = list(groups)
    for first in range(0, len(ids), batch):
        some = ids[first : first + batch]
        page = Page()
        missing = {external_run_id: groups[external_run_id] for external_run_id in some}
        for row in ask(some):
            if not isinstance(row, dict):
                continue
            made = (event(run.pipeline_id, row) for run in missing.pop(str(row.get(run_id)), ()))
            page.events.extend(found for found in made if found is not None)
        page.events.extend(gone(run) for found in missing.values() for run in found)
        yield page
