"""Pipelines over the API: create, list, retrieve, update, disable."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from chm_project.tests.api import (
    ROOT,
    UNKNOWN_ID,
    api_with_scope,
    assert_error,
    field_errors,
    items,
    post_json,
    rows_of_all_pages,
)
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory

PIPELINES_URL = f"{ROOT}/pipelines"
ALL_FIELDS = {
    "name": "orders",
    "platform": "airflow",
    "external_id": "orders_daily",
    "pipeline_type": "ingestion",
    "description": "Loads orders.",
    "environment": "staging",
    "is_active": False,
}
REQUIRED_FIELDS = {"name": "orders", "platform": "dbt", "pipeline_type": "transform"}


@pytest.fixture
def api(db: None) -> APIClient:
    return api_with_scope("write")


@pytest.fixture
def client(db: None) -> Client:
    return ClientFactory.create(name="Northwind")


def list_path(client: Client) -> str:
    return f"{ROOT}/clients/{client.pk}/pipelines"


@pytest.mark.proves("FR-003", "AC-001")
def test_creating_a_pipeline_returns_201_and_the_pipeline(api: APIClient, client: Client) -> None:
    response = api.post(list_path(client), ALL_FIELDS)

    assert response.status_code == 201
    body = response.json()
    assert ALL_FIELDS.items() <= body.items()
    assert body["client_id"] == str(client.pk)
    assert set(body) - set(ALL_FIELDS) == {
        "id", "client_id", "created_at", "updated_at", "stale_since",
        "ingested_through", "ingest_due_at", "last_ingest_at", "last_ingest_error",
        "source_paused", "source_next_run_at", "source_missing_since", "source_url", "source_url_template",
        "pruned_before",
    }  # fmt: skip
    assert api.get(f"{PIPELINES_URL}/{body['id']}").json() == body


def test_omitted_fields_get_their_defaults(api: APIClient, client: Client) -> None:
    body = api.post(list_path(client), REQUIRED_FIELDS).json()

    assert body["environment"] == "prod"
    assert body["is_active"] is True
    assert body["external_id"] is None
    assert body["description"] is None


@pytest.mark.proves("AC-002", "SC-005")
@pytest.mark.parametrize(
    ("change", "fields"),
    [
        pytest.param({"name": None}, {"name"}, id="name null"),
        pytest.param({"name": " "}, {"name"}, id="name blank"),
        pytest.param({"name": "x" * 256}, {"name"}, id="name too long"),
        pytest.param({"platform": "jenkins"}, {"platform"}, id="unknown platform"),
        pytest.param({"platform": "Airflow"}, {"platform"}, id="wrong case"),
        pytest.param({"platform": None}, {"platform"}, id="platform null"),
        pytest.param({"pipeline_type": ""}, {"pipeline_type"}, id="type empty"),
        pytest.param({"environment": "production"}, {"environment"}, id="unknown environment"),
        pytest.param({"environment": None}, {"environment"}, id="environment null"),
        pytest.param({"environment": {}}, {"environment"}, id="environment an object"),
        pytest.param({"external_id": ""}, {"external_id"}, id="external id empty"),
        pytest.param({"external_id": "x" * 256}, {"external_id"}, id="external id too long"),
        pytest.param({"description": 5}, {"description"}, id="description a number"),
        pytest.param({"description": "\0"}, {"description"}, id="null character"),
        pytest.param({"client_id": UNKNOWN_ID}, {"client_id"}, id="client_id in the body"),
        pytest.param({"ingested_through": None}, {"ingested_through"}, id="set by CHM"),
        pytest.param({"stale_since": None}, {"stale_since"}, id="computed field"),
        pytest.param({"name": 1, "platform": 2, "pipeline_type": 3, "environment": 4, "is_active": 5, "nope": 6},
                     {"name", "platform", "pipeline_type", "environment", "is_active", "nope"}, id="several fields"),
    ],
)  # fmt: skip
def test_the_error_names_every_invalid_field_and_nothing_is_stored(
    api: APIClient, client: Client, change: dict[str, Any], fields: set[str]
) -> None:
    issues = field_errors(post_json(api, list_path(client), ALL_FIELDS | change))

    assert set(issues) == fields
    assert not Pipeline.objects.exists()


def test_a_choice_error_lists_the_choices(api: APIClient, client: Client) -> None:
    issues = field_errors(api.post(list_path(client), REQUIRED_FIELDS | {"environment": "production"}))

    assert issues == {"environment": ["Give one of: dev, staging, prod."]}


def test_the_error_lists_all_violated_uniqueness_rules(api: APIClient, client: Client) -> None:
    api.post(list_path(client), ALL_FIELDS)

    issues = field_errors(api.post(list_path(client), ALL_FIELDS))

    assert issues == {
        "name": ["This client has a pipeline with this name already."],
        "platform": ["This client has a pipeline with this external id on this platform already."],
        "external_id": ["This client has a pipeline with this external id on this platform already."],
    }


def test_another_client_can_use_the_same_names_and_external_ids(api: APIClient, client: Client) -> None:
    api.post(list_path(client), ALL_FIELDS)

    assert api.post(list_path(ClientFactory.create()), ALL_FIELDS).status_code == 201
    assert api.post(list_path(client), REQUIRED_FIELDS | {"name": "a"}).status_code == 201
    assert api.post(list_path(client), REQUIRED_FIELDS | {"name": "b"}).status_code == 201


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_client_returns_404(api: APIClient, db: None, method: str) -> None:
    assert_error(getattr(api, method)(f"{ROOT}/clients/{UNKNOWN_ID}/pipelines"), 404, "not_found")


@pytest.mark.proves("FR-003")
def test_lists_contain_the_active_inventory_sorted_by_name(api: APIClient, client: Client) -> None:
    PipelineFactory.create(client=client, name="b")
    PipelineFactory.create(name="a")
    PipelineFactory.create(client=client, name="disabled", is_active=False)
    PipelineFactory.create(client__is_active=False, name="of a disabled client")

    assert [pipeline["name"] for pipeline in items(api.get(PIPELINES_URL))] == ["a", "b"]
    assert [pipeline["name"] for pipeline in items(api.get(list_path(client)))] == ["b"]
    assert [p["name"] for p in items(api.get(PIPELINES_URL, {"is_active": "false"}))] == ["disabled"]
    assert [p["name"] for p in items(api.get(PIPELINES_URL, {"include_inactive": "true"}))] == [
        "a", "b", "disabled", "of a disabled client",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "parameters",
    [
        {"platform": "dbt"},
        {"environment": "dev"},
        {"pipeline_type": "export"},
        {"external_id": "wanted-id"},
        {"name": "wanted"},
        {"platform": "dbt", "environment": "dev"},
    ],
    ids=str,
)
def test_the_lists_of_all_pipelines_and_of_a_client_are_filtered_by_each_column(
    api: APIClient, client: Client, parameters: dict[str, str]
) -> None:
    PipelineFactory.create(client=client)
    PipelineFactory.create(
        client=client, name="wanted", external_id="wanted-id", platform="dbt", environment="dev", pipeline_type="export"
    )

    assert [pipeline["name"] for pipeline in items(api.get(PIPELINES_URL, parameters))] == ["wanted"]
    assert [pipeline["name"] for pipeline in items(api.get(list_path(client), parameters))] == ["wanted"]


def test_the_list_is_filtered_by_client(api: APIClient, client: Client) -> None:
    PipelineFactory.create(client=client, name="wanted")
    PipelineFactory.create()

    assert [p["name"] for p in items(api.get(PIPELINES_URL, {"client_id": str(client.pk)}))] == ["wanted"]
    assert items(api.get(PIPELINES_URL, {"client_id": UNKNOWN_ID})) == []


def test_each_of_several_pipelines_with_the_same_name_is_listed_once(api: APIClient, db: None) -> None:
    created_ids = {str(PipelineFactory.create(name="same").pk) for _ in range(7)}

    listed_ids = [pipeline["id"] for pipeline in rows_of_all_pages(api, PIPELINES_URL, limit=2)]

    assert len(listed_ids) == 7
    assert set(listed_ids) == created_ids


@pytest.mark.parametrize(
    ("due", "is_stale"),
    [
        pytest.param(None, False, id="never walked"),
        pytest.param(timedelta(minutes=-1), True, id="passed"),
        pytest.param(timedelta(minutes=1), False, id="to come"),
    ],
)
def test_stale_since_is_ingest_due_at_only_if_this_time_has_passed(
    api: APIClient, client: Client, due: timedelta | None, is_stale: bool
) -> None:
    moment = timezone.now() + due if due is not None else None
    pipeline = PipelineFactory.create(client=client, ingest_due_at=moment)

    detail = api.get(f"{PIPELINES_URL}/{pipeline.pk}").json()

    assert detail["stale_since"] == (detail["ingest_due_at"] if is_stale else None)
    assert [p["stale_since"] for p in items(api.get(list_path(client)))] == [detail["stale_since"]]


def test_patch_keeps_the_watermark_of_the_pipeline(api: APIClient) -> None:
    watermark = datetime(2026, 3, 1, tzinfo=UTC)
    pipeline = PipelineFactory.create(ingested_through=watermark)

    body = api.patch(f"{PIPELINES_URL}/{pipeline.pk}", {"description": "new"}).json()

    assert body["description"] == "new"
    assert Pipeline.objects.get().ingested_through == watermark


def test_patch_writes_only_the_columns_that_it_changes(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk sets the watermark while a PATCH is running. The PATCH does not overwrite the watermark."""
    pipeline = PipelineFactory.create()
    watermark = datetime(2026, 3, 1, tzinfo=UTC)
    save = Pipeline.save

    def save_after_a_walk(instance: Pipeline, *args: Any, **kwargs: Any) -> None:
        Pipeline.objects.update(ingested_through=watermark, last_ingest_error="no answer")
        save(instance, *args, **kwargs)

    monkeypatch.setattr(Pipeline, "save", save_after_a_walk)
    api.patch(f"{PIPELINES_URL}/{pipeline.pk}", {"name": "renamed"})

    pipeline.refresh_from_db()
    assert (pipeline.name, pipeline.ingested_through, pipeline.last_ingest_error) == ("renamed", watermark, "no answer")


