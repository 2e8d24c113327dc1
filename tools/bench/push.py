"""Measure pings and OpenLineage events, and compare them with /health: `python -m tools.bench.push`.

The command starts a web server with two worker processes. It creates the database chm_bench on the server of
CHM_DATABASE_URL. Without this variable, it creates the database on the embedded server in CHM_DATA_DIR.
"""

import argparse
import json
import os
import queue
import socket
import sys
import threading
import time
import uuid
from dataclasses import asdict
from typing import Any

import psycopg

from tools.bench.load import generate_load, send_request
from tools.bench.servers import UNLIMITED_RATES, create_database, manage, web_server

MINIMUMS = {"pings/s, two per run, with a rid": 400, "pings/s, one per run, without a rid": 400,
          "lineage events/s, new, in lists": 5_000}  # fmt: skip
# How many pipelines receive pings. Each of them has a key for its pings.
KEY_COUNT = 8
# The number of different pings with a rid. CHM answers fewer in the measured seconds, so none of them is sent twice.
PING_COUNT = 60_000
LIST_COUNT, EVENTS_PER_LIST = 40, 1_000
CONNECTION_COUNT = 8
NAMESPACE = "warehouse://prod"


def measure(url: str, *, seconds: float) -> dict[str, Any]:
    """Return the figures of pings and OpenLineage events; exit if CHM has lost events."""
    _create_inventory(url)
    with psycopg.connect(url) as connection:
        pipeline_ids = [row[0] for row in connection.execute("SELECT id FROM pipelines ORDER BY name").fetchall()]
    keys = [
        manage(
            "create_api_token", "bench", "--scope", "ingest", "--pipeline", str(pipeline_id), CHM_DATABASE_URL=url
        ).strip()
        for pipeline_id in pipeline_ids[:KEY_COUNT]
    ]
    token = manage("create_api_token", "bench", "--scope", "ingest", "--client", "Bench", CHM_DATABASE_URL=url).strip()
    figures: dict[str, Any] = {}
    with web_server(CHM_DATABASE_URL=url, CHM_WEB_WORKERS="2") as (port, _):
        constant_answers = generate_load(port, ["/health"], token=token, seconds=seconds)
        pings_with_rid = generate_load(port, _ping_paths(keys), token="", seconds=seconds)
        pings_without_rid = generate_load(port, [f"/ping/{key}" for key in keys], token="", seconds=seconds)
        starts, ends = _event_lists("START"), _event_lists("COMPLETE")
        rate_of_starts = _send_lists(port, starts, token)
        rate_of_ends = _send_lists(port, ends, token)
        rate_of_repeated_ends = _send_lists(port, ends, token)
    figures["constant answer, requests/s"] = constant_answers.per_second
    figures["pings/s, two per run, with a rid"] = pings_with_rid.per_second
    figures["pings/s, one per run, without a rid"] = pings_without_rid.per_second
    figures["lineage events/s, new, in lists"] = rate_of_starts
    figures["lineage events/s, ending those runs"] = rate_of_ends
    figures["lineage events/s, all sent again"] = rate_of_repeated_ends
    figures["ping ÷ constant, p50"] = round(asdict(pings_with_rid)["p50"] / constant_answers.p50, 1)
    figures["ping, p95 ms"] = pings_with_rid.p95
    with psycopg.connect(url, autocommit=True) as connection:
        # Every run whose events were answered with 201 must be stored.
        count_of_successes = connection.execute(
            "SELECT count(*) FROM runs WHERE status = 'success' AND payload ? 'job'"
        )
        if count_of_successes.fetchall() != [(LIST_COUNT * EVENTS_PER_LIST,)]:
            raise SystemExit("lineage events were lost")
        # The next part of the benchmark needs empty tables.
        connection.execute("TRUNCATE api_tokens, clients, pipelines, runs, alert_rules CASCADE")
    return figures


