"""manage.py revoke_api_token: revoke a token immediately."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chm_project.access.models import ApiToken
from chm_project.access.services import revoke_token


class Command(BaseCommand):
    help = "Revoke an API token by its visible part (chm_XXXXXXXX), as list_api_tokens shows it. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("visible_part", help="such as chm_aB3dE6gH")

    def handle(self, *args: Any, **options: Any) -> None:
        # Users may also paste the whole token.
        prefix = options["visible_part"].removeprefix("chm_").partition("_")[0]
        tokens = list(ApiToken.objects.filter(prefix=prefix))
        if len(tokens) != 1:
            raise CommandError(f"No token begins with chm_{prefix}; see manage.py list_api_tokens.", returncode=2)
        revoke_token(token=tokens[0])
        self.stdout.write(f"Revoked {tokens[0]}.")
