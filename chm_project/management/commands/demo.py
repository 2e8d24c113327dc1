"""manage.py demo: run all of CHM on this machine, with two simulated sources."""

import os
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from chm_project.local import demo, web_server
from chm_project.local.demo_lines import EventLines
from chm_project.local.supervisor import Child, Supervisor
from chm_project.management.commands.work import ingestion_processes
from ingestion.synthetic.demo_partner import DOWN_PLATFORM
from inventory.models import Pipeline


class Command(BaseCommand):
    help = (
        "Start a demonstration: synthetic data, two simulated sources, web server, worker and beat. "
        "Ctrl-C stops all of it; the data stays in CHM_DATA_DIR (.chm) for the next start."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--verbose", action="store_true", help="show every line that the processes print")

    def handle(self, *args: Any, verbose: bool, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The demonstration runs on development settings only.")
        with demo.demo_lock(Path(settings.DATA_DIR)):
            sys.exit(self._run(verbose=verbose))

    def _run(self, *, verbose: bool) -> int:
        """Run until Ctrl-C and return the exit status."""
        events = EventLines(self._write, in_place=self.stdout.isatty())
        start_time, started_at = time.monotonic(), timezone.now()
        port, airflow_port, partner_port = web_server.port(), _free_port(), _free_port()
        call_command("migrate", verbosity=0)
        folder = Path(settings.DATA_DIR)
        connections_file, open_runs = folder / "demo-connections.toml", folder / "demo-open-runs.json"
        # The processes that this command starts below read their secrets from the environment.
        os.environ |= {
            demo.PASSWORD_ENV: secrets.token_urlsafe(16),
            demo.TOKEN_ENV: secrets.token_urlsafe(16),
            "CHM_CONNECTIONS_FILE": str(connections_file),
        }
        # Show the error pages that users see, and not those with Django's settings and source code.
        os.environ.setdefault("CHM_DEBUG", "0")
        login = demo.create_demo_data()
        call_command("load_synthetic", dataset=demo.SYNTHETIC_DATASET, stdout=self.stdout)
        demo.write_open_runs(open_runs)
        connections = demo.write_connections(
            connections_file,
            airflow_url=f"http://127.0.0.1:{airflow_port}",
            partner_url=f"http://127.0.0.1:{partner_port}",
        )

        def announce() -> bool:
            """Print the login and return True if the web server answers and CHM has read its sources; else False.

            The pipelines of DOWN_PLATFORM do not count, because their source may be down now.
            """
            expected = Pipeline.objects.ingestible().exclude(platform=DOWN_PLATFORM)
            ingested = expected.filter(last_ingest_at__gte=started_at)
            if not _answers(port) or not ingested.exists() or demo.pipelines_not_ingested_yet(connections).exists():
                return False
            events.write_permanent(
                f"\nCHM is up and has read its sources, after {time.monotonic() - start_time:.0f} s.\n\n"
                f"  console   http://{web_server.HOST}:{port}/admin/   {login.username} / {login.password}\n"
                f"  API       http://{web_server.HOST}:{port}/api/v1/docs\n"
                f"  token     {login.token}\n\n"
                f"  curl -H 'Authorization: Bearer {login.token}' http://{web_server.HOST}:{port}/api/v1/pipelines\n\n"
                "Runs start, fail and are retried every few seconds, and one source is down from time to time.\n"
                "docs/demo-tour.md shows what to look at. Ctrl-C stops everything.\n"
                "`make demo ARGS=--verbose` shows every line that the processes print.\n"
            )
            return True

        children = [
            Child("airflow", _airflow(airflow_port)),
            Child("partner", _partner(partner_port, open_runs)),
            Child("web", web_server.command(port)),
            *ingestion_processes(),
        ]
        return Supervisor(children, write=self.stdout.write if verbose else events).run(when_started=announce)

    def _write(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()


def _airflow(port: int) -> list[str]:
    module = "ingestion.synthetic.airflow_playback"
    return [sys.executable, "-m", module, "--port", str(port), "--password-env", demo.PASSWORD_ENV]


def _partner(port: int, open_runs: Path) -> list[str]:
    module = "ingestion.synthetic.demo_partner"
    command = [sys.executable, "-m", module, "--port", str(port), "--token-env", demo.TOKEN_ENV]
    return [*command, "--dataset", demo.SYNTHETIC_DATASET, "--open-runs", str(open_runs)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((web_server.HOST, port)) == 0
