"""manage.py work: run a worker and beat, which ingest on schedule."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from chm_project.local.supervisor import CELERY, Child, Supervisor
from ingestion.connections import ConfigurationError, configured_connections, missing_secrets


def ingestion_processes() -> list[Child]:
    """Return how a supervisor starts a worker and beat. Raise CommandError if beat cannot write into CHM_DATA_DIR."""
    schedule = str(_writable_data_dir() / "beat")
    return [
        Child("worker", [*CELERY, "worker", "--concurrency", "2", "--loglevel", "INFO", "--without-mingle"]),
        # A killed beat does not delete its pid file, and the next beat would not start. So beat gets no pid file.
        Child("beat", [*CELERY, "beat", "--loglevel", "WARNING", "--schedule", schedule, "--pidfile="]),
    ]


def _writable_data_dir() -> Path:
    """Return CHM_DATA_DIR, and create it if it does not exist."""
    folder = Path(settings.DATA_DIR)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # An existing folder may belong to another user.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CommandError(
            f"beat cannot write its schedule into {folder}: {error.strerror}. Choose another folder with CHM_DATA_DIR.",
            returncode=2,
        ) from None
    return folder


class Command(BaseCommand):
    help = "Ingest every connection on its interval: one worker and beat, on this machine. Ctrl-C stops both."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connections = configured_connections()
            if missing := missing_secrets(connections.values()):
                raise ConfigurationError(missing)
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=2) from None
        processes = ingestion_processes()
        call_command("migrate", verbosity=0)
        self.stdout.write(f"CHM ingests {', '.join(sorted(connections))} (Ctrl-C stops it)")
        sys.exit(Supervisor(processes, write=self.stdout.write).run())
