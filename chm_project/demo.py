"""What `make demo` fills CHM with: two clients, their pipelines on a replayed Airflow, a person and a token."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from chm_project.access.models import ApiToken, Scope
from chm_project.access.services import create_token, revoke_token
from ingestion.connections import read_file
from inventory.models import Client, Pipeline

USERNAME = "demo"
TOKEN_NAME = "make demo"  # noqa: S105 - a name, not a secret
PASSWORD_ENV = "CHM_DEMO_AIRFLOW_PASSWORD"  # noqa: S105 - where the secret is
INTERVAL_SECONDS = 5

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
    """Idempotent, but for the password and the token: each start makes new ones and ends the former."""
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


def write_connections(path: Path, *, base_url: str) -> None:
    """The demonstration's connections file, an example of one; it holds no secret."""
    path.write_text(
        "# Written anew by `make demo`.\n"
        "[connections.replayed-airflow]\n"
        'connector = "airflow"\n'
        f"base_url = {json.dumps(base_url)}\n"
        f"interval_seconds = {INTERVAL_SECONDS}\n"
        f'auth = {{ kind = "airflow_token", username = "chm", secret_env = "{PASSWORD_ENV}" }}\n'
        'pipelines = { platform = "airflow" }\n'
    )
    read_file(path)
