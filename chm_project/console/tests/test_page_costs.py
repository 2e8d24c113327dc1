"""Each page of the console needs a fixed number of queries, for any amount of content."""

import re

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alerting.models import AlertRule
from chm_project.tests.pages import browser, client_url, create_hourly_runs, html, pipeline_url, run_url
from inventory.tests.factories import ClientFactory, PipelineFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> Browser:
    return browser("viewer")


# Queries of each page. Every page needs 5 more for the session, the user, permissions and bindings. SET LOCAL and
# savepoints are not counted.
QUERY_COUNTS = {
    # 1: client. 3: number of pipelines, one page of them, their strips. 5: shapes of days, streaks, failing, flaky,
    # sources. 1: strips of failing pipelines. 2: rules, and which are firing. 1: whether any pipeline is active. 1:
    # errors of ingestion. Without a configured connection, the part about connections needs no query.
    "client": 1 + 3 + 5 + 1 + 2 + 1 + 1,
    # 1 each: pipeline, whether it fails, strip, runs, failures, rules, runs for the previews of the rules
    "pipeline": 1 + 1 + 1 + 1 + 1 + 1 + 1,
    "run": 1 + 1 + 2,  # 1: run with pipeline and client. 1: link to the source. 2: the runs before and after
    # 1 each: my clients, shape, clients of the filter, strips, whether any pipeline is active
    "list": 1 + 1 + 1 + 1 + 1,
}


@pytest.mark.parametrize("page", QUERY_COUNTS)
def test_the_number_of_queries_of_a_page_does_not_grow_with_its_content(viewer: Browser, page: str) -> None:
    client = ClientFactory.create()
    pipeline = PipelineFactory.create(client=client)
    runs = create_hourly_runs(pipeline, "success", "failed")
    for destination in ("#a", "#b"):
        AlertRule.objects.create(client=client, rule_type="on_failure", channel="slack", destination=destination)
    url = {
        "client": client_url(client), "pipeline": pipeline_url(pipeline), "run": run_url(runs[0]),
        "list": reverse("console:list", args=["failing"]),
    }[page]  # fmt: skip
    html(viewer.get(url))  # fills caches of Django, such as content types
    with CaptureQueriesContext(connection) as queries_with_few_rows:
        html(viewer.get(url))
    for _ in range(10):
        create_hourly_runs(PipelineFactory.create(client=client), "success", "failed", "failed")
    create_hourly_runs(pipeline, *["failed"] * 20)
    with CaptureQueriesContext(connection) as queries_with_many_rows:
        html(viewer.get(url))

    queries = [
        query["sql"] for query in queries_with_many_rows if not re.match(r"SET LOCAL|SAVEPOINT|RELEASE", query["sql"])
    ]
    assert len(queries) == 5 + QUERY_COUNTS[page], "\n".join(queries)
    assert len(queries_with_many_rows) == len(queries_with_few_rows)
