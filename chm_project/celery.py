"""The Celery application; the apps have the tasks, `ingestion.tasks` the schedule."""

import json
import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init
from kombu.serialization import register
from kombu.utils import json as kombu_json

import chm_project.telemetry.tasks  # noqa: F401 - connects its signals
from chm_project.db import limits
from chm_project.scrubbing import scrubbed

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")


def _scrubbed_json(value: Any) -> str:
    """Return what the broker keeps of a task: its result, or its exception and traceback, without secrets."""
    return json.dumps(scrubbed(json.loads(kombu_json.dumps(value))))


register(
    "scrubbed-json", _scrubbed_json, kombu_json.loads, content_type="application/x-scrubbed-json",
    content_encoding="utf-8",
)  # fmt: skip

app = Celery("chm")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def keep_the_projects_logging(**_: Any) -> None:
    """Workers and beat then write the log that the settings describe, as the web server does."""


if os.environ["DJANGO_SETTINGS_MODULE"].endswith(".production"):
    setup_logging.connect(keep_the_projects_logging)  # that anybody listens is what keeps Celery's own away


@worker_init.connect
def limit_statements(**_: Any) -> None:
    limits.limit_process(limits.TASK)


@beat_init.connect
def schedule_ingestion(sender: Any, **_: Any) -> None:
    """Only beat reads the connections for their periods; a web process need not."""
    from chm_project.telemetry.metrics import name_process
    from ingestion.tasks import beat_schedule

    name_process("beat")

    sender.scheduler.merge_inplace(beat_schedule())
