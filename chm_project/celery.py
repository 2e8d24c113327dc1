"""The Celery application; tasks live in the apps, the schedule in `ingestion.tasks`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")

app = Celery("chm")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
