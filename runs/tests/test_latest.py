"""The latest run is the run that started last.

Among equal starts, it is the run that ended last, then the newer row.
"""

from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from chm_project.tests.api import ROOT, api_with_scope, assert_error
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

NINE, TEN, ELEVEN = (datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (9, 10, 11))
Times = tuple[datetime | None, datetime | None]


@pytest.fixture
def api() -> APIClient:
    return api_with_scope("read")


@pytest.fixture
def pipeline() -> Pipeline:
    return PipelineFactory.create()


def latest_id(api: APIClient, pipeline: Pipeline) -> str:
    response = api.get(f"{ROOT}/pipelines/{pipeline.pk}/runs/latest")
    assert response.status_code == 200
    return str(response.json()["external_run_id"])


@pytest.mark.proves("FR-006", "AC-004")
@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param((NINE, ELEVEN), (TEN, TEN), id="the later start, although it ended earlier"),
        pytest.param((NINE, None), (TEN, None), id="the later start of two open ones"),
        pytest.param((None, ELEVEN), (NINE, NINE), id="a run with a start, although the run without one ended later"),
        pytest.param((None, None), (NINE, None), id="a run with a start, not the run without times"),
        pytest.param((NINE, TEN), (NINE, ELEVEN), id="equal starts: the later end"),
        pytest.param((NINE, None), (NINE, TEN), id="equal starts: the run with an end"),
        pytest.param((None, NINE), (None, TEN), id="no starts: the later end"),
        pytest.param((None, None), (None, NINE), id="no starts: the run with an end"),
        pytest.param((NINE, TEN), (NINE, TEN), id="all equal: the newer row"),
        pytest.param((None, None), (None, None), id="no times: the newer row"),
    ],
)
def test_the_latest_run_is_chosen_by_start_then_end_then_id(
    api: APIClient, pipeline: Pipeline, older: Times, newer: Times
) -> None:
    stored_in_reverse = PipelineFactory.create()
    for name, (started_at, finished_at) in (("older", older), ("newer", newer)):
        RunFactory.create(pipeline=pipeline, external_run_id=name, started_at=started_at, finished_at=finished_at)
    for name, (started_at, finished_at) in (("newer", newer), ("older", older)):
        RunFactory.create(
            pipeline=stored_in_reverse, external_run_id=name, started_at=started_at, finished_at=finished_at
        )

    assert latest_id(api, pipeline) == "newer"
    # Which run was stored first matters only for runs with equal times.
    assert latest_id(api, stored_in_reverse) == ("older" if older == newer else "newer")


def test_a_run_without_a_start_is_not_the_latest_even_if_it_is_the_only_open_run(
    api: APIClient, pipeline: Pipeline
) -> None:
    RunFactory.create(pipeline=pipeline, external_run_id="ended", started_at=NINE, finished_at=TEN)
    RunFactory.create(pipeline=pipeline, external_run_id="queued", status="running", started_at=None, finished_at=None)

    assert latest_id(api, pipeline) == "ended"


def test_the_latest_run_ignores_runs_of_other_pipelines(api: APIClient, pipeline: Pipeline) -> None:
    RunFactory.create(pipeline=pipeline, external_run_id="own", started_at=NINE)
    RunFactory.create(pipeline__client=pipeline.client, started_at=ELEVEN)

    assert latest_id(api, pipeline) == "own"


def test_a_pipeline_without_runs_has_no_latest_run(api: APIClient, pipeline: Pipeline) -> None:
    response = api.get(f"{ROOT}/pipelines/{pipeline.pk}/runs/latest")

    assert_error(response, 404, "not_found")
    assert "has no runs" in response.json()["error"]["message"]


@pytest.mark.proves("FR-006")
def test_the_latest_run_is_the_first_of_the_list(api: APIClient, pipeline: Pipeline) -> None:
    RunFactory.create_batch(3, pipeline=pipeline)

    path = f"{ROOT}/pipelines/{pipeline.pk}/runs"

    assert api.get(f"{path}/latest").json() == api.get(path).json()["items"][0]
    assert Run.objects.count() == 3
