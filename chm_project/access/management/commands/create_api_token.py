"""manage.py create_api_token: create an API token. Standard output contains only the token."""

import uuid
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from chm_project.access.models import ApiToken, Scope
from chm_project.access.services import create_token

_EXAMPLES = """
scopes:
  read    read everything through the API
  ingest  push runs, start ingestions and read their state; read nothing else
  write   read and ingest; change inventory, alert rules and known failures; record manual runs
  admin   all of these

examples:
  manage.py create_api_token grafana --scope read --expires-days 365
  manage.py create_api_token "Northwind jobs" --scope ingest --client Northwind

The token is shown only once, because CHM stores only a digest of it. To replace a lost token, create another.
"""


class Command(BaseCommand):
    help = "Create an API token for a program. Standard output contains only the token, so a script can capture it."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, epilog=_EXAMPLES, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", type=_token_name, help="which program will use it; shown in lists and logs")
        parser.add_argument("--scope", required=True, choices=Scope.values, help="what the token may do (see below)")
        binding = parser.add_mutually_exclusive_group()
        binding.add_argument("--client", metavar="NAME", help="restrict the token to this client")
        binding.add_argument("--pipeline", metavar="ID", type=uuid.UUID, help="restrict the token to this pipeline")
        parser.add_argument(
            "--expires-days", type=_days, metavar="N", help="the token expires after N days (default: never)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days: int | None = options["expires_days"]
        token, plaintext = create_token(
            name=options["name"],
            scope=Scope(options["scope"]),
            client_id=_client_id(options["client"]) if options["client"] is not None else None,
            pipeline_id=_pipeline_id(options["pipeline"]) if options["pipeline"] is not None else None,
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        validity = f"until {token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at else "without an expiry date"
        self.stderr.write(
            f"Created {token}: scope {token.scope}, valid {validity}. Store it now; it is not shown again."
        )
        self.stdout.write(plaintext)


def _token_name(text: str) -> str:
    max_length: int = ApiToken._meta.get_field("name").max_length or 0
    if not text.strip() or len(text) > max_length:
        raise ArgumentTypeError(f"give the token a name of 1 to {max_length} characters")
    return text


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 36_500:
        raise ArgumentTypeError(f"give a whole number of days from 1 to 36500 instead of {text!r}")
    return int(text)


def _client_id(name: str) -> uuid.UUID:
    client_id: uuid.UUID | None = _manager_of("Client").filter(name=name).values_list("pk", flat=True).first()
    if client_id is None:
        raise CommandError(f"No client is named {name!r}; upper and lower case must match.", returncode=2)
    return client_id


def _pipeline_id(pipeline_id: uuid.UUID) -> uuid.UUID:
    if not _manager_of("Pipeline").filter(pk=pipeline_id).exists():
        raise CommandError(f"No pipeline has the id {pipeline_id}.", returncode=2)
    return pipeline_id


def _manager_of(model: str) -> Any:
    # Look the model up by name, because this package may not import inventory (see test_imports.py).
    return apps.get_model("inventory", model)._default_manager
