"""Shared code of the tests with live orchestrators: run CHM's commands, compare runs, write the document."""

import itertools
import json
import os
import platform
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
# On a busy machine, a run of an orchestrator can take minutes.
MAX_WAIT_SECONDS = 300
INTERVAL_SECONDS = 1
# An ordinary ingestion begins two intervals before the watermark. After a pause of four intervals, it does not read
# again what changed before the pause.
SETTLED_SECONDS = 4 * INTERVAL_SECONDS

# reconcile() makes CHM read the last 3 days again 3 to 8 seconds after its first ingestion. This constant is the length
# of the range.
RECONCILE_RANGE = timedelta(seconds=5)

# Status, start and end of a run. All three must be the same at the source and in CHM.
State = tuple[str, datetime | None, datetime | None]


class Record:
    """Prints lines and collects them for the document."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failure_count = 0

    def say(self, text: str = "") -> None:
        self.lines.append(text)
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def check(self, passed: bool, text: str) -> None:
        self.failure_count += not passed
        self.say(f"   {'ok  ' if passed else 'FAIL'} {text}")


class Chm:
    """CHM as an operator uses it: its commands, and its database for reading."""

    def __init__(self, name: str, connector: str, base_url: str, auth: str, platform_name: str) -> None:
        self._client_name, self._connector, self._base_url, self._auth = name, connector, base_url, auth
        self._platform = platform_name
        self.ingestion_count = 0

    def prepare(self, folder: Path, pipelines: Mapping[str, str]) -> None:
        """Delete the runs and pipelines in CHM, and add `pipelines`, a mapping from external id to name."""
        from django.core.management import call_command

        from inventory.models import Client, Pipeline
        from runs.models import Run

        call_command("migrate", verbosity=0)
        # The scenario counts the runs that only CHM has. Without this deletion, it would count runs of an earlier
        # server.
        Run.objects.all().delete()
        Pipeline.objects.all().delete()
        client, _ = Client.objects.get_or_create(name=f"Live {self._client_name}")
        for external_id, pipeline_name in pipelines.items():
            Pipeline.objects.create(
                client=client,
                name=pipeline_name,
                external_id=external_id,
                platform=self._platform,
                pipeline_type="ingestion",
            )
        self._connections_file = folder / "connections.toml"
        self._write_connection("live")
        os.environ["CHM_CONNECTIONS_FILE"] = str(self._connections_file)

    def _write_connection(self, connection_name: str) -> None:
        self._connections_file.write_text(
            f'[connections.{connection_name}]\nconnector = "{self._connector}"\nbase_url = "{self._base_url}"\n'
            f"interval_seconds = {INTERVAL_SECONDS}\ninventory_seconds = {INTERVAL_SECONDS}\n{self._auth}\n"
        )

    def ingest(self, *options: str) -> dict[str, Any]:
        """Run `ingest_runs` with these options; return what it reports about the only connection."""
        command = [sys.executable, "manage.py", "ingest_runs", "--json", *options]
        completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        if completed.returncode:
            raise SystemExit(f"ingest_runs ended with {completed.returncode}: {completed.stderr}{completed.stdout}")
        self.ingestion_count += 1
        [report] = json.loads(completed.stdout)["connections"]
        return dict(report)

    def reconcile(self) -> dict[str, Any]:
        """Make CHM read the last 3 days again, as it does once a day; return the report of `ingest_runs`.

        The connection's name decides at which time of day CHM does this. So rename the connection: with the
        new name, CHM does this in a few seconds.
        """
        self.ingest()
        earliest = datetime.now(UTC) + timedelta(seconds=3)
        while (earliest + RECONCILE_RANGE).date() > datetime.now(UTC).date():
            # reconcile_time() returns a time of today, so wait until midnight has passed.
            time.sleep(1)
            earliest = datetime.now(UTC) + timedelta(seconds=3)
        connection_name = next(
            connection_name
            for number in itertools.count()
            if earliest < reconcile_time(connection_name := f"live-{number}") < earliest + RECONCILE_RANGE
        )
        # Wait until the connection is due.
        time.sleep(max(0.0, (reconcile_time(connection_name) - datetime.now(UTC)).total_seconds()) + 0.1)
        self._write_connection(connection_name)
        return self.ingest()

    def pipelines(self) -> dict[str, Any]:
        from inventory.models import Pipeline

        return {pipeline.external_id or "": pipeline for pipeline in Pipeline.objects.all()}

    def runs(self) -> dict[str, Any]:
        from runs.models import Run

        return {run.external_run_id: run for run in Run.objects.with_source_url().select_related("pipeline")}

    def states(self) -> dict[str, State]:
        return {name: (run.status, run.started_at, run.finished_at) for name, run in self.runs().items()}


def reconcile_time(connection: str) -> datetime:
    """Return at which time of today CHM reads the connection's last 3 days again.

    The CRC-32 of the name, divided by 2**32, is the part of the day that has passed at this time.
    """
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=zlib.crc32(connection.encode()) / 2**32)


def compare(record: Record, title: str, read_states: Callable[[], Mapping[str, State]], chm: Chm) -> None:
    """Ingest, and record how many of the source's runs have the same state in CHM.

    Ingest again if a differing run has changed at the source during the ingestion.
    """
    while True:
        states_before = read_states()
        chm.ingest()
        states_at_source, states_in_chm = read_states(), chm.states()
        differing_names = [name for name, state in states_at_source.items() if states_in_chm.get(name) != state]
        if not any(states_before.get(name) != states_at_source[name] for name in differing_names):
            break
    record.check(
        not differing_names,
        f"{title}: {len(states_at_source) - len(differing_names)} of {len(states_at_source)} runs equal",
    )
    for name in differing_names:
        record.say(f"        {name}: source {states_at_source[name]}, CHM {states_in_chm.get(name)}")


def open_source_link(record: Record, run: Any, **request: Any) -> None:
    """Open the run's link to its source without cookies, and record the status of the response."""
    url = run.source_url or ""
    status = 0
    if url:
        status = requests.get(url, headers={"Accept": "text/html"}, timeout=30, **request).status_code
    record.check(status == 200, f"{status} {url}")