@pytest.mark.parametrize("change", [{"external_id": "other"}, {"platform": "dbt"}, {"external_id": None}], ids=str)
def test_a_change_of_the_source_clears_the_watermark_and_the_other_fields_of_the_source(
    api: APIClient, change: dict[str, Any]
) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    pipeline = PipelineFactory.create(ingested_through=moment, source_paused=True, source_next_run_at=moment)

    body = api.patch(f"{PIPELINES_URL}/{pipeline.pk}", change).json()

    stored = Pipeline.objects.get()
    assert (body["ingested_through"], body["source_paused"], body["source_next_run_at"]) == (None, None, None)
    assert (stored.ingested_through, stored.source_paused, stored.source_next_run_at) == (None, None, None)


@pytest.mark.proves("FR-003")
def test_a_pipeline_can_move_to_another_client(api: APIClient, client: Client) -> None:
    pipeline = PipelineFactory.create(ingested_through=datetime(2026, 3, 1, tzinfo=UTC))

    body = api.patch(f"{PIPELINES_URL}/{pipeline.pk}", {"client_id": str(client.pk)}).json()

    assert body["client_id"] == str(client.pk)
    assert body["ingested_through"] is None


@pytest.mark.parametrize("value", [UNKNOWN_ID, "no id", None, 5, {}], ids=str)
def test_a_pipeline_cannot_move_to_an_unknown_client(api: APIClient, value: Any) -> None:
    pipeline = PipelineFactory.create()

    issues = field_errors(patch_pipeline(api, pipeline, {"client_id": value}))

    assert set(issues) == {"client_id"}


