"""A complete CHM for browser tests.

It has a database with the synthetic data set, a web server, a worker, and partners over HTTP.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings

from chm_project.local.supervisor import CELERY
from ingestion.synthetic.airflow_replay import AirflowReplay
from ingestion.synthetic.generic_partner import GenericPartner
from tools.support.processes import empty_broker, empty_database, web_server

# No other test uses this database, or this numbered database of the broker.
DATABASE_NAME, BROKER_NUMBER = "chm_e2e", 9
PASSWORD = "only-for-browser-tests"
ROLES = ("viewer", "analyst", "operator", "administrator")
_CREATE_USERS = f"""
from django.contrib.auth.models import Group, User
for role in {ROLES!r}:
    user = User.objects.create_user(role, password={PASSWORD!r}, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
"""


AIRFLOW_CLIENT = "Airflow live"
# A pipeline whose DAG was deleted at the source. The DAGs that the source has are not in CHM yet.
_CREATE_DELETED_DAG = f"""
from django.utils import timezone
from inventory.models import Client, Pipeline
owner = Client.objects.create(name={AIRFLOW_CLIENT!r})
Pipeline.objects.create(
    client=owner, name="deleted", external_id="deleted_dag", platform="airflow", pipeline_type="export",
    ingested_through=timezone.now(), last_ingest_at=timezone.now(),
)
"""
# Pipelines link their runs to pages of their source; the tests answer requests for these pages.
_SET_SOURCE_URLS = """
from inventory.models import Pipeline
Pipeline.objects.filter(platform="vendor_api").update(source_url_template="https://source.example/runs/{run_id}")
"""
_PRINT_OTHER_CLIENTS = f"""
import json
from inventory.models import Client
print(json.dumps(list(Client.objects.exclude(name={AIRFLOW_CLIENT!r}).values_list("name", flat=True))))
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A running CHM. It has one user per role, with the role's name.

    `partner` is the source of all pipelines of the data set. Another connection, "airflow", has one pipeline that is
    missing at its source, and seven DAGs that can be adopted.
    """

    address: str
    partner: GenericPartner


_CONNECTIONS_TOML = f"""
[connections.airflow]
connector = "airflow"
base_url = "{{airflow.base_url}}"
auth = {{{{ kind = "airflow_token", username = "admin", secret_env = "E2E_AIRFLOW_PASSWORD" }}}}
pipelines = {{{{ clients = ["{AIRFLOW_CLIENT}"] }}}}

[connections.partner]
connector = "generic"
base_url = "{{partner.base_url}}"
auth = {{{{ kind = "bearer", secret_env = "E2E_PARTNER_TOKEN" }}}}
pipelines = {{{{ clients = {{other_clients}} }}}}
"""


@contextmanager
def running_site() -> Iterator[Site]:
    """Run a site and yield it; stop all its processes at the end of the block."""
    with (
        empty_database(DATABASE_NAME) as database_url,
        GenericPartner(token="partner-token") as partner,
        AirflowReplay() as airflow,
        TemporaryDirectory() as folder,
    ):
        connections_file = Path(folder) / "connections.toml"
        environment = {
            "CHM_DATABASE_URL": database_url,
            "CHM_BROKER_URL": empty_broker(BROKER_NUMBER),
            # The tests change only the browser's clock, so the server must compute the board at every refresh.
            "CHM_BOARD_REUSE_SECONDS": "0",
            "E2E_PARTNER_TOKEN": "partner-token",
            # The recordings contain this text instead of the password.
            "E2E_AIRFLOW_PASSWORD": "REDACTED",
            "CHM_CONNECTIONS_FILE": str(connections_file),
        }
        for command in (["migrate"], ["load_synthetic", "--end", "now"]):
            _manage(*command, "--verbosity", "0", **environment)
        for code in (_CREATE_USERS, _CREATE_DELETED_DAG, _SET_SOURCE_URLS):
            _manage("shell", "--command", code, "--verbosity", "0", **environment)
        other_clients = _manage("shell", "--command", _PRINT_OTHER_CLIENTS, "--verbosity", "0", **environment)
        connections_file.write_text(
            _CONNECTIONS_TOML.format(partner=partner, airflow=airflow, other_clients=other_clients.strip())
        )
        for dag in airflow.dag_list:
            dag["is_paused"] = dag["has_import_errors"] = dag["dag_id"] == "branch_and_map"
        _manage("ingest_runs", "--connection", "airflow", **environment)
        with _running_worker(environment), web_server(**environment) as address:
            yield Site(address, partner)


def _manage(*arguments: str, **environment: str) -> str:
    """Run a command of manage.py and return its output."""
    completed = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR, env=_with_development_settings(environment), check=True, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    return completed.stdout


@contextmanager
def _running_worker(environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        [*CELERY,
         "worker", "--pool", "solo", "--without-mingle", "--without-gossip", "--loglevel", "WARNING"],
        cwd=settings.BASE_DIR, env=_with_development_settings(environment),
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _with_development_settings(environment: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "chm_project.settings.development"}
