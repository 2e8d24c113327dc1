"""The number of queries of each page of the console. It does not grow with the content."""

import re

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alerting.models import AlertRule
from chm_project.tests.pages import browser, client_address, history, html, pipeline_address, run_address
from inventory.tests.factories import ClientFactory, PipelineFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> Browser:
    return browser("viewer")


# In addition to 5 for the session, the user, permissions and bindings. SET LOCAL and savepoints are not counted.
COSTS = {
    # the client; its pipelines (number, a page, strips); days, streaks, failing, flaky, sources; strips of what fails;
    # rules, and which are firing; whether it has active pipelines. The test has no connection, so pipelines per
    # connection and errors are not read.
    "client": 1 + 3 + 5 + 1 + 2 + 1,
    # the pipeline; verdict; strip; runs; failures; rules, and the runs that their previews read
    "pipeline": 1 + 1 + 1 + 1 + 1 + 1 + 1,
    "run": 1 + 1 + 2,  # the run with pipeline and client; its link to the source; its neighbours
    "list": 1
    + 1
    + 1
    + 1
    + 1,  # the user's own clients; the shape; the clients to filter by; strips; whether any pipeline is judged
}


@pytest.mark.parametrize("page", COSTS)
def test_the_number_of_queries_of_a_page_does_not_grow_with_its_content(viewer: Browser, page: str) -> None:
    client = ClientFactory.create()
    pipeline = PipelineFactory.create(client=client)
    runs = history(pipeline, "success", "failed")
    for destination in ("#a", "#b"):
        AlertRule.objects.create(client=client, rule_type="on_failure", channel="slack", destination=destination)
    address = {
        "client": client_address(client), "pipeline": pipeline_address(pipeline), "run": run_address(runs[0]),
        "list": reverse("console:list", args=["failing"]),
    }[page]  # fmt: skip
    html(viewer.get(address))  # what Django looks up once
    with CaptureQueriesContext(connection) as few:
        html(viewer.get(address))
    for _ in range(10):
        history(PipelineFactory.create(client=client), "success", "failed", "failed")
    history(pipeline, *["failed"] * 20)
    with CaptureQueriesContext(connection) as many:
        html(viewer.get(address))

    queries = [query["sql"] for query in many if not re.match(r"SET LOCAL|SAVEPOINT|RELEASE", query["sql"])]
    assert len(queries) == 5 + COSTS[page], "\n".join(queries)
    assert len(many) == len(few)