def patch_pipeline(api: APIClient, pipeline: Pipeline, body: Any) -> Any:
    return api.patch(f"{PIPELINES_URL}/{pipeline.pk}", body)


def test_a_rename_to_a_taken_name_is_refused(api: APIClient) -> None:
    pipeline = PipelineFactory.create()
    other_pipeline = PipelineFactory.create(client=pipeline.client)

    issues = field_errors(patch_pipeline(api, pipeline, {"name": other_pipeline.name}))

    assert issues == {"name": ["This client has a pipeline with this name already."]}


@pytest.mark.proves("FR-018", "AC-001")
def test_delete_disables_a_pipeline_that_can_still_be_read(api: APIClient) -> None:
    pipeline = PipelineFactory.create()
    path = f"{PIPELINES_URL}/{pipeline.pk}"

    assert api.delete(path).status_code == 204

    assert api.get(path).json()["is_active"] is False
    assert items(api.get(PIPELINES_URL)) == []
    assert items(api.get(list_path(pipeline.client))) == []


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_an_unknown_pipeline_returns_404(api: APIClient, method: str) -> None:
    assert_error(getattr(api, method)(f"{PIPELINES_URL}/{UNKNOWN_ID}"), 404, "not_found")


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["description", "external_id"])
def test_the_api_refuses_a_secret_and_does_not_repeat_it_in_the_error(field: str) -> None:
    pipeline = PipelineFactory.create()
    for answer in (
        api_with_scope().patch(f"{ROOT}/pipelines/{pipeline.pk}", {field: "load with password=hunter2"}, format="json"),
        post_json(
            api_with_scope(),
            f"{ROOT}/clients/{pipeline.client_id}/pipelines",
            {"name": "new", "platform": "cron", "pipeline_type": "export", field: "load with password=hunter2"},
        ),
    ):
        [issue] = field_errors(answer)[field]
        assert issue.startswith("This contains a secret")
        assert "hunter2" not in answer.content.decode()


@pytest.mark.django_db
def test_saving_a_model_instance_masks_secrets() -> None:
    pipeline = PipelineFactory.create(description="mails with token=FAKE-tok-77", external_id="a?token=FAKE-tok-78")

    assert pipeline.description == "mails with token=[filtered]"
    assert pipeline.external_id == "a?token=[filtered]"
