"""Send events with the client library openlineage-python: `lineage_jobs.py URL KEY plain|gzip|burst`.

The library is not changed: it has only CHM's address and key.
"""

import sys
from datetime import UTC, datetime

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import DatasetEvent, Job, JobEvent, Run, RunEvent, RunState, StaticDataset
from openlineage.client.facet_v2 import error_message_run, nominal_time_run, processing_engine_run
from openlineage.client.uuid import generate_new_uuid

NAMESPACE, PRODUCER = "warehouse://prod", "https://example.test/jobs/1.0"


def send_run_event(client: OpenLineageClient, state: RunState, run_id: str, job_name: str, **facets: object) -> None:
    client.emit(
        RunEvent(
            eventType=state,
            eventTime=datetime.now(UTC).isoformat(),
            run=Run(runId=run_id, facets=facets),
            job=Job(namespace=NAMESPACE, name=job_name),
            producer=PRODUCER,
        )
    )


def main() -> None:
    url, key, mode = sys.argv[1:]
    compression = {"compression": "gzip"} if mode == "gzip" else {}
    transport = {"type": "http", "url": url, "auth": {"type": "api_key", "apiKey": key}, **compression}
    client = OpenLineageClient(config={"transport": transport})
    if mode == "burst":
        for _ in range(12):
            send_run_event(client, RunState.COMPLETE, str(generate_new_uuid()), "burst")
        return
    nominal = nominal_time_run.NominalTimeRunFacet("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
    engine = processing_engine_run.ProcessingEngineRunFacet(version="3.5.1", name="spark")
    error = error_message_run.ErrorMessageRunFacet("no route to postgres://chm:FAKE-pw@db", "python", "Traceback")
    for job_name, state, facets in (
        ("daily_mart", RunState.COMPLETE, {"nominalTime": nominal, "processing_engine": engine}),
        ("close-month", RunState.FAIL, {"errorMessage": error}),
        ("reindex", RunState.ABORT, {}),
        ("still_running", RunState.RUNNING, {}),
    ):
        run_id = str(generate_new_uuid())
        send_run_event(client, RunState.START, run_id, job_name)
        send_run_event(client, RunState.OTHER, run_id, job_name)
        send_run_event(client, state, run_id, job_name, **facets)
    now = datetime.now(UTC).isoformat()
    client.emit(JobEvent(eventTime=now, job=Job(namespace=NAMESPACE, name="declared"), producer=PRODUCER))
    client.emit(DatasetEvent(eventTime=now, dataset=StaticDataset(namespace="s3://lake", name="x"), producer=PRODUCER))


main()
