"""`manage.py create_api_token`: only the token on standard output, and exit status 2 for invalid arguments."""

import io
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from chm_project.access.models import ApiToken
from chm_project.tests.api import ROOT
from inventory.tests.factories import ClientFactory, PipelineFactory


def run_command(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("create_api_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_standard_output_contains_only_a_valid_token() -> None:
    out, err = run_command("grafana", "--scope", "read")

    assert out.count("\n") == 1
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {out.strip()}")
    assert api.get(f"{ROOT}/clients").status_code == 200
    assert out.strip() not in err
    assert "grafana" in err


@pytest.mark.django_db
def test_the_token_is_stored_with_scope_client_and_expiry_date() -> None:
    client = ClientFactory.create(name="Northwind")

    run_command("jobs", "--scope", "ingest", "--client", "Northwind", "--expires-days", "30")

    token = ApiToken.objects.get()
    assert (token.name, token.scope, token.client_id, token.pipeline_id) == ("jobs", "ingest", client.pk, None)
    assert token.expires_at is not None
    assert abs(token.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)


@pytest.mark.django_db
def test_a_token_can_be_bound_to_one_pipeline() -> None:
    pipeline = PipelineFactory.create()

    run_command("ping", "--scope", "ingest", "--pipeline", str(pipeline.pk))

    assert ApiToken.objects.get().pipeline_id == pipeline.pk


@pytest.mark.django_db
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="nothing"),
        pytest.param(["grafana"], id="no scope"),
        pytest.param(["grafana", "--scope", "root"], id="unknown scope"),
        pytest.param([" ", "--scope", "read"], id="blank name"),
        pytest.param(["x" * 101, "--scope", "read"], id="long name"),
        pytest.param(["grafana", "--scope", "read", "--client", "Nortwind"], id="unknown client"),
        pytest.param(["grafana", "--scope", "read", "--client", ""], id="empty client"),
        pytest.param(["grafana", "--scope", "read", "--pipeline", "orders"], id="not an id"),
        pytest.param(
            ["grafana", "--scope", "read", "--pipeline", "019a0000-0000-7000-8000-000000000000"], id="unknown pipeline"
        ),
        pytest.param(["grafana", "--scope", "read", "--expires-days", "0"], id="no days"),
        pytest.param(["grafana", "--scope", "read", "--expires-days", "soon"], id="word for days"),
        pytest.param(["grafana", "--scope", "read", "--expires-days", "9999999"], id="too many days"),
    ],
)
def test_invalid_arguments_create_no_token(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run_command(*arguments)

    assert not ApiToken.objects.exists()


@pytest.mark.django_db
def test_the_error_names_an_unknown_client() -> None:
    with pytest.raises(CommandError, match="'Nortwind'") as raised:
        run_command("grafana", "--scope", "read", "--client", "Nortwind")

    assert raised.value.returncode == 2


def test_missing_arguments_exit_with_status_2_and_the_help_has_examples() -> None:
    def manage(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "django", "create_api_token", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(settings.BASE_DIR))

    without_scope, help_output = manage("grafana"), manage("--help")

    assert (without_scope.returncode, without_scope.stdout) == (2, "")
    assert "--scope" in without_scope.stderr
    assert help_output.returncode == 0
    assert "examples:" in help_output.stdout
