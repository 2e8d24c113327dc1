"""Each response needs a fixed number of queries. Each case of the test lists what its queries read."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chm_project.tests.api import ROOT, api_as_role, api_with_scope
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

TOKEN = "the token with its user"
TOKEN_AND_RUN = "the token with its user and the run"
CLIENT = "the client, if it is visible"


@pytest.fixture
def pipeline() -> Pipeline:
    pipeline = PipelineFactory.create()
    for _ in range(5):
        RunFactory.create(pipeline=pipeline)
        RunFactory.create(pipeline=PipelineFactory.create(client=pipeline.client))
    return pipeline


def captured_queries(call: Callable[[], object]) -> list[str]:
    call()  # the first request also stores when the token was last used
    with CaptureQueriesContext(connection) as queries:
        call()
    return [query["sql"] for query in queries]


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("clients", [TOKEN, "a page of clients"]),
        ("clients/{client}", [TOKEN, "the client"]),
        ("clients/{client}/pipelines", [TOKEN, CLIENT, "a page of pipelines"]),
        ("pipelines", [TOKEN, "a page of pipelines"]),
        ("pipelines?platform=airflow&limit=2", [TOKEN, "a page of pipelines"]),
        ("pipelines/{pipeline}", [TOKEN, "the pipeline"]),
        ("pipelines/{pipeline}/runs", [TOKEN, "a page of runs"]),
        ("pipelines/{pipeline}/runs/latest", [TOKEN_AND_RUN]),
        ("runs/{run}", [TOKEN_AND_RUN]),
        ("runs", [TOKEN, "a page of runs"]),
        ("runs?platform=airflow&environment=prod&status=success", [TOKEN, "a page of runs"]),
        ("clients/{client}/runs/summary", [TOKEN, "counts and latest run of each pipeline"]),
        ("schema", [TOKEN]),
    ],
)
def test_a_request_with_a_token_needs_a_fixed_number_of_queries(
    pipeline: Pipeline, path: str, queries: list[str]
) -> None:
    api = api_with_scope("read")
    ids = {"client": pipeline.client_id, "pipeline": pipeline.pk, "run": pipeline.runs.latest("id").pk}
    path = f"{ROOT}/{path.format(**ids)}"

    assert len(captured_queries(lambda: api.get(path))) == len(queries)


@pytest.mark.parametrize("path", ["clients", "pipelines", "runs"])
def test_a_request_of_a_user_needs_a_fixed_number_of_queries(pipeline: Pipeline, path: str) -> None:
    api = api_as_role("viewer")
    queries = ["the session", "the user", "permissions of the user", "permissions of the groups", "bindings", "a page"]

    assert len(captured_queries(lambda: api.get(f"{ROOT}/{path}"))) == len(queries)


def test_a_bound_token_needs_no_additional_query(pipeline: Pipeline) -> None:
    api = api_with_scope("read", client_id=pipeline.client_id)

    assert len(captured_queries(lambda: api.get(f"{ROOT}/runs"))) == len([TOKEN, "a page of runs"])
