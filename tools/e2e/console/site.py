"""A whole CHM for browser tests: database with the synthetic data set, web server, worker, and a partner over HTTP."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings

from chm_project.local.supervisor import CELERY
from ingestion.synthetic.generic_partner import GenericPartner
from tools.support.processes import empty_broker, empty_database, web_server

DATABASE, BROKER = "chm_e2e", 9
PASSWORD = "only-for-browser-tests"
ROLES = ("viewer", "analyst", "operator", "administrator")
_PEOPLE = f"""
from django.contrib.auth.models import Group, User
for role in {ROLES!r}:
    user = User.objects.create_user(role, password={PASSWORD!r}, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
"""


@dataclass(frozen=True, slots=True)
class Site:
    """`partner` is what every pipeline is ingested from; people are called as their role is."""

    address: str
    partner: GenericPartner


@contextmanager
def running_site() -> Iterator[Site]:
    with empty_database(DATABASE) as database, GenericPartner(token="partner-token") as partner:
        environment = {
            "CHM_DATABASE_URL": database,
            "CHM_BROKER_URL": empty_broker(BROKER),
            "CHM_PARTNER_API_BASE_URL": partner.base_url,
            "CHM_PARTNER_API_TOKEN": "partner-token",
            "CHM_CONNECTIONS_FILE": "",
        }
        for command in (["migrate"], ["load_synthetic", "--end", "now"], ["shell", "--command", _PEOPLE]):
            _manage(*command, "--verbosity", "0", **environment)
        with _worker(environment), web_server(**environment) as address:
            yield Site(address, partner)


def _manage(*arguments: str, **environment: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR, env=_development(environment), check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


@contextmanager
def _worker(environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        [*CELERY,
         "worker", "--pool", "solo", "--without-mingle", "--without-gossip", "--loglevel", "WARNING"],
        cwd=settings.BASE_DIR, env=_development(environment),
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _development(environment: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "chm_project.settings.development"}
