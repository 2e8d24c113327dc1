"""A simulated partner whose responses are prepared at its start, so that the benchmark measures only CHM.

The generic connector can read its API. After `GET /version/1`, every second run has changed.
"""

import argparse
import json
import socketserver
from datetime import UTC, datetime, timedelta
from urllib.parse import SplitResult, parse_qs, urlsplit

FIRST_START = datetime(2026, 1, 1, tzinfo=UTC)


def partner_run(pipeline_number: int, run_number: int, version: int) -> dict[str, object]:
    """Return a run with about 600 bytes of JSON, as much as a run of a real orchestrator has."""
    start = FIRST_START + timedelta(minutes=15 * run_number, seconds=pipeline_number)
    is_changed = bool(version and run_number % 2)
    end = start + timedelta(seconds=60 + run_number % 600)
    return {
        "external_run_id": f"scheduled__{start.isoformat()}",
        "status": "failed" if is_changed else "success",
        "started_at": start.isoformat(),
        "finished_at": end.isoformat(),
        "rows_processed": 1000 + run_number,
        "error_message": "Task load_orders failed: connection reset by peer" if is_changed else None,
        # CHM stores a changed run only if its updated_at is later than before.
        "updated_at": (end + timedelta(hours=version if is_changed else 0)).isoformat(),
        "run_type": "scheduled",
        "dag_id": f"pipeline_{pipeline_number}",
        "conf": {"region": "eu-central-1", "full_refresh": False, "batch": run_number},
        "data_interval_start": start.isoformat(),
        "data_interval_end": end.isoformat(),
        "bundle_version": None,
        "triggered_by": "timetable",
        "note": None,
    }


def page_bodies(pipeline_count: int, run_count: int, page_size: int, version: int) -> dict[tuple[int, int], bytes]:
    """Return the JSON of all pages by the number of the pipeline and the number of the page's first run."""
    # Round up, so that the pipelines together have at least `run_count` runs.
    runs_per_pipeline = -(-run_count // pipeline_count)
    bodies = {}
    for pipeline_number in range(pipeline_count):
        for first_number in range(0, runs_per_pipeline, page_size):
            end_number = min(first_number + page_size, runs_per_pipeline)
            body = {
                "runs": [
                    partner_run(pipeline_number, run_number, version) for run_number in range(first_number, end_number)
                ],
                "next_cursor": str(end_number) if end_number < runs_per_pipeline else None,
            }
            # Encode now, so that the benchmark does not measure the time of the JSON encoder.
            bodies[pipeline_number, first_number] = json.dumps(body).encode()
    return bodies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("port", "pipelines", "runs", "page"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    current_state = {"version": 0}
    bodies = page_bodies(options.pipelines, options.runs, options.page, 0)

    class Handler(socketserver.StreamRequestHandler):
        # With Nagle's algorithm, a small response would wait until the client has acknowledged the previous one.
        disable_nagle_algorithm = True

        def handle(self) -> None:
            while line := self.rfile.readline():
                while self.rfile.readline() not in {b"\r\n", b""}:
                    pass
                self.wfile.write(self.answer(urlsplit(line.split()[1].decode())))

        def answer(self, url: SplitResult) -> bytes:
            path, query = url.path, parse_qs(url.query)
            if path.startswith("/version/"):
                current_state["version"] = int(path.rpartition("/")[2])
                bodies.update(page_bodies(options.pipelines, options.runs, options.page, current_state["version"]))
            if not path.startswith("/pipelines/"):
                body = b"{}"
            else:
                pipeline = int(path.split("/")[2].rpartition("_")[2])
                body = bodies[pipeline, int(query.get("cursor", ["0"])[0])]
            return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
                len(body),
                body,
            )

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

    with Server(("127.0.0.1", options.port), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
