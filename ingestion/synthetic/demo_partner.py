"""A simulated partner for demonstrations. It generates new runs for the pipelines of a synthetic data set.

It serves the runs in the form that CHM's connector `generic` reads.

    python -m ingestion.synthetic.demo_partner --port 18081 --token-env NAME [--open-runs FILE]

Each platform is a separate source with the base URL /{platform}. Some requests get the status 429, some pages are
returned twice, and one source is down for 90 seconds every four minutes.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import sub
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from urllib.parse import unquote

from ingestion.synthetic.dataset import Dataset, dataset, read_time
from ingestion.synthetic.live_runs import RunLeftOpen, RunRow, SimulatedPipeline
from ingestion.synthetic.partner import Answer, PartnerServer, Request

PAGE_SIZE = 4
RATE_LIMIT_EVERY = 40  # every 40th request gets 429
REPEAT_EVERY = 7  # the page of every 7th request is returned again as the next page
# This source is down from second 75 to second 165 of every cycle. The first cycle starts with the partner's process.
DOWN_PLATFORM = "vendor_api"
CYCLE_SECONDS = 240
DOWN_SECONDS = (75, 165)
# A run that was open before the partner started ends a random number of seconds after the partner's start. This is the
# range of the number.
LEFT_OPEN_SECONDS = (20, 150)
LOG_INTERVAL_SECONDS = 60
# A pipeline has stopped if the time since its last run is longer than this many times the usual gap between its runs.
MIN_SILENT_GAPS = 3


class DemoPartner(PartnerServer):
    """The partner's server.

    `open_runs` are runs that CHM has stored as running: {external_id: [{external_run_id, started_at}, …]}.
    """

    def __init__(
        self,
        data: Dataset,
        *,
        token: str,
        open_runs: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(port)
        self._token = token
        self._clock = clock
        self._began_at_seconds = clock()
        self._request_count = 0
        self._count_lock = threading.Lock()  # each request has a thread of its own
        self.statuses: Counter[int] = Counter()
        silent = _silent_pipelines(data)
        rows = [row for _, row in data.read(data.base_file("pipelines"), "pipelines").rows if row["external_id"]]
        self._pipelines = {
            (row["platform"], row["external_id"]): SimulatedPipeline(
                row["external_id"], row["pipeline_type"], is_silent=row["pipeline_id"] in silent
            )
            for row in rows
        }
        random = Random(1)  # noqa: S311 - not for secrets
        self._left_open = {
            external_id: [
                RunLeftOpen(
                    run["external_run_id"],
                    run["started_at"],
                    int(self._began_at_seconds) + random.randint(*LEFT_OPEN_SECONDS),
                )
                for run in runs
            ]
            for external_id, runs in (open_runs or {}).items()
        }

    def pipelines(self) -> Iterable[SimulatedPipeline]:
        return self._pipelines.values()

    def is_down(self) -> bool:
        """Return whether DOWN_PLATFORM is down now."""
        down_from, down_until = DOWN_SECONDS
        return down_from <= (self._clock() - self._began_at_seconds) % CYCLE_SECONDS < down_until

    def answer_or_fault(self, request: Request) -> Answer:
        """Return the response.

        Unlike the base class, do not store requests, because a demonstration may run for days.
        """
        with self._count_lock:
            self._request_count += 1
            number = self._request_count
        answer = self._answer(request, number)
        with self._count_lock:
            self.statuses[answer.status] += 1
        return answer

    def _answer(self, request: Request, number: int) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return Answer(401, {"detail": "Invalid token"})
        parts = request.path.strip("/").split("/")
        if request.method != "GET" or len(parts) != 4 or (parts[1], parts[3]) != ("pipelines", "runs"):
            return Answer(404, {"detail": "Not found"})
        if parts[0] == DOWN_PLATFORM and self.is_down():
            return Answer(503, {"detail": "Down for maintenance"})
        if (pipeline := self._pipelines.get((parts[0], unquote(parts[2])))) is None:
            return Answer(404, {"detail": "No such pipeline"})
        if number % RATE_LIMIT_EVERY == 0:
            return Answer(429, {"detail": "Too many requests"}, {"Retry-After": "1"})
        return self._page(pipeline, request, repeat=number % REPEAT_EVERY == 0)

    def _page(self, pipeline: SimulatedPipeline, request: Request, *, repeat: bool) -> Answer:
        """Return a page. Its cursor is the id of its last run, so the cursor stays valid when runs are added.

        With `repeat`, the cursor leads to the same page again, so that CHM receives its runs twice.
        """
        runs = self._runs(pipeline)
        if since := request.query_value("updated_since"):
            try:
                start = read_time(since)
            except ValueError:
                return Answer(400, {"detail": "updated_since is not a time"})
            runs = [run for run in runs if read_time(run["updated_at"]) >= start]
        last_id, _, is_repeat = (request.query_value("cursor") or "").partition("~")
        ids = [run["external_run_id"] for run in runs]
        begin = ids.index(last_id) + 1 if last_id in ids else 0
        page = runs[begin : begin + PAGE_SIZE]
        cursor = None
        if repeat and page and not is_repeat:
            # With the suffix, the cursor is new. CHM refuses a cursor that it has already used.
            cursor = f"{last_id}~again"
        elif begin + PAGE_SIZE < len(runs):
            cursor = ids[begin + PAGE_SIZE - 1]
        return Answer(body={"runs": page, "next_cursor": cursor})

    def _runs(self, pipeline: SimulatedPipeline) -> list[RunRow]:
        now = self._clock()
        runs = pipeline.runs(now)
        live_ids = {run["external_run_id"] for run in runs}
        left_open = [
            run for run in self._left_open.get(pipeline.external_id, ()) if run.external_run_id not in live_ids
        ]
        # RunLeftOpen.runs yields no row before the run's end, and one row from then on.
        return [*(ended for run in left_open for ended in run.runs(now)), *runs]

    def watch(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Print outages and counts of responses until the process ends."""
        was_down, logged_at = False, self._clock()
        while True:
            sleep(1)
            if self.is_down() != was_down:
                was_down = not was_down
                write_line(f"the source {DOWN_PLATFORM} is {'down for maintenance' if was_down else 'back'}")
            if self._clock() - logged_at >= LOG_INTERVAL_SECONDS:
                logged_at = self._clock()
                with self._count_lock:
                    counts = ", ".join(f"{number} of {status}" for status, number in sorted(self.statuses.items()))
                    self.statuses.clear()
                write_line(f"responses in the last minute: {counts or 'none'}")


