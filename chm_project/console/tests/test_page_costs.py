"""How many queries a page of the console costs, however much is on it."""

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


# Beside session, person, and the person's permissions and bindings (5). SET LOCAL and savepoints are not counted.
COSTS = {
    # the client; its pipelines (number, a page, strips); days, streaks, failing, flaky, sources; strips of what fails;
    # rules, which hold; whether it has active pipelines (and no pipelines per connection, no errors, without a
    # connection)
    "client": 1 + 3 + 5 + 1 + 2 + 1,
    # the pipeline; verdict; strip; runs; failures; rules, and what those of one scope share
    "pipeline": 1 + 1 + 1 + 1 + 1 + 1 + 1,
    "run": 1 + 1 + 2,  # the run with pipeline and client; its link to the source; its neighbours
    "list": 1
    + 1
    + 1
    + 1
    + 1,  # the kept clients; the shape; the clients to filter by; strips; whether any pipeline is judged
}


@pytest.mark.parametrize("page", COSTS)
def test_a_page_costs_the_same_queries_however_much_is_on_it(viewer: Browser, page: str) -> None:
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