def _create_inventory(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO clients (id, name) VALUES (gen_random_uuid(), 'Bench')")
        connection.execute(
            "INSERT INTO pipelines (id, client_id, name, platform, external_id, pipeline_type)"
            " SELECT gen_random_uuid(), c.id, 'Pipeline ' || n, 'custom', %s || '/job_' || n, 'ingestion'"
            " FROM clients AS c, generate_series(0, 99) AS n",
            [NAMESPACE],
        )


def _ping_paths(keys: list[str]) -> list[str]:
    """Return the paths of pings that start and end runs. `rid` is the id of the run.

    The end of a run is CONNECTION_COUNT paths after its start, so that the same connection sends the start and the end.
    """
    paths = []
    for first_number in range(0, PING_COUNT, 2 * CONNECTION_COUNT):
        keys_and_rids = [
            (keys[number % KEY_COUNT], uuid.UUID(int=first_number + number)) for number in range(CONNECTION_COUNT)
        ]
        paths += [f"/ping/{key}/start?rid={rid}" for key, rid in keys_and_rids]
        paths += [f"/ping/{key}?rid={rid}" for key, rid in keys_and_rids]
    return paths


def _event_lists(event_type: str) -> list[bytes]:
    """Return the JSON of LIST_COUNT lists. Each event has about 1 kB and the fields that openlineage-python sends."""
    minute = {"START": 0, "COMPLETE": 5}[event_type]
    facets = {
        name: {"_producer": "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/client/python",
               "_schemaURL": f"https://openlineage.io/spec/facets/1-0-1/{name}.json#/$defs/{name}", **content}
        for name, content in {
            "nominalTime": {"nominalStartTime": "2026-11-20T00:00:00Z", "nominalEndTime": "2026-11-21T00:00:00Z"},
            "processing_engine": {"name": "spark", "version": "3.5.1"},
        }.items()
    }  # fmt: skip
    return [
        json.dumps([
            {
                "eventType": event_type, "eventTime": f"2026-11-20T10:{minute:02}:00.{number:06}+00:00",
                # The run ids of the pings begin at 0, so the run ids of the events begin at 2**64.
                "run": {"runId": str(uuid.UUID(int=2**64 + list_number * EVENTS_PER_LIST + number)), "facets": facets},
                "job": {"namespace": NAMESPACE, "name": f"job_{number % 100}", "facets": {}}, "inputs": [],
                "outputs": [], "producer": "https://example.test/jobs",
                "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            }
            for number in range(EVENTS_PER_LIST)
        ]).encode()
        for list_number in range(LIST_COUNT)
    ]  # fmt: skip


def _send_lists(port: int, event_lists: list[bytes], token: str) -> int:
    """Send every list once over four connections; return events per second."""
    bodies_to_send: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for body in event_lists:
        bodies_to_send.put(body)
    statuses: list[int] = []

    def send_bodies() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            while True:
                try:
                    body = bodies_to_send.get_nowait()
                except queue.Empty:
                    return
                statuses.append(send_request(connection, "/api/v1/lineage", token, body))

    threads = [threading.Thread(target=send_bodies) for _ in range(4)]
    start_time = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if statuses != [201] * len(event_lists):
        raise SystemExit(f"lineage answered {statuses}")
    return round(len(event_lists) * EVENTS_PER_LIST / (time.perf_counter() - start_time))


def table(figures: dict[str, Any]) -> list[str]:
    rows = [
        f"| {name} | {value:,} | {f'≥ {MINIMUMS[name]:,}' if name in MINIMUMS else ''} |"
        for name, value in figures.items()
    ]
    return ["| push, two web processes | | limit |", "|---|--:|---|", *rows]


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    from chm_project.local.embedded import start_missing_servers

    start_missing_servers()
    os.environ |= UNLIMITED_RATES | {"CHM_DEBUG": "0"}
    url = create_database(os.environ["CHM_DATABASE_URL"])
    manage("migrate", "--verbosity", "0", CHM_DATABASE_URL=url)
    sys.stdout.write("\n".join(table(measure(url, seconds=6))) + "\n")


if __name__ == "__main__":
    main()
