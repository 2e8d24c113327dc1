"""Conditional requests: ETag with If-None-Match for reads, and If-Match for changes."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from alerting.models import AlertRule
from chm_project.tests.api import ROOT, api_with_scope, assert_error
from inventory.models import Client, Pipeline
from inventory.tests.factories import PipelineFactory
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> APIClient:
    return api_with_scope("write")


# ETag and If-None-Match


@pytest.mark.parametrize(
    "path",
    [
        "", "/clients", "/clients/{client}", "/pipelines/{pipeline}", "/pipelines/{pipeline}/runs", "/runs/{run}",
        "/pipelines/{pipeline}/runs/latest", "/runs?limit=1", "/reports", "/alert_rules", "/schema",
        "/reports/latest_status_by_pipeline",
    ],
)  # fmt: skip
def test_a_poller_gets_304_if_nothing_has_changed(api: APIClient, path: str) -> None:
    run = RunFactory.create()
    path = ROOT + path.format(client=run.pipeline.client_id, pipeline=run.pipeline_id, run=run.pk)
    first = api.get(path)

    again = api.get(path, HTTP_IF_NONE_MATCH=first["ETag"])
    among_others = api.get(path, HTTP_IF_NONE_MATCH=f'"other", W/{first["ETag"]}')

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert among_others.status_code == 304
    assert api.head(path, HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 304
    assert api.get(path, HTTP_IF_NONE_MATCH='"other"').content == first.content
    for name in ("RateLimit", "X-Request-ID"):
        assert again[name]


def test_a_poller_gets_the_new_state_after_a_change(api: APIClient) -> None:
    run = RunFactory.create(status="running", finished_at=None)
    path = f"{ROOT}/pipelines/{run.pipeline_id}/runs/latest"
    etag = api.get(path)["ETag"]

    api.put(f"{ROOT}/pipelines/{run.pipeline_id}/runs/{run.external_run_id}", {"status": "success"})

    assert api.get(path, HTTP_IF_NONE_MATCH=etag).json()["status"] == "success"


def test_a_change_by_ingestion_changes_the_etag(api: APIClient) -> None:
    pipeline = PipelineFactory.create()
    path = f"{ROOT}/pipelines/{pipeline.pk}"
    etag = api.get(path)["ETag"]

    Pipeline.objects.update(last_ingest_error="timeout")

    assert api.get(path, HTTP_IF_NONE_MATCH=etag).json()["last_ingest_error"] == "timeout"


def test_an_etag_needs_no_extra_query(api: APIClient) -> None:
    run = RunFactory.create()
    path = f"{ROOT}/pipelines/{run.pipeline_id}/runs/latest"
    etag = api.get(path)["ETag"]

    with CaptureQueriesContext(connection) as queries:
        api.get(path, HTTP_IF_NONE_MATCH=etag)

    assert len(queries) == 1  # one query reads the token, its user and the run


def test_an_error_has_no_etag_and_is_never_304(api: APIClient) -> None:
    response = api.get(f"{ROOT}/nothing", HTTP_IF_NONE_MATCH="*")

    assert "ETag" not in response
    assert_error(response, 404, "not_found")


# If-Match


def changes_by_path() -> dict[str, dict[str, Any]]:
    pipeline = PipelineFactory.create()
    on_failure = {"rule_type": "on_failure", "channel": "slack", "destination": "#a"}
    rule = AlertRule.objects.create(pipeline=pipeline, **on_failure)
    return {
        f"{ROOT}/clients/{pipeline.client_id}": {"name": "renamed"},
        f"{ROOT}/pipelines/{pipeline.pk}": {"description": "new"},
        f"{ROOT}/alert_rules/{rule.pk}": {"destination": "#b"},
    }


def test_a_change_with_an_outdated_etag_is_412_and_changes_nothing(api: APIClient) -> None:
    for path, change in changes_by_path().items():
        [(name, value)] = change.items()
        outdated_etag = api.get(path)["ETag"]
        assert api.patch(path, {name: f"{value}-first"}, HTTP_IF_MATCH=outdated_etag).status_code == 200

        assert_error(api.patch(path, change, HTTP_IF_MATCH=outdated_etag), 412, "precondition_failed")

        assert api.get(path).json()[name] == f"{value}-first"
        assert_error(api.delete(path, HTTP_IF_MATCH=outdated_etag), 412, "precondition_failed")
        assert api.get(path).status_code == 200


def test_the_etag_of_each_response_is_valid_for_the_next_change(api: APIClient) -> None:
    created = api.post(f"{ROOT}/clients", {"name": "a"})
    path = created["Location"]

    changed = api.patch(path, {"name": "b"}, HTTP_IF_MATCH=created["ETag"])
    changed_again = api.patch(path, {"name": "c"}, HTTP_IF_MATCH=changed["ETag"])
    weak_etag_sent = api.patch(path, {"name": "d"}, HTTP_IF_MATCH=f"W/{changed_again['ETag']}")
    two_etags_sent = api.patch(path, {"name": "e"}, HTTP_IF_MATCH=f'"other", {weak_etag_sent["ETag"]}')
    star_sent = api.patch(path, {"name": "f"}, HTTP_IF_MATCH="*")

    assert [
        response.status_code for response in (changed, changed_again, weak_etag_sent, two_etags_sent, star_sent)
    ] == [200] * 5
    assert api.get(path)["ETag"] == star_sent["ETag"]
    assert api.delete(path, HTTP_IF_MATCH=star_sent["ETag"]).status_code == 204


@pytest.mark.parametrize("etag", ['"other"', "", "nonsense", '"0.0"'])
def test_an_invalid_etag_matches_nothing(api: APIClient, etag: str) -> None:
    for path, change in changes_by_path().items():
        assert_error(api.patch(path, change, HTTP_IF_MATCH=etag), 412, "precondition_failed")


def test_a_change_by_ingestion_does_not_make_a_users_change_fail(api: APIClient) -> None:
    pipeline = PipelineFactory.create()
    path = f"{ROOT}/pipelines/{pipeline.pk}"
    etag = api.get(path)["ETag"]
    Pipeline.objects.update(last_ingest_error="timeout")

    assert api.patch(path, {"description": "new"}, HTTP_IF_MATCH=etag).status_code == 200


def test_if_match_reveals_nothing_of_another_client() -> None:
    foreign_pipeline, own_pipeline = PipelineFactory.create(), PipelineFactory.create()
    bound = api_with_scope("admin", client_id=own_pipeline.client_id)

    response = bound.patch(f"{ROOT}/pipelines/{foreign_pipeline.pk}", {"description": "x"}, HTTP_IF_MATCH='"other"')

    assert_error(response, 404, "not_found")


@pytest.mark.django_db(transaction=True)
def test_only_one_of_several_simultaneous_changes_with_one_etag_succeeds() -> None:
    client = Client.objects.create(name="a")
    path = f"{ROOT}/clients/{client.pk}"
    apis = [api_with_scope("write") for _ in range(4)]
    etag = apis[0].get(path)["ETag"]
    barrier, statuses = threading.Barrier(4), []

    def change(number: int) -> None:
        barrier.wait()
        statuses.append(apis[number].patch(path, {"name": f"by {number}"}, HTTP_IF_MATCH=etag).status_code)
        connection.close()

    threads = [threading.Thread(target=change, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 412, 412, 412]
