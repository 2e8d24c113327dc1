"""API clients for tests: with a new token of a scope, or logged in as a user with a role."""

import json
from importlib import import_module
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from rest_framework.test import APIClient

from chm_project.access.models import Binding, Scope
from chm_project.access.services import create_token
from inventory.models import Client

ROOT = "/api/v1"
# An id that no row has. It is fixed, so that parallel workers collect the same tests.
UNKNOWN_ID = "019b0000-0000-7000-8000-000000000000"


def api_with_scope(scope: str = "admin", **binding: Any) -> APIClient:
    """Return an API client with a new token. Pass `client_id` or `pipeline_id` to bind the token."""
    _, token = create_token(name="test", scope=Scope(scope), **binding)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def api_as_role(role: str) -> APIClient:
    """Return an API client with the session of a new user who has this role."""
    if not Group.objects.exists():
        # A migration inserts the roles, and a transactional test has emptied their table.
        import_module("chm_project.access.migrations.0002_roles").make_roles(apps, connection.schema_editor())
    user = User.objects.create_user(f"a {role}", password="secret")
    user.groups.add(Group.objects.get(name=role))
    client = APIClient()
    client.force_login(user)
    return client


def create_bound_user(caller: str, *client_ids: Any) -> User:
    """Create a staff user with all permissions who is bound to the clients.

    `caller` is the kind of user:

    - A "member of a bound group" is bound through the group.
    - A "person of two clients" is also bound to a new client.
    - Any other user is bound directly.
    """
    user = User.objects.create_user(f"a bound {caller}", password="secret", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    binding_owner: dict[str, Any] = {"user": user}
    if caller == "member of a bound group":
        binding_owner = {"group": Group.objects.create(name="north")}
        user.groups.add(binding_owner["group"])
    binding = Binding.objects.create(**binding_owner)
    binding.clients.set(client_ids)
    if caller == "person of two clients":
        binding.clients.add(Client.objects.create(name="Another client"))
    return user


def assert_error(response: Any, status: int, code: str) -> dict[str, list[str]]:
    """Assert the status, the code and the format of the error response; return its issues by field."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "details", "request_id"}
    assert body["error"]["request_id"] == response["X-Request-ID"]
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    issues: dict[str, list[str]] = {}
    for detail in body["error"]["details"]:
        assert set(detail) == {"field", "issue"}
        assert detail["issue"]
        issues.setdefault(detail["field"], []).append(detail["issue"])
    return issues


def field_errors(response: Any) -> dict[str, list[str]]:
    """Assert a validation error (400) and return its issues by field."""
    issues = assert_error(response, 400, "validation_error")
    assert issues
    return issues


def items(response: Any) -> list[dict[str, Any]]:
    """Assert a successful page of a list and return its items."""
    assert response.status_code == 200, response.content
    body = response.json()
    assert set(body) == {"items", "next_cursor"}
    rows: list[dict[str, Any]] = body["items"]
    return rows


def post_json(client: APIClient, path: str, body: object) -> Any:
    """Post a body that can contain null and lone surrogates, which the test client does not encode."""
    return client.post(path, json.dumps(body), content_type="application/json")


def rows_of_all_pages(client: APIClient, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of all pages of a list, following `next_cursor`."""
    rows: list[dict[str, Any]] = []
    while True:
        body = client.get(path, parameters).json()
        rows += body["items"]
        if (cursor := body["next_cursor"]) is None:
            return rows
        parameters["cursor"] = cursor
