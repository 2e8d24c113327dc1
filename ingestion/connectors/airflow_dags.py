"""List Airflow's DAGs: whether they are paused or have import errors, and when each starts next.

Airflow does not list a DAG whose file was deleted. Recorded responses: ingestion/synthetic/recordings/airflow.
"""

from collections.abc import Iterator
from typing import Any

from ingestion.connectors.base import SourcePipeline, field_of
from ingestion.http import PartnerSession
from ingestion.paging import OffsetPaging, PageLimit
from runs.events import readable_time

PAGE_SIZE = 100  # Airflow's default maximum


def list_dags(session: PartnerSession, api: str) -> Iterator[SourcePipeline]:
    """Yield all DAGs, also paused ones. A request returns up to 100 DAGs. `api` is /api/v2 or /api/v1."""
    paging, page_limit = OffsetPaging(), PageLimit()
    seen: set[str] = set()
    while True:
        query = [("order_by", "dag_id"), ("limit", str(PAGE_SIZE)), ("offset", str(paging.offset))]
        body = session.get(f"{api}/dags", query)
        rows = field_of(body, "dags", list, "the answer")
        total = field_of(body, "total_entries", int, "the answer")
        page_limit.count_page(len(rows))
        names = [str(row.get("dag_id")) if isinstance(row, dict) else "" for row in rows]
        for name, row in zip(names, rows, strict=True):
            if name and name not in seen:
                seen.add(name)
                yield _pipeline(name, row)
        if not paging.advance(keys=names, total=total):
            return


def _pipeline(name: str, row: dict[str, Any]) -> SourcePipeline:
    paused = row.get("is_paused")
    # Airflow 3 has next_dagrun_run_after, Airflow 2 has next_dagrun_create_after. A paused DAG has such a time too, but
    # does not start then.
    next_run_at = None if paused else row.get("next_dagrun_run_after", row.get("next_dagrun_create_after"))
    return SourcePipeline(
        external_id=name,
        name=name,
        paused=paused if isinstance(paused, bool) else None,
        next_run_at=readable_time("next_run_at", next_run_at, notes=[]),
        has_import_errors=row.get("has_import_errors") is True,
    )
