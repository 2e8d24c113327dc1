"""A partner with the API of the generic connector and prepared responses, so that the benchmark measures only CHM.

Its runs have two versions. `GET /version/1` switches to version 1, in which every second run has changed.
"""

import argparse
import json
import socketserver
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def run(pipeline: int, number: int, version: int) -> dict[str, object]:
    """Return a run of about 600 bytes of JSON, the size of recorded responses of real orchestrators."""
    start = BEGAN + timedelta(minutes=15 * number, seconds=pipeline)
    changed = version and number % 2
    end = start + timedelta(seconds=60 + number % 600)
    return {
        "external_run_id": f"scheduled__{start.isoformat()}",
        "status": "failed" if changed else "success",
        "started_at": start.isoformat(),
        "finished_at": end.isoformat(),
        "rows_processed": 1000 + number,
        "error_message": "Task load_orders failed: connection reset by peer" if changed else None,
        # CHM stores the change only if updated_at is later.
        "updated_at": (end + timedelta(hours=version if changed else 0)).isoformat(),
        "run_type": "scheduled",
        "dag_id": f"pipeline_{pipeline}",
        "conf": {"region": "eu-central-1", "full_refresh": False, "batch": number},
        "data_interval_start": start.isoformat(),
        "data_interval_end": end.isoformat(),
        "bundle_version": None,
        "triggered_by": "timetable",
        "note": None,
    }


def pages(pipelines: int, runs: int, page: int, version: int) -> dict[tuple[int, int], bytes]:
    """Return the JSON of all pages. The key is the pipeline's number and the number of the first run of the page."""
    # Rounded up, so that no run is missing.
    per_pipeline = -(-runs // pipelines)
    prepared = {}
    for pipeline in range(pipelines):
        for first in range(0, per_pipeline, page):
            last = min(first + page, per_pipeline)
            body = {
                "runs": [run(pipeline, number, version) for number in range(first, last)],
                "next_cursor": str(last) if last < per_pipeline else None,
            }
            # Encoded in advance, so that the time of the JSON encoder is not measured.
            prepared[pipeline, first] = json.dumps(body).encode()
    return prepared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("port", "pipelines", "runs", "page"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    state = {"version": 0}
    prepared = pages(options.pipelines, options.runs, options.page, 0)

    class Handler(socketserver.StreamRequestHandler):
        # Small responses must not wait for an acknowledgement.
        disable_nagle_algorithm = True

        def handle(self) -> None:
            while line := self.rfile.readline():
                while self.rfile.readline() not in {b"\r\n", b""}:
                    pass
                self.wfile.write(self.answer(urlsplit(line.split()[1].decode())))

        def answer(self, address: object) -> bytes:
            path, query = address.path, parse_qs(address.query)  # type: ignore[attr-defined]
            if path.startswith("/version/"):
                state["version"] = int(path.rpartition("/")[2])
                prepared.update(pages(options.pipelines, options.runs, options.page, state["version"]))
            if not path.startswith("/pipelines/"):
                body = b"{}"
            else:
                pipeline = int(path.split("/")[2].rpartition("_")[2])
                body = prepared[pipeline, int(query.get("cursor", ["0"])[0])]
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
