"""CHM against a live Airflow, while it works: `make e2e-airflow`.

1. Runs are triggered and caught up; CHM ingests every few seconds, as its command, until all have ended.
2. A failed run is cleared, and ingested while it runs again and after it has ended.
3. A queued run is deleted in Airflow.
After each part every run of the inventory is compared with what Airflow's own API says of it at that moment.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

ROOT = Path(__file__).resolve().parents[3]
PASSWORD_ENV = "CHM_E2E_AIRFLOW_PASSWORD"  # noqa: S105 - where the secret is
DAGS = ("sales_daily_load", "orders.reconcile-v2", "long_haul_export", "manual_refund")
CANONICAL = {"queued": "running", "running": "running", "success": "success", "failed": "failed"}
PATIENCE_SECONDS = 300
Key = tuple[str, str]


class Airflow:
    """Airflow's own API, asked without any code of CHM's."""

    def __init__(self, client: dict[str, str]) -> None:
        self._base = client["base_url"]
        body = {"username": client["username"], "password": client["password"]}
        token = requests.post(f"{self._base}/auth/token", json=body, timeout=30).json()["access_token"]
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(method, f"{self._base}/api/v2{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def trigger(self, dag: str, run: str, **conf: Any) -> Key:
        self.call("POST", f"/dags/{quote(dag)}/dagRuns", {"logical_date": None, "dag_run_id": run, "conf": conf})
        return dag, run

    def runs(self) -> dict[Key, dict[str, Any]]:
        found: dict[Key, dict[str, Any]] = {}
        for dag in DAGS:
            path = f"/dags/{quote(dag)}/dagRuns?order_by=id&limit=100"
            for run in self.call("GET", path)["dag_runs"]:
                found[dag, run["dag_run_id"]] = run
        return found


class Chm:
    """CHM as an operator uses it: its command, and its database for reading."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.seen: dict[Key, list[str]] = {}

    def ingest(self) -> dict[str, Any]:
        command = [sys.executable, "manage.py", "ingest_runs", "--json"]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        if ended.returncode:
            raise SystemExit(f"ingest_runs ended with {ended.returncode}: {ended.stderr}")
        [report] = json.loads(ended.stdout)["connections"]
        self.reports.append(report)
        for key, run in self.runs().items():
            shown = f"{run.status}{'' if run.started_at else ' (queued)' if run.status == 'running' else ''}"
            if (history := self.seen.setdefault(key, []))[-1:] != [shown]:
                history.append(shown)
        return dict(report)

    def runs(self) -> dict[Key, Any]:
        from runs.models import Run

        runs = Run.objects.select_related("pipeline")
        return {(run.pipeline.external_id or "", run.external_run_id): run for run in runs}


class Record:
    """What is printed, kept for the document."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str = "") -> None:
        self.lines.append(text)
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def compare(chm: Chm, airflow: Airflow, record: Record, title: str, *, gone: frozenset[Key] = frozenset()) -> int:
    """Says how many runs are equal in status, start and end; returns how many are not."""
    theirs, ours = airflow.runs(), chm.runs()
    different = []
    for key, run in theirs.items():
        expected = (CANONICAL[run["state"]], moment(run["start_date"]), moment(run["end_date"]))
        own = ours.get(key)
        if own is None or (own.status, own.started_at, own.finished_at) != expected:
            different.append(
                f"  {key}: Airflow {expected}, CHM {own and (own.status, own.started_at, own.finished_at)}"
            )
    extra = sorted(set(ours) - set(theirs) - gone)
    record.say(f"{title}: {len(theirs) - len(different)} of {len(theirs)} runs equal, {len(extra)} unknown to Airflow")
    for line in [*different, *(f"  only in CHM: {key}" for key in extra)]:
        record.say(line)
    return len(different) + len(extra)


def until(condition: Any, chm: Chm) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("Airflow did not get there in time; its logs are in its folder.")
        time.sleep(2)
        chm.ingest()


def settled(airflow: Airflow, expected: int) -> bool:
    runs = airflow.runs()
    return len(runs) >= expected and all(run["state"] in {"success", "failed"} for run in runs.values())


def prepare(client: dict[str, str], folder: Path) -> None:
    """An empty CHM whose inventory is Airflow's DAGs."""
    from django.core.management import call_command

    from inventory.models import Client, Pipeline
    from runs.models import Run

    call_command("migrate", verbosity=0)
    Run.objects.all().delete()
    Pipeline.objects.all().delete()
    owner, _ = Client.objects.get_or_create(name="Live Airflow")
    for dag in DAGS:
        Pipeline.objects.create(client=owner, name=dag, external_id=dag, platform="airflow", pipeline_type="ingestion")
    connections = folder / "connections.toml"
    connections.write_text(
        f'[connections.live-airflow]\nconnector = "airflow"\nbase_url = "{client["base_url"]}"\ninterval_seconds = 5\n'
        f'auth = {{ kind = "airflow_token", username = "{client["username"]}", secret_env = "{PASSWORD_ENV}" }}\n'
    )
    os.environ |= {PASSWORD_ENV: client["password"], "CHM_CONNECTIONS_FILE": str(connections)}


