"""Permissions of tokens with scopes and bindings, and of users with roles."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from chm_project.access.models import ApiToken, Scope
from chm_project.access.services import create_token, revoke_token
from chm_project.tests.api import ROOT, api_as_role, api_with_scope, assert_error, items
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

CLIENTS_URL = f"{ROOT}/clients"
MINIMAL_PIPELINE = {"name": "orders", "platform": "dbt", "pipeline_type": "transform"}


def api_with_header(value: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=value)
    return client


# Tokens


@pytest.mark.proves("SE-001")
def test_only_a_keyed_digest_of_a_token_is_stored() -> None:
    token, plaintext = create_token(name="grafana", scope=Scope.READ)

    token.refresh_from_db()
    chm, prefix, secret = plaintext.split("_")
    assert (chm, prefix) == ("chm", token.prefix)
    assert len(secret) == 40
    assert not any(secret in str(value) for value in ApiToken.objects.values_list().get())


def test_each_token_has_its_own_account_that_cannot_log_in() -> None:
    token, _ = create_token(name="grafana", scope=Scope.READ)

    assert token.user.get_full_name() == "grafana"
    assert not token.user.has_usable_password()
    assert not token.user.is_staff


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_bearer_is_accepted_in_any_case(scheme: str) -> None:
    _, plaintext = create_token(name="grafana", scope=Scope.READ)

    assert api_with_header(f"{scheme} {plaintext}").get(CLIENTS_URL).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer chm_aaaaaaaa_" + "a" * 40,
        "Bearer chm_aaaaaaaa_" + "a" * 39 + "é",
        "Bearer a b c",
        "Bearer " + "a" * 10_000,
    ],
    ids=lambda header: header[:24],
)
def test_an_invalid_token_is_refused(header: str) -> None:
    response = api_with_header(header).get(CLIENTS_URL)

    assert_error(response, 401, "unauthorized")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_expired_revoked_disabled_and_unknown_tokens_get_the_same_answer() -> None:
    yesterday = timezone.now() - timedelta(days=1)
    _, expired = create_token(name="expired", scope=Scope.READ, expires_at=yesterday)
    token, revoked = create_token(name="revoked", scope=Scope.READ)
    revoke_token(token=token)
    token, disabled = create_token(name="disabled", scope=Scope.READ)
    User.objects.filter(pk=token.user_id).update(is_active=False)
    unknown = "chm_aaaaaaaa_" + "a" * 40

    same_id = {"X-Request-ID": "the-same-id"}
    responses = [
        api_with_header(f"Bearer {each}").get(CLIENTS_URL, headers=same_id)
        for each in (expired, revoked, disabled, unknown)
    ]

    assert {response.status_code for response in responses} == {401}
    assert len({response.content for response in responses}) == 1


def test_a_token_works_until_it_expires() -> None:
    _, plaintext = create_token(name="short", scope=Scope.READ, expires_at=timezone.now() + timedelta(minutes=1))

    assert api_with_header(f"Bearer {plaintext}").get(CLIENTS_URL).status_code == 200


@pytest.mark.parametrize("header", [None, "Basic YTpi", "Token x"])
def test_routes_answer_401_without_a_token_or_session(header: str | None) -> None:
    client = api_with_header(header) if header else APIClient()

    for path in ("clients", "pipelines", "runs", "schema", "docs", f"clients/{ClientFactory.create().pk}"):
        assert_error(client.get(f"{ROOT}/{path}"), 401, "unauthorized")


def test_a_token_stays_valid_while_the_old_secret_key_is_a_fallback(settings: Any) -> None:
    _, plaintext = create_token(name="grafana", scope=Scope.READ)
    old_key, settings.SECRET_KEY = settings.SECRET_KEY, "another key"

    assert api_with_header(f"Bearer {plaintext}").get(CLIENTS_URL).status_code == 401
    settings.SECRET_KEY_FALLBACKS = [old_key]
    assert api_with_header(f"Bearer {plaintext}").get(CLIENTS_URL).status_code == 200


def test_the_use_of_a_token_is_recorded_at_most_every_five_minutes() -> None:
    api = api_with_scope("read")

    api.get(CLIENTS_URL)
    first_use_at = ApiToken.objects.get().last_used_at
    with CaptureQueriesContext(
        connection,
    ) as queries:
        api.get(CLIENTS_URL)
    assert first_use_at is not None
    assert not [query for query in queries if query["sql"].startswith("UPDATE")]

    ApiToken.objects.update(last_used_at=first_use_at - timedelta(minutes=6))
    api.get(CLIENTS_URL)
    assert (ApiToken.objects.get().last_used_at or first_use_at) > first_use_at


@pytest.mark.parametrize(
    ("scope", "reads", "writes"),
    [("read", True, False), ("ingest", False, False), ("write", True, True), ("admin", True, True)],
)
def test_each_scope_allows_reading_and_writing_as_declared(scope: str, reads: bool, writes: bool) -> None:
    api = api_with_scope(scope)
    pipeline = PipelineFactory.create()
    client = pipeline.client
    reading = [
        api.get(CLIENTS_URL),
        api.get(f"{CLIENTS_URL}/{client.pk}"),
        api.get(f"{CLIENTS_URL}/{client.pk}/runs/summary"),
        api.get(f"{ROOT}/pipelines/{pipeline.pk}/runs"),
        api.get(f"{ROOT}/runs"),
        api.get(f"{ROOT}/schema"),
        api.options(CLIENTS_URL),
        api.head(CLIENTS_URL),
    ]
    writing = [
        api.post(CLIENTS_URL, {"name": "new"}),
        api.patch(f"{CLIENTS_URL}/{client.pk}", {"name": "renamed"}),
        api.post(f"{CLIENTS_URL}/{client.pk}/pipelines", MINIMAL_PIPELINE),
        api.post(f"{ROOT}/pipelines/{pipeline.pk}/runs", {"status": "success"}),
        api.delete(f"{ROOT}/pipelines/{pipeline.pk}"),
        api.delete(f"{CLIENTS_URL}/{client.pk}"),
    ]

    assert {response.status_code for response in reading} == ({200} if reads else {403})
    assert {response.status_code for response in writing} == ({200, 201, 204} if writes else {403})


def test_a_refusal_names_the_scope_that_is_needed() -> None:
    response = api_with_scope("read").post(CLIENTS_URL, {"name": "new"})

    assert_error(response, 403, "forbidden")
    assert response.json()["error"]["message"] == "This token has the scope read; this request needs the scope write."


@pytest.mark.parametrize("mistake", ["unknown scope", "two bindings"])
def test_the_database_refuses_a_token_with_an_unknown_scope_or_two_bindings(mistake: str) -> None:
    token, _ = create_token(name="grafana", scope=Scope.READ)
    pipeline = PipelineFactory.create()
    two_bindings = {"client": pipeline.client, "pipeline": pipeline}
    values: dict[str, Any] = {"scope": "root"} if mistake == "unknown scope" else two_bindings

    with pytest.raises(IntegrityError, match="api_tokens_"), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).update(**values)


# Bound tokens


@pytest.fixture
def own_pipeline() -> Pipeline:
    pipeline = PipelineFactory.create(name="own", client__name="own")
    RunFactory.create(pipeline=pipeline, external_run_id="own")
    return pipeline


@pytest.fixture
def foreign_pipeline() -> Pipeline:
    pipeline = PipelineFactory.create(name="foreign", client__name="foreign")
    RunFactory.create(pipeline=pipeline, external_run_id="foreign")
    return pipeline


@pytest.mark.proves("SE-001")
def test_a_token_bound_to_a_client_sees_only_this_client(own_pipeline: Pipeline, foreign_pipeline: Pipeline) -> None:
    sibling = PipelineFactory.create(client=own_pipeline.client, name="sibling")
    api = api_with_scope("write", client_id=own_pipeline.client_id)

    assert [client["name"] for client in items(api.get(CLIENTS_URL))] == ["own"]
    assert [pipeline["name"] for pipeline in items(api.get(f"{ROOT}/pipelines"))] == ["own", "sibling"]
    assert [run["external_run_id"] for run in items(api.get(f"{ROOT}/runs"))] == ["own"]
    assert items(api.get(f"{ROOT}/pipelines", {"client_id": str(foreign_pipeline.client_id)})) == []
    assert items(api.get(f"{ROOT}/runs", {"client_id": str(foreign_pipeline.client_id)})) == []
    assert api.get(f"{CLIENTS_URL}/{own_pipeline.client_id}/runs/summary").status_code == 200
    assert api.patch(f"{ROOT}/pipelines/{sibling.pk}", {"name": "renamed"}).status_code == 200
    assert api.post(f"{CLIENTS_URL}/{own_pipeline.client_id}/pipelines", MINIMAL_PIPELINE).status_code == 201


def test_a_token_bound_to_a_pipeline_sees_only_this_pipeline(
    own_pipeline: Pipeline, foreign_pipeline: Pipeline
) -> None:
    sibling = PipelineFactory.create(client=own_pipeline.client, name="sibling")
    api = api_with_scope("write", pipeline_id=own_pipeline.pk)

    assert items(api.get(CLIENTS_URL)) == []
    assert_error(api.get(f"{CLIENTS_URL}/{own_pipeline.client_id}"), 404, "not_found")
    assert_error(api.get(f"{CLIENTS_URL}/{own_pipeline.client_id}/runs/summary"), 404, "not_found")
    assert_error(api.post(f"{CLIENTS_URL}/{own_pipeline.client_id}/pipelines", MINIMAL_PIPELINE), 404, "not_found")
    assert_error(api.get(f"{ROOT}/pipelines/{sibling.pk}"), 404, "not_found")
    assert [pipeline["name"] for pipeline in items(api.get(f"{ROOT}/pipelines"))] == ["own"]
    assert [run["external_run_id"] for run in items(api.get(f"{ROOT}/runs"))] == ["own"]
    assert api.post(f"{ROOT}/pipelines/{own_pipeline.pk}/runs", {"status": "success"}).status_code == 201


@pytest.mark.parametrize("binding", ["client", "pipeline"])
def test_a_bound_token_gets_404_for_objects_of_another_client(
    own_pipeline: Pipeline, foreign_pipeline: Pipeline, binding: str
) -> None:
    api = api_with_scope(
        "admin", **{f"{binding}_id": own_pipeline.client_id if binding == "client" else own_pipeline.pk}
    )
    run = Run.objects.get(pipeline=foreign_pipeline)
    client, pipeline = f"{CLIENTS_URL}/{foreign_pipeline.client_id}", f"{ROOT}/pipelines/{foreign_pipeline.pk}"

    for response in (
        api.get(client),
        api.patch(client, {"name": "taken over"}),
        api.delete(client),
        api.get(f"{client}/pipelines"),
        api.post(f"{client}/pipelines", MINIMAL_PIPELINE),
        api.get(f"{client}/runs/summary"),
        api.get(pipeline),
        api.patch(pipeline, {"name": "taken over"}),
        api.delete(pipeline),
        api.get(f"{pipeline}/runs"),
        api.get(f"{pipeline}/runs/latest"),
        api.post(f"{pipeline}/runs", {"status": "success"}),
        api.get(f"{ROOT}/runs/{run.pk}"),
    ):
        assert_error(response, 404, "not_found")
    assert Client.objects.filter(name="foreign", is_active=True).exists()
    assert Pipeline.objects.filter(name="foreign", is_active=True).exists()
    assert Run.objects.count() == 2


def test_a_token_bound_to_a_client_may_not_create_a_client(own_pipeline: Pipeline) -> None:
    assert_error(
        api_with_scope("admin", client_id=own_pipeline.client_id).post(CLIENTS_URL, {"name": "new"}), 403, "forbidden"
    )


def test_a_bound_token_cannot_move_its_pipeline_to_another_client(
    own_pipeline: Pipeline, foreign_pipeline: Pipeline
) -> None:
    api = api_with_scope("admin", client_id=own_pipeline.client_id)

    response = api.patch(f"{ROOT}/pipelines/{own_pipeline.pk}", {"client_id": str(foreign_pipeline.client_id)})

    assert assert_error(response, 400, "validation_error") == {"client_id": ["Nothing has this id."]}


# Users


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [("viewer", True, False), ("analyst", True, True), ("operator", True, False), ("administrator", True, True)],
)
def test_each_role_allows_reading_and_writing_as_declared(role: str, reads: bool, writes: bool) -> None:
    api = api_as_role(role)
    pipeline = PipelineFactory.create()
    reading = [
        api.get(CLIENTS_URL),
        api.get(f"{CLIENTS_URL}/{pipeline.client_id}/runs/summary"),
        api.get(f"{ROOT}/pipelines"),
        api.get(f"{ROOT}/runs"),
        api.get(f"{ROOT}/schema"),
        api.get(f"{ROOT}/docs"),
    ]
    writing = [
        api.post(CLIENTS_URL, {"name": "new"}),
        api.post(f"{CLIENTS_URL}/{pipeline.client_id}/pipelines", MINIMAL_PIPELINE),
        api.post(f"{ROOT}/pipelines/{pipeline.pk}/runs", {"status": "success"}),
        api.patch(f"{ROOT}/pipelines/{pipeline.pk}", {"name": "renamed"}),
        api.delete(f"{ROOT}/pipelines/{pipeline.pk}"),
    ]

    assert {response.status_code for response in reading} == ({200} if reads else {403})
    assert {response.status_code for response in writing} == ({200, 201, 204} if writes else {403})


def test_a_user_without_a_role_may_do_nothing() -> None:
    api = APIClient()
    api.force_login(User.objects.create_user("nobody"))

    response = api.get(CLIENTS_URL)

    assert_error(response, 403, "forbidden")
    assert "inventory.view_client" in response.json()["error"]["message"]


def test_a_superuser_may_do_everything() -> None:
    api = APIClient()
    api.force_login(User.objects.create_superuser("root"))

    assert api.post(CLIENTS_URL, {"name": "new"}).status_code == 201


def test_operators_manage_tokens_and_ingestion_and_analysts_do_not() -> None:
    operator, analyst = (
        User.objects.get(pk=api_as_role(role).session["_auth_user_id"]) for role in ("operator", "analyst")
    )

    for permission in ("access.run_ingestion", "access.add_apitoken", "access.change_apitoken"):
        assert operator.has_perm(permission)
        assert not analyst.has_perm(permission)


def test_an_administrator_may_not_delete_inventory_or_runs_and_may_not_change_runs() -> None:
    administrator = User.objects.get(pk=api_as_role("administrator").session["_auth_user_id"])

    for permission in ("inventory.delete_client", "inventory.delete_pipeline", "runs.delete_run", "runs.change_run"):
        assert not administrator.has_perm(permission)


def test_a_session_needs_its_csrf_token_to_write() -> None:
    api = api_as_role("analyst")
    api_with_csrf_checks = APIClient(enforce_csrf_checks=True)
    api_with_csrf_checks.cookies = api.cookies

    assert_error(api_with_csrf_checks.post(CLIENTS_URL, {"name": "new"}), 403, "forbidden")
    assert api_with_csrf_checks.get(CLIENTS_URL).status_code == 200


def test_a_token_needs_no_csrf_token() -> None:
    _, plaintext = create_token(name="writer", scope=Scope.WRITE)
    api = APIClient(enforce_csrf_checks=True)

    response = api.post(CLIENTS_URL, {"name": "new"}, headers={"authorization": f"Bearer {plaintext}"})

    assert response.status_code == 201


def test_an_unsupported_method_gets_405_with_every_scope() -> None:
    for scope in Scope:
        response = api_with_scope(scope).put(CLIENTS_URL, {})
        assert_error(response, 405, "method_not_allowed")
        assert response["Allow"] == "GET, POST, HEAD, OPTIONS"