def _silent_pipelines(data: Dataset) -> set[str]:
    """Return the ids of the pipelines that ran regularly but stopped before the end of the data set.

    The partner returns no live runs of these pipelines, so that the demonstration shows them as late.
    """
    starts: dict[str, list[datetime]] = {}
    for path in data.runs_files():
        for _, row in data.read(path, "runs").rows:
            starts.setdefault(row["pipeline_id"], []).append(read_time(row["started_at"]))
    end = max((times[-1] for times in starts.values()), default=None)
    return {
        pipeline_id
        for pipeline_id, times in starts.items()
        if end
        and len(times) > MIN_SILENT_GAPS
        and end - times[-1] > MIN_SILENT_GAPS * median(map(sub, times[1:], times))
    }


def write_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # the reader may be a pipe


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m ingestion.synthetic.demo_partner",
        description="Serve a partner with live runs, for demonstrations.",
    )
    parser.add_argument("--port", type=int, default=18081, help="on 127.0.0.1 (18081)")
    parser.add_argument("--token-env", required=True, help="the environment variable that holds the token")
    parser.add_argument("--dataset", default="v1", help="the data set with the pipelines (v1)")
    parser.add_argument("--open-runs", type=Path, help="JSON: {external_id: [{external_run_id, started_at}, ...]}")
    options = parser.parse_args(arguments)
    if not (token := os.environ.get(options.token_env)):
        parser.error(f"the environment variable {options.token_env} is not set")
    try:
        data = dataset(options.dataset)
        open_runs: dict[str, Any] = json.loads(options.open_runs.read_text()) if options.open_runs else {}
    except (LookupError, OSError, ValueError) as error:
        parser.error(str(error))
    with DemoPartner(data, token=token, open_runs=open_runs, port=options.port) as partner:
        write_line(f"a live partner listens on {partner.base_url}")
        partner.watch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