def wait_until(condition: Callable[[], object], meanwhile: Callable[[], object], description: str) -> None:
    """Call `meanwhile` every second until the condition is true; exit after MAX_WAIT_SECONDS."""
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not true within {MAX_WAIT_SECONDS} s: {description}")
        time.sleep(1)
        meanwhile()


def count_planted_secrets() -> int:
    """Return how many runs in CHM contain a secret that the test has planted in the source."""
    from django.db import connection

    # Every planted secret contains "hunter2" or "FAKE".
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM runs WHERE runs::text LIKE '%%hunter2%%' OR runs::text LIKE '%%FAKE%%'")
        [[count]] = cursor.fetchall()
    return int(count)


def introduction(command: str, *, server: str, work: str, source: str) -> str:
    """Return the first paragraph of a document: what the command starts, runs and compares."""
    return (
        f"`{command}` writes this page. The test starts {server} in a new folder, and runs {work}. While CHM\n"
        f"ingests their runs, the test changes runs in {source}, as a user does by hand. "
        '"N of N runs equal" means that all\n'
        f"N runs in {source} have the same status, start and end in CHM."
    )


def run_scenario(
    folder: Path,
    scenario: Callable[[Record], None],
    *,
    title: str,
    introduction: str,
    system: str,
    document_path: Path | None,
) -> int:
    """Run a scenario with embedded servers in the folder; return the exit status.

    Write the document if `document_path` is not None.
    """
    from chm_project.local.embedded import start_missing_servers

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    os.environ["CHM_DATA_DIR"] = str(folder / "chm")
    servers = start_missing_servers()
    import django

    django.setup()
    record, start_time = Record(), time.monotonic()
    scenario(record)
    result = f"FAILED: {record.failure_count}" if record.failure_count else "PASSED"
    record.say(f"{result} in {time.monotonic() - start_time:.0f} s")
    if document_path:
        document_path.write_text(
            f"# {title}\n\n{introduction}\n\n"
            f"Date {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {system}, Python {platform.python_version()}, "
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores.\n\n"
            "```\n" + "\n".join(record.lines) + "\n```\n"
        )
    if servers is not None:
        from django.db import connections

        connections.close_all()
        servers.release()
    return 1 if record.failure_count else 0
