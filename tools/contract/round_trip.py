"""Test the generated Python client with a running server: create, read, change and list objects.

Also test the errors for an update with an outdated ETag, and for a missing run.
"""

import sys
import time
from typing import Any

from chm_client import AuthenticatedClient
from chm_client.api.clients import (
    clients_create,
    clients_partial_update,
    clients_pipelines_create,
    clients_retrieve,
)
from chm_client.api.pipelines import pipelines_runs_push, pipelines_runs_retrieve
from chm_client.api.reports import report_failing_now
from chm_client.api.runs import runs_list, runs_retrieve
from chm_client.models import ClientRequest, PatchedClientRequest, PipelineRequest, PushedRunRequest


def main(address: str, token: str) -> None:
    chm: Any = AuthenticatedClient(base_url=address, token=token, raise_on_unexpected_status=True)
    name = f"Python {time.time_ns()}"
    client = clients_create.sync(client=chm, body=ClientRequest(name=name), idempotency_key=name)
    assert clients_create.sync(client=chm, body=ClientRequest(name=name), idempotency_key=name) == client

    read_response = clients_retrieve.sync_detailed(client.id, client=chm)
    assert read_response.parsed.name == name
    new_name = PatchedClientRequest(name=f"{name} renamed")
    etag = read_response.headers["ETag"]
    assert clients_partial_update.sync(client.id, client=chm, body=new_name, if_match=etag).name == f"{name} renamed"
    refused_response = clients_partial_update.sync_detailed(client.id, client=chm, body=new_name, if_match=etag)
    assert (refused_response.status_code, refused_response.parsed.error.code) == (412, "precondition_failed")
    current_response = clients_retrieve.sync_detailed(client.id, client=chm)
    unchanged_response = clients_retrieve.sync_detailed(
        client.id, client=chm, if_none_match=current_response.headers["ETag"]
    )
    assert unchanged_response.status_code == 304

    body = PipelineRequest(name="Load", platform="dbt", pipeline_type="ingestion")
    pipeline = clients_pipelines_create.sync(client.id, client=chm, body=body)
    for number, status in enumerate(("failed", "success", "failed")):
        run = PushedRunRequest.from_dict({"status": status, "started_at": f"2026-03-0{number + 1}T10:00:00Z"})
        stored_run = pipelines_runs_push.sync(pipeline.id, f"run {number}", client=chm, body=run)
        assert pipelines_runs_retrieve.sync(pipeline.id, f"run {number}", client=chm) == stored_run
    run_ids, cursor = [], None
    while cursor is not None or not run_ids:
        page_query = {"cursor": cursor} if cursor else {}
        page = runs_list.sync(
            client=chm,
            pipeline_id=[pipeline.id],
            status=["failed", "running"],
            ordering="event_at",
            limit=1,
            **page_query,
        )
        run_ids += [run.external_run_id for run in page.items]
        cursor = page.next_cursor
    assert run_ids == ["run 0", "run 2"]

    assert len(report_failing_now.sync(client=chm, client_id=client.id).items) == 1
    missing_response = runs_retrieve.sync_detailed(client.id, client=chm)
    assert (missing_response.status_code, missing_response.parsed.error.code) == (404, "not_found")
    print("Python: ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
