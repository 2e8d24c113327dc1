"""The Celery application. The apps define the tasks, and `ingestion.tasks` defines the schedule."""

import json
import os
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from celery.apps import worker as worker_module
from celery.apps.beat import Beat
from celery.signals import beat_init, setup_logging, worker_init
from kombu.serialization import register
from kombu.utils import json as kombu_json

import chm_project.telemetry.tasks  # noqa: F401 - connects its signals
from chm_project.db import time_limits
from chm_project.scrubbing import scrubbed
from chm_project.telemetry.context import process_role, set_process_role
from chm_project.telemetry.uncaught_errors import log_uncaught

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")


def _scrubbed_json(value: Any) -> str:
    """Return a task's result as JSON without secrets. A failed task's result is its exception and traceback."""
    # scrubbed() accepts only plain JSON values, so kombu's encoder first converts dates, UUIDs and exceptions.
    return json.dumps(scrubbed(json.loads(kombu_json.dumps(value))))


register(
    "scrubbed-json", _scrubbed_json, kombu_json.loads, content_type="application/x-scrubbed-json",
    content_encoding="utf-8",
)  # fmt: skip


class QuietWorker(worker_module.Worker):
    def on_before_init(self, quiet: bool = False, **kwargs: Any) -> None:
        super().on_before_init(quiet=True, **kwargs)


class QuietBeat(Beat):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"quiet": True})


class Application(Celery):
    """Celery whose worker and beat print no banner at their start, because every line of the log must be JSON."""

    Worker = property(lambda self: self.subclass_with_self(QuietWorker))
    Beat = property(lambda self: self.subclass_with_self(QuietBeat))


app = Application("chm")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def keep_django_logging(**_: Any) -> None:
    """Do nothing. Celery does not configure logging if its signal `setup_logging` has a receiver, such as this one."""


def log_signal_message(message: str, _stream: Any = None) -> None:
    """Write a worker's message about a signal such as SIGTERM as a JSON line. Do not use `logging`.

    The signal may have interrupted code that holds a lock of `logging`. Then a call of `logging` would wait forever.
    """
    line = {
        "time": datetime.now(UTC).isoformat(), "level": "INFO", "logger": "celery.worker", "role": process_role(),
        "message": message.strip(),
    }  # fmt: skip
    os.write(2, json.dumps(line).encode() + b"\n")


if os.environ["DJANGO_SETTINGS_MODULE"].endswith(".production"):
    log_uncaught()
    setattr(worker_module, "safe_say", log_signal_message)  # noqa: B010 - the module has no types
    setup_logging.connect(keep_django_logging)


@worker_init.connect
def limit_statements(**_: Any) -> None:
    # The time limits of SQL statements are longer in tasks than in requests.
    time_limits.limit_process(time_limits.TASK)


@beat_init.connect
def schedule_ingestion(sender: Any, **_: Any) -> None:
    """Add the schedule of the connections. Only beat needs it."""
    # Import ingestion.tasks only here: `chm_project/__init__` imports this module before Django has loaded the apps.
    from ingestion.tasks import beat_schedule

    set_process_role("beat")
    sender.scheduler.merge_inplace(beat_schedule())
