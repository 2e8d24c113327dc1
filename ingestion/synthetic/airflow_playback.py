"""Play the recorded Airflow in real time, again and again, with its times moved to now and with new run ids.

    python -m ingestion.synthetic.airflow_playback --port 18080 --username chm --password-env NAME

Runs are queued, run and end. One is cleared and runs again, and one is deleted.
"""

import argparse
import itertools
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from ingestion.synthetic.airflow_recording import RecordedRow, moved_run
from ingestion.synthetic.airflow_replay import AirflowReplay


class Playback:
    """Plays the recorded moments in real time, round after round. The runs of the last rounds stay in the list."""

    # When each moment begins, in seconds of the round. As recorded, except that short moments last a little longer.
    MOMENT_START_SECONDS = {"A-early": 0, "B-middle": 52, "C-settled": 210, "D-cleared": 222, "E-final": 250}
    ROUND_SECONDS = 280
    KEPT_ROUNDS = 5

    def __init__(self, partner: AirflowReplay) -> None:
        self._partner = partner
        self._past_rounds: list[list[RecordedRow]] = []
        self._round_rows: list[RecordedRow] = []
        self._start = partner.moments["A-early"].recorded_at

    def play(self, sleep: Callable[[float], None] = time.sleep) -> None:
        for number in itertools.count():
            began_at = datetime.now(UTC)
            suffix = f"~{began_at:%m%dT%H%M%S}"  # Airflow allows ~ in run ids
            for name, start in self.MOMENT_START_SECONDS.items():
                sleep(max(0.0, (began_at + timedelta(seconds=start) - datetime.now(UTC)).total_seconds()))
                self.serve_moment(name, began_at, suffix)
            self._past_rounds = [*self._past_rounds, self._round_rows][-self.KEPT_ROUNDS :]
            sleep(max(0.0, (began_at + timedelta(seconds=self.ROUND_SECONDS) - datetime.now(UTC)).total_seconds()))
            write_line(f"round {number + 1} is over; the recording starts again")

    def serve_moment(self, name: str, began_at: datetime, suffix: str) -> None:
        """Serve the runs of earlier rounds and of this moment, with the times of a round that began at `began_at`."""
        shift = began_at - self._start
        past = [row for rows in self._past_rounds for row in rows]
        rows = [moved_run(row, shift, suffix) for row in self._partner.moments[name].rows]
        self._partner.serve_rows([*past, *rows])
        self._round_rows = rows
        write_line(f"the recorded Airflow is at moment {name}: {len(rows)} runs")


def write_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # the reader may be a pipe


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m ingestion.synthetic.airflow_playback",
        description="Serve a replayed Airflow 3, for demonstrations.",
    )
    parser.add_argument("--port", type=int, default=18080, help="on 127.0.0.1 (18080)")
    parser.add_argument("--username", default="chm")
    parser.add_argument("--password-env", required=True, help="the environment variable that holds the password")
    options = parser.parse_args(arguments)
    if not (password := os.environ.get(options.password_env)):
        parser.error(f"the environment variable {options.password_env} is not set")
    with AirflowReplay(username=options.username, password=password, port=options.port) as partner:
        write_line(f"a replayed Airflow listens on {partner.base_url}")
        Playback(partner).play()
    return 0


if __name__ == "__main__":
    sys.exit(main())
