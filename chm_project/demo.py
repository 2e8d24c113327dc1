"""What `make demo` fills CHM with: the synthetic data set, two clients on a replayed Airflow, a person and a token."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from chm_project.access.models import ApiToken, Scope
from chm_project.access.services import create_token, revoke_token
from ingestion.connections import read_file
from ingestion.synthetic.dataset import dataset
from ingestion.synthetic.demo_partner import DOWN_SOURCE
from ingestion.synthetic.vocabulary import PLATFORMS
from inventory.models import Client, Pipeline
from runs.models import Run

USERNAME = "demo"
TOKEN_NAME = "make demo"  # noqa: S105 - a name, not a secret
DATASET = "v1"
PASSWORD_ENV = "CHM_DEMO_AIRFLOW_PASSWORD"  # noqa: S105 - where the secret is
TOKEN_ENV = "CHM_DEMO_PARTNER_TOKEN"  # noqa: S105 - likewise
AIRFLOW_INTERVAL_SECONDS = 5
PARTNER_INTERVAL_SECONDS = 10

INVENTORY = {
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


@transaction.atomic
def fill() -> Login:
    """Idempotent, but for the password and the token: each start makes new ones and ends the former. The synthetic
    data set comes apart from this, by manage.py load_synthetic."""
    for client_name, pipelines in INVENTORY.items():
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
    for former in ApiToken.objects.filter(name=TOKEN_NAME, revoked_at__isnull=True):
        revoke_token(token=former)
    _, token = create_token(name=TOKEN_NAME, scope=Scope.ADMIN)
    return Login(USERNAME, password, token)


def write_connections(path: Path, *, airflow_url: str, partner_url: str) -> None:
    """The demonstration's connections file, an example of one; it holds no secret."""
    data = dataset(DATASET)
    names = [row["name"] for _, row in data.read(data.base("clients"), "clients").rows]
    parts = [
        "# Written anew by `make demo`.",
        "[connections.replayed-airflow]\n"
        'connector = "airflow"\n'
        f"base_url = {json.dumps(airflow_url)}\n"
        f"interval_seconds = {AIRFLOW_INTERVAL_SECONDS}\n"
        f'auth = {{ kind = "airflow_token", username = "chm", secret_env = "{PASSWORD_ENV}" }}\n'
        f'pipelines = {{ platform = "airflow", clients = {_toml(INVENTORY)} }}\n'
    ]
    for platform in PLATFORMS:
        # Once again is enough for the source that goes down: its next tick comes soon.
        retries = "max_retries = 1\n" if platform == DOWN_SOURCE else ""
        parts.append(
            f"[connections.{platform.replace('_', '-')}-partner]\n"
            'connector = "generic"\n'
            f"base_url = {json.dumps(f'{partner_url}/{platform}')}\n"
            f"interval_seconds = {PARTNER_INTERVAL_SECONDS}\n{retries}"
            f'auth = {{ kind = "bearer", secret_env = "{TOKEN_ENV}" }}\n'
            f'pipelines = {{ platform = "{platform}", clients = {_toml(names)} }}\n'
        )
    path.write_text("\n".join(parts), encoding="utf-8")
    read_file(path)


def write_open_runs(path: Path) -> None:
    """What CHM holds as running, for the live partner to bring to an end: its own memory ended with the last demo."""
    data = dataset(DATASET)
    external_ids = {row["external_id"] for _, row in data.read(data.base("pipelines"), "pipelines").rows}
    found: dict[str, list[dict[str, str]]] = {}
    for run in Run.objects.still_open().filter(pipeline__external_id__in=external_ids).select_related("pipeline"):
        started_at = run.started_at.isoformat() if run.started_at else ""
        one = {"external_run_id": run.external_run_id, "started_at": started_at}
        found.setdefault(run.pipeline.external_id or "", []).append(one)
    path.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


def _toml(names: Iterable[str]) -> str:
    """A JSON array of texts is a TOML one."""
    return json.dumps(list(names), ensure_ascii=False)
