"""The published Python client, which is generated from the contract document, works against the running server."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from pytest_django.live_server_helper import LiveServer

from chm_project.access.models import Scope
from chm_project.access.services import create_token

PACKAGE = Path(settings.BASE_DIR) / "clients" / "python"


@pytest.fixture(scope="module")
def generated() -> Iterator[ModuleType]:
    sys.path.insert(0, str(PACKAGE))
    try:
        yield importlib.import_module("chm_client")
    finally:
        sys.path.remove(str(PACKAGE))


def operation(generated: ModuleType, name: str) -> Any:
    """Return the module of the generated client that sends one operation, such as clients_create."""
    root = Path(str(generated.__file__)).parent
    [path] = root.rglob(f"api/*/{name}.py")
    return importlib.import_module(".".join((generated.__name__, *path.relative_to(root).with_suffix("").parts)))


@pytest.mark.django_db(transaction=True)
def test_the_client_creates_reads_changes_and_disables_an_object(
    generated: ModuleType, live_server: LiveServer
) -> None:
    _, token = create_token(name="generated", scope=Scope.WRITE)
    models = importlib.import_module("chm_client.models")
    with generated.AuthenticatedClient(
        base_url=live_server.url, token=token, raise_on_unexpected_status=True
    ) as client:

        def call(name: str, *arguments: Any, **keywords: Any) -> Any:
            return operation(generated, name).sync_detailed(*arguments, client=client, **keywords)

        created = call("clients_create", body=models.ClientRequest(name="Northwind"))
        assert (created.status_code, created.parsed.name, created.parsed.is_active) == (201, "Northwind", True)
        identifier = created.parsed.id

        assert call("clients_retrieve", identifier).parsed.name == "Northwind"
        renamed = call("clients_partial_update", identifier, body=models.PatchedClientRequest(name="Northwind Trading"))
        assert renamed.parsed.name == "Northwind Trading"
        assert call("clients_destroy", identifier).status_code == 204
        assert call("clients_retrieve", identifier).parsed.is_active is False
        assert call("clients_list").parsed.items == []

        clash = call("clients_create", body=models.ClientRequest(name="Northwind Trading"))
        assert clash.status_code == 400
        assert clash.parsed.error.details[0].field == "name"
        assert call("report_failing_now").parsed.items == []
