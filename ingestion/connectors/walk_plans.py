"""Plan the walks of a connector, and read open runs again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from ingestion.connectors.base import OpenRun, Page, Target, Walk, gone_event, group_by_external_id
from ingestion.paging import Position
from runs.events import Rejected, RunEvent

# The runs of up to this many new pipelines are listed for each pipeline separately. If there are more new pipelines,
# one listing of the whole source needs fewer requests.
MAX_SINGLE_WALKS = 20

# Lists the runs of the targets. The second argument is their common external id, or None to list the whole source.
Listing = Callable[[Sequence[Target], str | None, Position | None], Iterator[Page]]
Events = Iterable[RunEvent | Rejected]
# external_id and external_run_id, because run ids may be unique only within their pipeline.
RunKey = tuple[str | None, str | None]


def plan_walks(
    targets: Sequence[Target], listing: Listing, *, max_single_walks: int = MAX_SINGLE_WALKS
) -> Iterator[Walk]:
    """Yield one walk for all targets with a since time, and further walks for the targets without one.

    If one target has no since time, a single walk for all targets would read the whole history of every target.
    """
    with_since = [target for target in targets if target.since is not None]
    new_targets = [target for target in targets if target.since is None]
    if with_since:
        yield Walk(with_since, partial(listing, with_since, None))
    if len(new_targets) > max_single_walks:
        yield Walk(new_targets, partial(listing, new_targets, None))
    else:
        yield from walk_each_external_id(new_targets, listing)


def walk_each_external_id(targets: Sequence[Target], listing: Listing) -> Iterator[Walk]:
    """Yield a walk for each external id, which pipelines of several clients may share."""
    for external_id, group in group_by_external_id(targets).items():
        yield Walk(group, partial(listing, group, external_id))


def reread_open_runs_by_key(
    runs: Sequence[OpenRun],
    *,
    open_rows: Iterable[tuple[datetime, Sequence[Any]]] | None,
    run_key: Callable[[Any], RunKey],
    to_events: Callable[[Sequence[OpenRun], Any, datetime], Events],
    read_run: Callable[[Sequence[OpenRun]], Events] | None,
) -> Iterator[Page]:
    """Yield pages with the current state of the open runs.

    First read `open_rows`, the source's list of open runs, if the source has such a list. Then request each other run
    with `read_run`. Pipelines of several clients may share a run of the source, so each row and each request is for a
    group of stored runs.
    """
    remaining_runs: dict[RunKey, list[OpenRun]] = {}
    for run in runs:
        remaining_runs.setdefault((run.external_id, run.external_run_id), []).append(run)
    # A single run is requested by its id, because the list of open runs could have many pages.
    if open_rows is not None and len(remaining_runs) > 1:
        for requested_at, rows in open_rows:
            page = Page()
            for row in rows:
                if group := remaining_runs.pop(run_key(row), None):
                    page.events.extend(to_events(group, row, requested_at))
            yield page
            if not remaining_runs:
                return
    if read_run is not None:
        for group in remaining_runs.values():
            yield Page(list(read_run(group)))


def reread_open_runs_by_id(
    runs: Sequence[OpenRun],
    *,
    batch_size: int,
    fetch: Callable[[list[str]], Iterable[Any]],
    id_field: str,
    to_run_event: Callable[[Any, dict[str, Any]], RunEvent | None],
) -> Iterator[Page]:
    """Yield pages with the open runs, requested by lists of ids. Runs that are not in the response are gone.

    The run ids of the source must be unique across pipelines. `id_field` is the field of a row with the run's id.
    """
    groups: dict[str, list[OpenRun]] = {}
    for run in runs:
        groups.setdefault(run.external_run_id, []).append(run)
    ids = list(groups)
    for start in range(0, len(ids), batch_size):
        batch_ids = ids[start : start + batch_size]
        page = Page()
        missing_runs = {external_run_id: groups[external_run_id] for external_run_id in batch_ids}
        for row in fetch(batch_ids):
            if not isinstance(row, dict):
                continue
            events = (to_run_event(run.pipeline_id, row) for run in missing_runs.pop(str(row.get(id_field)), ()))
            page.events.extend(run_event for run_event in events if run_event is not None)
        page.events.extend(gone_event(run) for group in missing_runs.values() for run in group)
        yield page
