"""A complete CHM for tests in a browser.

It has a database with the synthetic data set, a web server, a worker, and two simulated partners.
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

# No other browser test uses this database of PostgreSQL, or database 9 of Redis.
DATABASE_NAME, BROKER_NUMBER = "chm_e2e", 9
PASSWORD = "only-for-browser-tests"
ROLES = ("viewer", "analyst", "operator", "administrator")
CREATE_USERS_CODE = f"""
from django.contrib.auth.models import Group, User
for role in {ROLES!r}:
    user = User.objects.create_user(role, password={PASSWORD!r}, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
"""


AIRFLOW_CLIENT = "Airflow live"
# Create a pipeline whose DAG does not exist in Airflow. CHM has no pipelines for the DAGs that exist in Airflow.
CREATE_PIPELINE_OF_DELETED_DAG_CODE = f"""
from django.utils import timezone
from inventory.models import Client, Pipeline
owner = Client.objects.create(name={AIRFLOW_CLIENT!r})
Pipeline.objects.create(
    client=owner, name="deleted", external_id="deleted_dag", platform="airflow", pipeline_type="export",
    ingested_through=timezone.now(), last_ingest_at=timezone.now(),
)
"""
# The runs of these pipelines have links to https://source.example. The tests answer the requests to this address.
SET_SOURCE_URLS_CODE = """
from inventory.models import Pipeline
Pipeline.objects.filter(platform="vendor_api").update(source_url_template="https://source.example/runs/{run_id}")
"""
PRINT_OTHER_CLIENTS_CODE = f"""
import json
from inventory.models import Client
print(json.dumps(list(Client.objects.exclude(name={AIRFLOW_CLIENT!r}).values_list("name", flat=True))))
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A running CHM. It has one user per role. The name of the user is the name of the role.

    `partner` is the source of all pipelines of the synthetic data set. The connection "airflow" has one pipeline whose
    DAG does not exist in Airflow. The connection also has DAGs for which a user can add pipelines.
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
    """Start a CHM and yield its Site. Stop all processes at the end of the block."""
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
            # The tests move only the browser's clock forward, so for the server the refreshes are at about the same
            # time. With the value 0, the server still computes a new board for each refresh.
            "CHM_BOARD_REUSE_SECONDS": "0",
            "E2E_PARTNER_TOKEN": "partner-token",
            # The recordings contain this text instead of the password.
            "E2E_AIRFLOW_PASSWORD": "REDACTED",
            "CHM_CONNECTIONS_FILE": str(connections_file),
        }
        for command in (["migrate"], ["load_synthetic", "--end", "now"]):
            _manage(*command, "--verbosity", "0", **environment)
        for code in (CREATE_USERS_CODE, CREATE_PIPELINE_OF_DELETED_DAG_CODE, SET_SOURCE_URLS_CODE):
            _manage("shell", "--command", code, "--verbosity", "0", **environment)
        other_clients = _manage("shell", "--command", PRINT_OTHER_CLIENTS_CODE, "--verbosity", "0", **environment)
        connections_file.write_text(
            _CONNECTIONS_TOML.format(partner=partner, airflow=airflow, other_clients=other_clients.strip())
        )
        # The page of the connection shows paused DAGs and DAGs with import errors, so one DAG has both.
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
