"""manage.py list_api_tokens: list the API tokens without their secrets."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chm_project.access.models import ApiToken
from chm_project.command_kit.tables import show_json, show_table


class Command(BaseCommand):
    help = "List API tokens: name, visible part, scope, binding, state, last use. Secrets are not stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the list as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        tokens = ApiToken.objects.select_related("client", "pipeline", "user")
        if options["json"]:
            show_json(self.stdout, {"tokens": [_token_fields(token) for token in tokens]})
            return
        rows = [
            (token.name, f"chm_{token.prefix}", token.scope, token.client or token.pipeline, _state(token),
             f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "")
            for token in tokens
        ]  # fmt: skip
        show_table(self.stdout, ("name", "visible part", "scope", "bound to", "state", "last used"), rows)


def _state(token: ApiToken) -> str:
    if token.expires_at is None or token.state in {"revoked", "disabled"}:
        return token.state
    preposition = "until" if token.state == "valid" else "on"
    return f"{token.state} {preposition} {token.expires_at:%Y-%m-%d %H:%M}"


def _token_fields(token: ApiToken) -> dict[str, Any]:
    return {
        "name": token.name,
        "visible_part": f"chm_{token.prefix}",
        "scope": token.scope,
        "client": token.client.name if token.client else None,
        "pipeline_id": token.pipeline_id,
        "state": token.state,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
    }
