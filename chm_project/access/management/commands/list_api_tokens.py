"""manage.py list_api_tokens: who has which token, without what could be used."""

from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from chm_project.access.models import ApiToken


class Command(BaseCommand):
    help = "List API tokens: name, visible part, scope, binding, state, last use. Secrets are not stored."

    def handle(self, *args: Any, **options: Any) -> None:
        table = Table("name", "visible part", "scope", "bound to", "state", "expires", "last used")
        for token in ApiToken.objects.select_related("client", "pipeline"):
            bound = token.client or token.pipeline
            times = [f"{moment:%Y-%m-%d %H:%M}" if moment else "" for moment in (token.expires_at, token.last_used_at)]
            table.add_row(token.name, f"chm_{token.prefix}_…", token.scope, str(bound or ""), token.state, *times)
        Console(file=self.stdout).print(table)  # type: ignore[arg-type]  # Django's wrapper writes like a file
