"""Shared code of the tests with live orchestrators: CHM's commands, comparison with the source, and the document."""

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
# A live orchestrator can need minutes until a run ends.
MAX_WAIT_SECONDS = 300
INTERVAL_SECONDS = 1
# An ordinary ingestion reads from two intervals before the watermark. So after this pause it does not read
# changes that were made before the pause.
SETTLED_SECONDS = 4 * INTERVAL_SECONDS

# reconcile() chooses a connection name for which CHM reads the last days again within this time.
RECONCILE_WITHIN = timedelta(seconds=5)

# Status, start and end of a run, which must be equal at the source and in CHM.
State = tuple[str, datetime | None, datetime | None]


class Record:
    """Prints lines and collects them for the document."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failures = 0

    def say(self, text: str = "") -> None:
        self.lines.append(text)
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def check(self, passed: bool, text: str) -> None:
        self.failures += not passed
        self.say(f"   {'ok  ' if passed else 'FAIL'} {text}")


class Chm:
    """CHM as an operator uses it: its commands, and its database for reading."""

    def __init__(self, name: str, connector: str, base_url: str, auth: str, platform_name: str) -> None:
        self._name, self._connector, self._base_url, self._auth = name, connector, base_url, auth
        self._platform = platform_name
        self.ingestions = 0

    def prepare(self, folder: Path, pipelines: Mapping[str, str]) -> None:
        """Delete the runs and pipelines in CHM, and add `pipelines`, a mapping from external id to name."""
        from django.core.management import call_command

        from inventory.models import Client, Pipeline
        from runs.models import Run

        call_command("migrate", verbosity=0)
        # Otherwise runs of an earlier server would be counted as runs that only CHM has.
        Run.objects.all().delete()
        Pipeline.objects.all().delete()
        owner, _ = Client.objects.get_or_create(name=f"Live {self._name}")
        for external_id, name in pipelines.items():
            Pipeline.objects.create(
                client=owner, name=name, external_id=external_id, platform=self._platform, pipeline_type="ingestion"
            )
        self._file = folder / "connections.toml"
        self._write_connection("live")
        os.environ["CHM_CONNECTIONS_FILE"] = str(self._file)

    def _write_connection(self, name: str) -> None:
        self._file.write_text(
            f'[connections.{name}]\nconnector = "{self._connector}"\nbase_url = "{self._base_url}"\n'
            f"interval_seconds = {INTERVAL_SECONDS}\ninventory_seconds = {INTERVAL_SECONDS}\n{self._auth}\n"
        )

    def ingest(self, *options: str) -> dict[str, Any]:
        """Run `ingest_runs` with these options; return its report of the only connection."""
        command = [sys.executable, "manage.py", "ingest_runs", "--json", *options]
        completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        if completed.returncode:
            raise SystemExit(f"ingest_runs ended with {completed.returncode}: {completed.stderr}{completed.stdout}")
        self.ingestions += 1
        [report] = json.loads(completed.stdout)["connections"]
        return dict(report)

    def reconcile(self) -> dict[str, Any]:
        """Make CHM read the last days again, as it does once a day; return the report.

        The time of day depends on the name of the connection, so choose a name whose time is now.
        """
        self.ingest()
        earliest = datetime.now(UTC) + timedelta(seconds=3)
        name = next(
            name
            for number in itertools.count()
            if earliest < reconcile_time(name := f"live-{number}") < earliest + RECONCILE_WITHIN
        )
        # Ingest shortly after this time, so that the reading is due.
        time.sleep(max(0.0, (reconcile_time(name) - datetime.now(UTC)).total_seconds()) + 0.1)
        self._write_connection(name)
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
    """Return the time today at which CHM reads the connection's last days again. It depends on the name's CRC-32."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=zlib.crc32(connection.encode()) / 2**32)


def compare(record: Record, title: str, states: Callable[[], Mapping[str, State]], chm: Chm) -> None:
    """Ingest, and record how many of the source's runs have the same state in CHM.

    If a run differs because it changed during the ingestion, ingest again.
    """
    while True:
        before = states()
        chm.ingest()
        at_source, stored = states(), chm.states()
        different = [name for name, state in at_source.items() if stored.get(name) != state]
        if not any(before.get(name) != at_source[name] for name in different):
            break
    record.check(not different, f"{title}: {len(at_source) - len(different)} of {len(at_source)} runs equal")
    for name in different:
        record.say(f"        {name}: source {at_source[name]}, CHM {stored.get(name)}")


def open_source_link(record: Record, run: Any, **request: Any) -> None:
    """Open the link of a failed run without a login, as a browser does, and record the status."""
    address = run.source_url or ""
    status = 0
    if address:
        status = requests.get(address, headers={"Accept": "text/html"}, timeout=30, **request).status_code
    record.check(status == 200, f"{status} {address}")


def wait_until(condition: Callable[[], object], meanwhile: Callable[[], object], description: str) -> None:
    """Call `meanwhile` every second until the condition is true; exit after MAX_WAIT_SECONDS."""
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not true within {MAX_WAIT_SECONDS} s: {description}")
        time.sleep(1)
        meanwhile()


def count_planted_secrets() -> int:
    """Return how many runs contain a secret that was planted in the source."""
    from django.db import connection

    # Every planted secret contains one of these two texts.
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
    folder: Path, scenario: Callable[[Record], None], *, title: str, introduction: str, system: str, write: Path | None
) -> int:
    """Run a scenario on embedded servers in the folder; return the exit status. `write`: the path of its document."""
    from chm_project.local.embedded import start_missing_servers

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    os.environ["CHM_DATA_DIR"] = str(folder / "chm")
    servers = start_missing_servers()
    import django

    django.setup()
    record, begun = Record(), time.monotonic()
    scenario(record)
    record.say(
        f"{'PASSED' if not record.failures else f'FAILED: {record.failures}'} in {time.monotonic() - begun:.0f} s"
    )
    if write:
        write.write_text(
            f"# {title}\n\n{introduction}\n\n"
            f"Date {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {system}, Python {platform.python_version()}, "
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores.\n\n"
            "```\n" + "\n".join(record.lines) + "\n```\n"
        )
    if servers is not None:
        from django.db import connections

        connections.close_all()
        servers.release()
    return 1 if record.failures else 0
