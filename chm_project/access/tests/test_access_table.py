"""Request every route and method with every scope, for the caller's own client and for another client.

TABLE has the scope that each operation needs. A new route fails the first test until it is in the table.
Bound callers are tokens and people; test_console_table.py requests the pages of the console as the same people.
"""

from typing import Any

import pytest
from django.urls import get_resolver
from rest_framework.test import APIClient

from alerting.models import AlertRule
from chm_project.access.models import GRANTED_SCOPES, Scope
from chm_project.api.tests.test_api_surface import methods, routes
from chm_project.tests.api import ROOT, api_with_scope, create_bound_user
from inventory.models import Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.reporting.shapes import shapes
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

READ, INGEST, WRITE = Scope.READ, Scope.INGEST, Scope.WRITE
PIPELINE_BODY = {"name": "new", "platform": "cron", "pipeline_type": "export"}
DBT_BODY = {"metadata": {"invocation_id": "1", "generated_at": "2026-03-01T10:00:00Z"}, "results": []}
# Stands for a body that send() builds: RULE_BODY with the id of the pipeline.
RULE_OF_OWN_PIPELINE = "rule of own pipeline"
RULE_BODY = {"rule_type": "on_failure", "channel": "slack", "destination": "#new"}

# (method, path) -> (scope, body). Placeholders are ids of the caller's own client, or of another client.
TABLE: dict[tuple[str, str], tuple[Scope, Any]] = {
    ("get", "/ready"): (READ, None),
    ("get", "/metrics"): (READ, None),
    ("get", ROOT): (READ, None),
    ("get", f"{ROOT}/errors"): (READ, None),
    ("get", f"{ROOT}/schema"): (READ, None),
    ("get", f"{ROOT}/docs"): (READ, None),
    ("get", f"{ROOT}/clients"): (READ, None),
    ("post", f"{ROOT}/clients"): (WRITE, {"name": "new"}),
    ("get", f"{ROOT}/clients/{{client_id}}"): (READ, None),
    ("patch", f"{ROOT}/clients/{{client_id}}"): (WRITE, {"is_active": True}),
    ("delete", f"{ROOT}/clients/{{client_id}}"): (WRITE, None),
    ("get", f"{ROOT}/clients/{{client_id}}/pipelines"): (READ, None),
    ("post", f"{ROOT}/clients/{{client_id}}/pipelines"): (WRITE, PIPELINE_BODY),
    ("get", f"{ROOT}/clients/{{client_id}}/runs/summary"): (READ, None),
    ("get", f"{ROOT}/pipelines"): (READ, None),
    ("get", f"{ROOT}/pipelines/{{pipeline_id}}"): (READ, None),
    ("patch", f"{ROOT}/pipelines/{{pipeline_id}}"): (WRITE, {"name": "renamed"}),
    ("delete", f"{ROOT}/pipelines/{{pipeline_id}}"): (WRITE, None),
    ("get", f"{ROOT}/pipelines/{{pipeline_id}}/runs"): (READ, None),
    ("post", f"{ROOT}/pipelines/{{pipeline_id}}/runs"): (WRITE, {"status": "success"}),
    ("get", f"{ROOT}/pipelines/{{pipeline_id}}/runs/latest"): (READ, None),
    ("put", f"{ROOT}/pipelines/{{pipeline_id}}/runs/latest"): (INGEST, {"status": "success"}),
    ("get", f"{ROOT}/pipelines/{{pipeline_id}}/runs/{{external_run_id}}"): (READ, None),
    ("put", f"{ROOT}/pipelines/{{pipeline_id}}/runs/{{external_run_id}}"): (INGEST, {"status": "success"}),
    ("post", f"{ROOT}/pipelines/{{pipeline_id}}/dbt_run_results"): (INGEST, DBT_BODY),
    ("post", f"{ROOT}/pipelines/{{pipeline_id}}/known_failure"): (WRITE, {"reason": "ticket 123"}),
    ("delete", f"{ROOT}/pipelines/{{pipeline_id}}/known_failure"): (WRITE, None),
    ("post", f"{ROOT}/lineage"): (INGEST, {}),
    ("get", f"{ROOT}/runs"): (READ, None),
    ("post", f"{ROOT}/runs/batch"): (INGEST, {"items": [{}]}),
    ("get", f"{ROOT}/runs/{{run_id}}"): (READ, None),
    ("get", f"{ROOT}/alert_rules"): (READ, None),
    ("post", f"{ROOT}/alert_rules"): (WRITE, RULE_OF_OWN_PIPELINE),
    ("get", f"{ROOT}/alert_rules/firing"): (READ, None),
    ("get", f"{ROOT}/alert_rules/{{rule_id}}"): (READ, None),
    ("patch", f"{ROOT}/alert_rules/{{rule_id}}"): (WRITE, {"is_enabled": False}),
    ("delete", f"{ROOT}/alert_rules/{{rule_id}}"): (WRITE, None),
    ("get", f"{ROOT}/alert_rules/{{rule_id}}/preview"): (READ, None),
    ("post", f"{ROOT}/ingestion/runs/sync"): (INGEST, {"connection": "none"}),
    ("get", f"{ROOT}/ingestion/runs/sync/{{task_id}}"): (INGEST, None),
    ("get", f"{ROOT}/reports"): (READ, None),
    ("get", f"{ROOT}/handover"): (READ, None),
    **{("get", f"{ROOT}/reports/{name}"): (READ, None) for name in shapes()},
}
# These operations return an error even with permission: the tests have no connection, no task and no beat, and
# /lineage needs a bound token.
EXPECTED_ERRORS = {
    f"{ROOT}/lineage": 403,
    f"{ROOT}/ingestion/runs/sync": 400,
    f"{ROOT}/ingestion/runs/sync/{{task_id}}": 404,
    "/ready": 503,
}
WITHOUT_TOKEN = {("get", "/health")}
# The key in the path is the token. The sign (`start`, `fail`, `log` or an exit status) says what the job did. See
# runs/tests/test_pings.py.
WITH_KEY_IN_PATH = {(method, path) for path in ("/ping/{key}", "/ping/{key}/{sign}") for method in ("get", "post")}

