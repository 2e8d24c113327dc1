"""List the deployments and flows of a Prefect server. A pipeline's external id is the id of a deployment or a flow.

The next start of a deployment is not read, because it would need a list of its scheduled runs. Recorded responses:
ingestion/synthetic/recordings/prefect. API: https://docs.prefect.io/v3/api-ref/rest-api
"""

from collections.abc import Iterator
from typing import Any

from ingestion.connectors.base import SourcePipeline
from ingestion.errors import BadAnswer
from ingestion.http import PartnerSession
from ingestion.paging import OffsetPaging, PageLimit

PAGE_SIZE = 200  # the server's maximum


def list_deployments(session: PartnerSession) -> Iterator[SourcePipeline]:
    """Yield all deployments and flows.

    A flow with deployments cannot be adopted, because its deployments have the runs.
    """
    # Both lists are read first, because the name of a deployment contains the name of its flow.
    deployments = list(_rows(session, "/api/deployments/filter"))
    flows = {str(row.get("id")): str(row.get("name")) for row in _rows(session, "/api/flows/filter")}
    for row in deployments:
        flow, paused = flows.get(str(row.get("flow_id"))), row.get("paused")
        yield SourcePipeline(
            external_id=str(row.get("id")),
            name=f"{flow}/{row.get('name')}" if flow else str(row.get("name")),
            paused=paused if isinstance(paused, bool) else None,
        )
    deployed = {str(row.get("flow_id")) for row in deployments}
    for flow_id, name in flows.items():
        yield SourcePipeline(external_id=flow_id, name=name, can_be_adopted=flow_id not in deployed)


def _rows(session: PartnerSession, path: str) -> Iterator[dict[str, Any]]:
    paging, page_limit = OffsetPaging(), PageLimit()
    seen: set[str] = set()
    while True:
        body = {"sort": "NAME_ASC", "limit": PAGE_SIZE, "offset": paging.offset}
        rows = session.post(path, body)
        if not isinstance(rows, list):
            raise BadAnswer(f"the answer is a {type(rows).__name__}, not a list")
        page_limit.count_page(len(rows))
        keys = [str(row.get("id")) if isinstance(row, dict) else "" for row in rows]
        for key, row in zip(keys, rows, strict=True):
            if key and key not in seen:
                seen.add(key)
                yield row
        if not paging.advance(keys=keys, is_last=len(rows) < PAGE_SIZE):
            return