def scenario(airflow: Airflow, chm: Chm, record: Record) -> int:
    failures = 0
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    record.say("1. Runs are queued, run and end while CHM ingests")
    for dag in DAGS:
        airflow.call("PATCH", f"/dags/{quote(dag)}", {"is_paused": False})
    for number in range(3):
        airflow.trigger("long_haul_export", f"haul-{number}:{stamp}+x~1", seconds=8)
    failing = airflow.trigger("manual_refund", f"refund-{stamp}", fail=True, seconds=6)
    chm.ingest()
    until(lambda: settled(airflow, 24 + 20 + 4), chm)
    chm.ingest()
    failures += compare(chm, airflow, record, "   all ended")
    stepped = [key for key, states in chm.seen.items() if states[0].startswith("running") and states[-1] != "running"]
    queued = [key for key in stepped if chm.seen[key][0] == "running (queued)"]
    record.say(f"   {len(stepped)} runs were seen open first and ended later, {len(queued)} of them queued first:")
    for key in sorted(queued)[:4]:
        record.say(f"     {key[0]} {key[1]}: {' → '.join(chm.seen[key])}")
    failures += not queued
    again = chm.ingest()
    record.say(f"   once more, with nothing changed: {again['created']} created, {again['updated']} updated")
    failures += again["created"] + again["updated"]

    record.say("2. A failed run is cleared")
    path = f"/dags/{failing[0]}/dagRuns/{quote(failing[1], safe='')}"
    before = chm.runs()[failing]
    airflow.call("POST", f"{path}/clear", {"dry_run": False})
    chm.ingest()
    reopened = chm.runs()[failing]
    record.say(
        f"   CHM right after: {before.status} → {reopened.status}, started_at {reopened.started_at:%H:%M:%S} kept"
    )
    failures += reopened.status != "running"
    until(lambda: settled(airflow, 24 + 20 + 4), chm)
    chm.ingest()
    record.say(f"   {failing[0]} {failing[1]}: {' → '.join(chm.seen[failing])}")
    failures += chm.runs()[failing].started_at <= before.started_at
    failures += compare(chm, airflow, record, "   all ended again")

    record.say("3. A queued run is deleted")
    airflow.trigger("long_haul_export", f"running-{stamp}", seconds=12)
    deleted = airflow.trigger("long_haul_export", f"deleted-{stamp}", seconds=1)
    until(lambda: deleted in chm.seen, chm)
    airflow.call("DELETE", f"/dags/{deleted[0]}/dagRuns/{quote(deleted[1], safe='')}")
    chm.ingest()
    run = chm.runs()[deleted]
    record.say(f"   {deleted[0]} {deleted[1]}: {' → '.join(chm.seen[deleted])}, {run.status_reason!r}")
    failures += (run.status, run.status_reason) != ("canceled", "gone at source")
    until(lambda: settled(airflow, 24 + 20 + 5), chm)
    chm.ingest()
    failures += compare(chm, airflow, record, "   all others", gone=frozenset({deleted}))

    record.say(f"Secrets planted in Airflow that reached the database: {planted()}")
    failures += planted()
    return int(failures)


def planted() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM runs WHERE runs::text LIKE '%%hunter2%%' OR runs::text LIKE '%%FAKE%%'")
        [[count]] = cursor.fetchall()
    return int(count)


def document(record: Record, client: dict[str, str], ended: str) -> str:
    return (
        "# A live Airflow\n\n"
        "Written by `make e2e-airflow`, which starts Apache Airflow in a folder of its own, triggers runs, ingests\n"
        "while they run, clears one, deletes one, and compares every run with Airflow's own answers.\n\n"
        f"Date {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Airflow {client['version']}, "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores.\n\n"
        "```\n" + "\n".join(record.lines) + f"\n{ended}\n```\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where start_airflow.sh put Airflow")
    parser.add_argument("--write", type=Path, help="the document to write")
    options = parser.parse_args()
    client = json.loads((options.folder / "client.json").read_text())

    from chm_project.local.embedded import attach_to_environment

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    os.environ["CHM_DATA_DIR"] = str(options.folder / "chm")
    servers = attach_to_environment()
    import django

    django.setup()
    prepare(client, options.folder)
    record = Record()
    failures = scenario(Airflow(client), Chm(), record)
    ended = "PASSED" if not failures else f"FAILED: {failures} differences"
    sys.stdout.write(f"{ended}\n")
    if options.write:
        options.write.write_text(document(record, client, ended))
    if servers is not None:
        from django.db import connections

        connections.close_all()
        servers.release()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