# The key in the path is the token; see chm_project/handover/tests/test_handover.py.
FEED_PATH = "/feed/{key}"


def case_id(operation: tuple[str, str]) -> str:
    return " ".join(operation)


def create_objects() -> dict[str, str]:
    pipeline: Pipeline = PipelineFactory.create()
    run = RunFactory.create(pipeline=pipeline, external_run_id="stored", status="failed")
    rule = AlertRule.objects.create(pipeline=pipeline, **RULE_BODY | {"destination": "#old"})
    return {
        "client_id": str(pipeline.client_id), "pipeline_id": str(pipeline.pk), "run_id": str(run.pk),
        "rule_id": str(rule.pk), "external_run_id": "stored", "task_id": "019b0000-0000-7000-8000-000000000000",
    }  # fmt: skip


def send(api: Any, operation: tuple[str, str], ids: dict[str, str]) -> Any:
    method, path = operation
    body = TABLE[operation][1]
    if body == RULE_OF_OWN_PIPELINE:
        body = RULE_BODY | {"pipeline_id": ids["pipeline_id"]}
    return getattr(api, method)(path.format(**ids), *([body] if body is not None else []))


# Callers that are bound to a client or to its pipeline. For a member of a bound group, the group is bound and not the
# person. A person of two clients is also bound to a second client.
BOUND_CALLERS = (
    "token of a client",
    "token of a pipeline",
    "person",
    "member of a bound group",
    "person of two clients",
)


def api_of_bound_caller(caller: str, own_ids: dict[str, str]) -> APIClient:
    """Return the API client of a caller with every permission, bound to the client or pipeline of `own_ids`."""
    match caller:
        case "token of a client":
            return api_with_scope("admin", client_id=own_ids["client_id"])
        case "token of a pipeline":
            return api_with_scope("admin", pipeline_id=own_ids["pipeline_id"])
        case _:
            api = APIClient()
            api.force_login(create_bound_user(caller, own_ids["client_id"]))
            return api


