"""Create the data of `make demo`: two clients with pipelines on a simulated Airflow, a user, a token, and files.

The simulated Airflow plays back the recording of a real one.
"""

import fcntl
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.db import transaction
from django.db.models import QuerySet

from chm_project.access.models import ApiToken, Scope
from chm_project.access.services import create_token, revoke_token
from ingestion.assignment import pipelines_without_connection
from ingestion.connections import Connection, read_connections_file
from ingestion.synthetic.dataset import dataset
from ingestion.synthetic.demo_partner import DOWN_PLATFORM
from ingestion.synthetic.vocabulary import PLATFORMS
from inventory.models import Client, Pipeline
from runs.models import Run

USERNAME = "demo"
TOKEN_NAME = "make demo"  # noqa: S105 - a name, not a secret
SYNTHETIC_DATASET = "v1"
PASSWORD_ENV = "CHM_DEMO_AIRFLOW_PASSWORD"  # noqa: S105 - the variable that contains the secret
TOKEN_ENV = "CHM_DEMO_PARTNER_TOKEN"  # noqa: S105 - the variable that contains the secret
AIRFLOW_INTERVAL_SECONDS = 5
PARTNER_INTERVAL_SECONDS = 10

# DAG id in Airflow and pipeline type, by client and pipeline name.
AIRFLOW_PIPELINES = {
    "Northwind Trading": {
        "Daily sales load": ("sales_daily_load", "ingestion"),
        "Sales mart refresh": ("sales-mart.refresh", "transform"),
        "Orders reconciliation": ("orders.reconcile-v2", "quality"),
        "Long haul export": ("long_haul_export", "export"),
    },
    "Müller Logistik": {
        "Branch and map": ("branch_and_map", "transform"),
        "Manual refund": ("manual_refund", "export"),
        "Archive backfill": ("archive_backfill", "ingestion"),
        "Übersicht täglich": ("übersicht.täglich-münchen", "healthcheck"),
    },
}


@dataclass(frozen=True, slots=True)
class Login:
    username: str
    password: str
    token: str


@contextmanager
def demo_lock(data_dir: Path) -> Iterator[None]:
    """Lock the data folder, so that only one demonstration uses it. Raise CommandError if another one runs.

    The operating system releases the lock when the process ends.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"A demonstration is running already, with its data in {data_dir}. Stop it with Ctrl-C, or start "
                "another with its own data: CHM_DATA_DIR=.chm/second CHM_PORT=8001 make demo"
            ) from None
        yield


@transaction.atomic
def create_demo_data() -> Login:
    """Create missing clients, pipelines and the user of the demo; return its login with a new password and token.

    The token of an earlier demo is revoked. manage.py load_synthetic loads the synthetic data set.
    """
    for client_name, pipelines in AIRFLOW_PIPELINES.items():
        client, _ = Client.objects.get_or_create(name=client_name)
        for name, (external_id, pipeline_type) in pipelines.items():
            Pipeline.objects.get_or_create(
                client=client,
                name=name,
                defaults={"platform": "airflow", "external_id": external_id, "pipeline_type": pipeline_type},
            )
    password = secrets.token_urlsafe(9)
    user, _ = User.objects.get_or_create(username=USERNAME)
    user.is_staff = user.is_superuser = True
    user.set_password(password)
    user.save()
    for earlier_token in ApiToken.objects.filter(name=TOKEN_NAME, revoked_at__isnull=True):
        revoke_token(token=earlier_token)
    _, token = create_token(name=TOKEN_NAME, scope=Scope.ADMIN)
    return Login(USERNAME, password, token)


def write_connections(path: Path, *, airflow_url: str, partner_url: str) -> Mapping[str, Connection]:
    """Write the demonstration's connections file, which contains no secret, and return its connections."""
    clients = Client.objects.filter(pipelines__external_id__in=_synthetic_external_ids())
    names = clients.order_by("name").values_list("name", flat=True).distinct()
    airflow_auth = f'{{ kind = "airflow_token", username = "chm", secret_env = "{PASSWORD_ENV}" }}'
    partner_auth = f'{{ kind = "bearer", secret_env = "{TOKEN_ENV}" }}'
    tables = [
        _table("replayed-airflow", "airflow", airflow_url, AIRFLOW_INTERVAL_SECONDS, airflow_auth, AIRFLOW_PIPELINES)
    ]
    for platform in PLATFORMS:
        name, url = f"{platform.replace('_', '-')}-partner", f"{partner_url}/{platform}"
        tables.append(_table(name, "generic", url, PARTNER_INTERVAL_SECONDS, partner_auth, names, platform))
        if platform == DOWN_PLATFORM:
            tables[-1] += "max_retries = 1  # the next tick, a few seconds later, tries again\n"
    path.write_text("\n".join(["# Overwritten by `make demo`.", *tables]), encoding="utf-8")
    # Read the file, so that an invalid file fails here and not in the worker.
    return read_connections_file(path)


def pipelines_not_ingested_yet(connections: Mapping[str, Connection]) -> QuerySet[Pipeline]:
    """Return the pipelines that the connections have not tried to ingest, without those of the source that is down.

    Users can add pipelines that no connection selects. CHM never ingests them, so they are left out.
    """
    return (
        Pipeline.objects.ingestible()
        .exclude(platform=DOWN_PLATFORM)
        .filter(last_ingest_at=None, last_ingest_error=None)
        .exclude(pk__in=pipelines_without_connection(connections).values("pk"))
    )


def _table(
    name: str, connector: str, url: str, interval: int, auth: str, clients: Iterable[str], platform: str = "airflow"
) -> str:
    return (
        f"[connections.{name}]\n"
        f'connector = "{connector}"\n'
        f"base_url = {json.dumps(url)}\n"
        f"interval_seconds = {interval}\n"
        f"auth = {auth}\n"
        # A JSON array of strings is valid TOML.
        f'pipelines = {{ platform = "{platform}", clients = {json.dumps(list(clients), ensure_ascii=False)} }}\n'
    )


def write_open_runs(path: Path) -> None:
    """Write the open runs of the synthetic pipelines to a file, so that the simulated partner can end these runs.

    They come from the data set, or an earlier demonstration started them.
    """
    open_runs: dict[str, list[dict[str, str]]] = {}
    for run in (
        Run.objects.still_open().filter(pipeline__external_id__in=_synthetic_external_ids()).select_related("pipeline")
    ):
        started_at = run.started_at.isoformat() if run.started_at else ""
        open_run = {"external_run_id": run.external_run_id, "started_at": started_at}
        open_runs.setdefault(run.pipeline.external_id or "", []).append(open_run)
    path.write_text(json.dumps(open_runs, ensure_ascii=False), encoding="utf-8")


def _synthetic_external_ids() -> set[str]:
    data = dataset(SYNTHETIC_DATASET)
    table = data.read(data.base_file("pipelines"), "pipelines")
    return {row["external_id"] for _, row in table.rows if row["external_id"]}
