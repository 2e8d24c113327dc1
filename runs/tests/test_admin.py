"""Lists of clients, pipelines, runs and rules in the console: queries, permissions and search."""

import re
import uuid

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from inventory.models import Client, Pipeline
from runs.services import record_runs
from runs.tests.source_writes import Source

pytestmark = pytest.mark.django_db

LISTS = ["inventory/client/", "inventory/pipeline/", "runs/run/", "alerting/alertrule/"]


@pytest.fixture
def browser(client: Browser) -> Browser:
    client.force_login(User.objects.create_superuser("admin"))
    return client


def create_failed_runs(number: int) -> None:
    for _ in range(number):
        owner = Client.objects.create(name=f"client-{uuid.uuid4()}")
        pipeline = Pipeline.objects.create(client=owner, name="p", platform="dbt", pipeline_type="export")
        record_runs([Source(pipeline.id).snapshot("failed", "10:00", error_message="<script>alert(1)</script>")])


@pytest.mark.parametrize("page", LISTS)
def test_a_list_of_any_length_needs_the_same_number_of_queries(browser: Browser, page: str) -> None:
    create_failed_runs(2)
    with CaptureQueriesContext(connection) as queries_of_2_rows:
        assert browser.get(f"/admin/{page}").status_code == 200
    create_failed_runs(10)

    with CaptureQueriesContext(connection) as queries_of_12_rows:
        assert browser.get(f"/admin/{page}").status_code == 200

    assert len(queries_of_2_rows) == len(queries_of_12_rows)
    # Do not count the statements that set the limits of reports, and savepoints.
    statements = [query["sql"] for query in queries_of_12_rows]
    assert len([sql for sql in statements if not re.match(r"SET LOCAL|SAVEPOINT|RELEASE", sql)]) <= 8


def test_a_run_page_escapes_the_error_and_is_read_only(browser: Browser) -> None:
    create_failed_runs(1)
    run = Pipeline.objects.get().runs.get()

    page = browser.get(f"/admin/runs/run/{run.pk}/change/").content.decode()

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert browser.get("/admin/runs/run/add/").status_code == 403
    assert browser.post(f"/admin/runs/run/{run.pk}/delete/").status_code == 403


@pytest.mark.parametrize("page", ["inventory/client/", "inventory/pipeline/"])
def test_inventory_has_a_form_and_cannot_be_deleted(browser: Browser, page: str) -> None:
    create_failed_runs(1)
    row = Client.objects.get() if "client" in page else Pipeline.objects.get()

    assert browser.post(f"/admin/{page}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert browser.get(f"/admin/{page}{row.pk}/change/").status_code == 200


@pytest.mark.parametrize("page", LISTS)
def test_lists_can_be_searched(browser: Browser, page: str) -> None:
    create_failed_runs(1)

    assert browser.get(f"/admin/{page}?q=client").status_code == 200
