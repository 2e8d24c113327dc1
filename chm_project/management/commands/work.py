"""manage.py work: run a worker and beat, which ingest on schedule."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from chm_project.local.supervisor import CELERY, Child, Supervisor
from ingestion.connections import ConfigurationError, configured_connections, missing_secrets


def ingestion_processes() -> list[Child]:
    """Return how a supervisor starts a worker and beat."""
    schedule = str(Path(settings.DATA_DIR) / "beat")
    return [
        Child("worker", [*CELERY, "worker", "--concurrency", "2", "--loglevel", "INFO", "--without-mingle"]),
        # A killed beat does not delete its pid file, and the next beat would not start. So beat gets no pid file.
        Child("beat", [*CELERY, "beat", "--loglevel", "WARNING", "--schedule", schedule, "--pidfile="]),
    ]


class Command(BaseCommand):
    help = "Ingest every connection on its interval: one worker and beat, on this machine. Ctrl-C stops both."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connections = configured_connections()
            if missing := missing_secrets(connections.values()):
                raise ConfigurationError(missing)
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=2) from None
        call_command("migrate", verbosity=0)
        self.stdout.write(f"CHM ingests {', '.join(sorted(connections))} (Ctrl-C stops it)")
        sys.exit(Supervisor(ingestion_processes(), write=self.stdout.write).run())