def test_every_route_and_method_is_in_the_table() -> None:
    """Add a new route to TABLE with the scope that it needs and a valid body."""
    served = {
        (method, path)
        for path, view in routes(get_resolver()).items()
        # Only routes of re_path contain a parenthesis.
        if "(" not in path and not path.startswith("/static") and path != FEED_PATH
        for method in set(getattr(view, "actions", None) or methods(view.cls)) - {"head"}
    }
    assert served - WITHOUT_TOKEN - WITH_KEY_IN_PATH == set(TABLE)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("operation", TABLE, ids=case_id)
def test_a_scope_allows_only_what_it_grants(operation: tuple[str, str], scope: Scope) -> None:
    ids = create_objects()
    response = send(api_with_scope(scope), operation, ids)
    if TABLE[operation][0] in GRANTED_SCOPES[scope]:
        expected = EXPECTED_ERRORS.get(operation[1])
        assert response.status_code == expected if expected else 200 <= response.status_code < 300, response.content
    else:
        assert response.status_code == 403, response.content


@pytest.mark.parametrize("caller", BOUND_CALLERS)
@pytest.mark.parametrize("operation", [operation for operation in TABLE if "{" in operation[1]], ids=case_id)
def test_a_bound_caller_gets_404_for_another_clients_objects(operation: tuple[str, str], caller: str) -> None:
    own_ids, foreign_ids = create_objects(), create_objects()
    api = api_of_bound_caller(caller, own_ids)
    assert send(api, operation, foreign_ids).status_code == 404
    if operation[1] not in EXPECTED_ERRORS and caller != "token of a pipeline":
        assert 200 <= send(api, operation, own_ids).status_code < 300


@pytest.mark.parametrize("caller", BOUND_CALLERS)
@pytest.mark.parametrize(
    "operation", [operation for operation in TABLE if "{" not in operation[1] and operation[0] == "get"], ids=case_id
)
def test_lists_and_reports_contain_nothing_of_another_client(operation: tuple[str, str], caller: str) -> None:
    own_ids, foreign_ids = create_objects(), create_objects()
    response = send(api_of_bound_caller(caller, own_ids), operation, own_ids)
    if operation[1] in {"/ready", "/metrics"}:  # about the whole installation
        assert response.status_code == 403
    elif caller != "token of a pipeline":
        assert response.status_code == 200
    assert foreign_ids["client_id"] not in response.content.decode() or operation[1].endswith(("schema", "docs"))
    name = Pipeline.objects.get(pk=foreign_ids["pipeline_id"]).name
    assert name not in response.content.decode()


def test_only_health_and_the_readiness_status_need_no_token() -> None:
    ids = create_objects()
    for operation in TABLE:
        if operation[1] != "/ready":
            assert send(APIClient(), operation, ids).status_code == 401, operation
    assert APIClient().get("/health").status_code == 200
    assert APIClient().get("/ready").json() == {"status": "ok"}


def test_options_lists_the_methods_of_every_route() -> None:
    ids, api = create_objects(), api_with_scope()
    for method, path in TABLE:
        response = api.options(path.format(**ids))
        # The documentation page supports only GET and HEAD.
        assert response.status_code == (405 if path.endswith("/docs") else 200), path
        assert method.upper() in response["Allow"]


def test_a_bound_token_cannot_create_a_client() -> None:
    api = api_with_scope("admin", client_id=ClientFactory.create().pk)
    assert api.post(f"{ROOT}/clients", {"name": "new"}).status_code == 403


def test_a_bound_token_cannot_find_names_of_other_clients_by_renaming_its_client() -> None:
    own_client, other_client = ClientFactory.create(), ClientFactory.create(name="Secret customer")
    api = api_with_scope("write", client_id=own_client.pk)
    path = f"{ROOT}/clients/{own_client.pk}"
    taken, free = api.patch(path, {"name": other_client.name}), api.patch(path, {"name": "Free name"})
    assert (taken.status_code, free.status_code) == (403, 403)
    assert taken.json()["error"]["message"] == free.json()["error"]["message"]


def test_responses_may_not_be_stored_by_shared_caches() -> None:
    assert api_with_scope("read").get(f"{ROOT}/clients")["Cache-Control"] == "private, no-cache"
