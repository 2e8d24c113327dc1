"""Play back the recording of an Airflow in real time, again and again.

    python -m ingestion.synthetic.airflow_playback --port 18080 --username chm --password-env NAME

Times are moved to now, and each round has new run ids. In each round, runs are queued, run and end. Two runs are
cleared and run again, and one run is deleted.
"""

import argparse
import itertools
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from ingestion.synthetic.airflow_recording import RecordedRow, moved_run
from ingestion.synthetic.airflow_replay import (
    ALL_RUNS_ENDED,
    ALL_RUNS_ENDED_AGAIN,
    RUNS_CLEARED,
    RUNS_OPEN,
    RUNS_OPEN_LATER,
    AirflowReplay,
)


class Playback:
    """Plays the recorded moments in real time, round after round. The runs of the last five rounds stay in the list."""

    # The second of the round at which each moment begins. The times are those of the recording, except that short
    # moments last a little longer.
    MOMENT_START_SECONDS = {
        RUNS_OPEN: 0,
        RUNS_OPEN_LATER: 52,
        ALL_RUNS_ENDED: 210,
        RUNS_CLEARED: 222,
        ALL_RUNS_ENDED_AGAIN: 250,
    }
    ROUND_SECONDS = 280
    KEPT_ROUNDS = 5

    def __init__(self, partner: AirflowReplay) -> None:
        self._partner = partner
        self._past_rounds: list[list[RecordedRow]] = []
        self._round_rows: list[RecordedRow] = []
        self._recording_start = partner.moments[RUNS_OPEN].recorded_at

    def play(self, sleep: Callable[[float], None] = time.sleep) -> None:
        for number in itertools.count(1):
            round_began_at = datetime.now(UTC)
            # The suffix makes the run ids of this round unique. Airflow allows ~ in run ids.
            suffix = f"~{round_began_at:%m%dT%H%M%S}"
            for name, start in self.MOMENT_START_SECONDS.items():
                sleep(max(0.0, (round_began_at + timedelta(seconds=start) - datetime.now(UTC)).total_seconds()))
                self.serve_moment(name, round_began_at, suffix)
            self._past_rounds = [*self._past_rounds, self._round_rows][-self.KEPT_ROUNDS :]
            sleep(
                max(0.0, (round_began_at + timedelta(seconds=self.ROUND_SECONDS) - datetime.now(UTC)).total_seconds())
            )
            write_line(f"round {number} is over; the recording starts again")

    def serve_moment(self, name: str, round_began_at: datetime, suffix: str) -> None:
        """Serve the runs of earlier rounds and of this moment, with times moved to the current round."""
        shift = round_began_at - self._recording_start
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
